"""Submitting from a terminal: what is refused and how it ends, quoting, and being run once."""

from __future__ import annotations

import json
import signal

import pytest

from tests.processes.cli.commands import Terminal
from tests.processes.server import Server
from tests.waiting import until

WAITS = "read -r line"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing argument"),
        (("echo", "a", "b"), "Put -- before a command of several words: submit [OPTIONS] -- echo"),
        (("--timeout", "soon", "true"), "no span of time"),
        (("--timeout", "0", "true"), "no span of time"),
        (("--priority", "1.5", "true"), "1.5"),
        (("--env", "LINEUP_NOT_SET", "true"), "no such variable"),
        (("--env", "LINEUP_X=1", "true"), "env: LINEUP_X: names that begin with LINEUP_"),
        (("--setting", "url", "true"), "write NAME=VALUE"),
        (("--setting", "env.A=1", "--setting", "env.A=2", "true"), "env.A is said twice"),
        (("--setting", "env=5", "--env", "A=1", "true"), "env is said twice"),
        (
            ("--secret", "secret_env.A=LINEUP_NOT_SET", "true"),
            "there is no variable LINEUP_NOT_SET",
        ),
        (("--agent", "http", "--setting", "url=ftp://x", "ask"), "url: must begin with http"),
        (("--session", "a b", "true"), "session_id: must be"),
        (("--agent", "juggler", "true"), "juggler"),
        (("--cwd", "nowhere-at-all", "true"), "is not an existing directory"),
        (("--wait-timeout", "5", "true"), "go with --wait"),
        (("--follow", "--json", "true"), "without --json"),
        (("--idempotency-key", "a b", "true"), "visible ASCII"),
        (("",), "must not be empty"),
        (("--", b"\xff\xfe".decode("utf-8", "surrogateescape")), "not UTF-8"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_stores_nothing(
    shell: Terminal, server: Server, words: tuple[str, ...], said: str
) -> None:
    before = server.home.query("SELECT count(*) FROM tasks")[0][0]

    refused = shell.run("submit", *words)

    assert refused.status == 2, refused
    assert said in refused.err
    assert server.home.query("SELECT count(*) FROM tasks")[0][0] == before


def test_a_busy_lane_ends_with_4_and_names_what_is_in_the_way(shell: Terminal) -> None:
    first = shell.run("submit", WAITS).text

    refused = shell.run("submit", "--wait", "true")
    as_json = shell.run("submit", "--json", "true")

    assert refused.status == as_json.status == 4
    assert first in refused.err
    assert "--queue" in refused.err
    assert as_json.json["error"] == "task_running"
    assert as_json.json["active_task"]["task_id"] == first
    assert shell.run("submit", "--queue", "true").status == 0


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("exit 7", 1, "The task failed after"),
        ("kill -9 $$", 1, "The task failed after"),
        ("true", 0, "The task completed after"),
    ],
)
def test_waiting_ends_as_the_task_did(
    shell: Terminal, command: str, status: int, said: str
) -> None:
    for stays in ("--wait", "--follow"):
        ended = shell.run("submit", stays, command)
        assert ended.status == status, ended
        assert said in ended.err


def test_a_task_that_ran_too_long_is_a_failed_one(shell: Terminal) -> None:
    ended = shell.run("submit", "--wait", "--timeout", "0.2s", "--", "sleep", "60")

    assert ended.status == 1
    assert "It ran longer than its limit" in ended.err


def test_waiting_for_a_task_that_was_stopped_ends_with_3(shell: Terminal, server: Server) -> None:
    waiting = shell.begin("submit", "--wait", WAITS)
    assert waiting.stdout is not None
    task_id = waiting.stdout.readline().decode().strip()
    server.home.becomes(task_id, "running")

    stopped = shell.run("stop", task_id, "--reason", "enough", "--wait")

    assert stopped.status == 0
    _, said = waiting.communicate(timeout=90)
    assert waiting.returncode == 3
    assert b"enough" in said


def test_the_wait_can_end_before_the_task_does(shell: Terminal, server: Server) -> None:
    for stays in ("--wait", "--follow"):
        ended = shell.run("submit", "--queue", stays, "--wait-timeout", "0.2", WAITS)
        assert ended.status == 124
        assert "the task goes on" in ended.err
    assert server.home.query("SELECT count(*) FROM tasks WHERE status = 'running'")[0][0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("printf", "<%s>", "a b", "it's", '"q"', "$HOME", "*", "", "a\nb", "\\", "--wait", "ü"),
        ("printf", "<%s>", "-f", "--json", "--", "-"),
    ],
)
def test_several_words_are_run_exactly_so(shell: Terminal, words: tuple[str, ...]) -> None:
    ran = shell.run("submit", "--follow", "--", *words)

    assert ran.status == 0, ran
    assert ran.out.decode() == "".join(f"<{word}>" for word in words[2:])


def test_one_word_is_shell_text_and_a_dash_is_standard_input(shell: Terminal) -> None:
    assert shell.run("submit", "-f", "echo $((1 + 2)); exit 0").out == b"3\n"
    assert shell.run("submit", "-f", "-", stdin=b"echo 'from\n  here'\n").out == b"from\n  here\n"
    assert shell.run("submit", "-", stdin=b"\xff").status == 2
    assert shell.run("submit", "-", stdin=b"").status == 2


def test_every_option_reaches_the_task(shell: Terminal, server: Server) -> None:
    given = (
        *("--session", "cli-test", "--priority", "5", "--timeout", "1m", "--retries", "2"),
        *("--silence-timeout", "30s", "--waiting-timeout", "1h", "--stdin", "none"),
        *("--env", "STAGE=a b", "--env", "SECRET", "--cwd", ".", "--shell", "/bin/sh", "--reject"),
    )
    ran = shell.run("submit", "-f", *given, 'echo "$STAGE $SECRET $PWD"', SECRET="hidden")

    assert ran.out.decode() == f"a b hidden {shell.directory}\n", ran
    task = shell.run("show", ran.err.partition(":")[0], "--json").json
    assert (task["session_id"], task["priority"], task["max_retries"]) == ("cli-test", 5, 2)
    assert (task["timeout_s"], task["silence_timeout_s"]) == (60, 30)
    assert task["agent_settings"]["stdin"] == "none"
    assert "hidden" not in json.dumps(task["agent_settings"])


def test_settings_and_secrets_of_any_agent_reach_the_task(shell: Terminal, server: Server) -> None:
    given = (
        *("--agent", "http", "--setting", f"url={server.url}/health"),
        *("--setting", "query.n=[1, 2]", "--setting", "headers.X-From=cli"),
        *("--secret", "secret_headers.X-Api-Key=API_KEY"),
    )
    ran = shell.run("submit", "--wait", *given, "Ask it", API_KEY="sk-1234567890-x4Qz")

    task = shell.run("show", ran.out.decode().split()[0], "--json").json
    assert json.loads(task["task_result"])["status"] == "healthy"
    settings = task["agent_settings"]
    assert (settings["query"], settings["headers"]) == ({"n": [1, 2]}, {"X-From": "cli"})
    assert settings["secret_headers"] == {"X-Api-Key": "•••x4Qz"}


def test_the_same_key_is_run_once_and_a_key_with_another_command_is_refused(
    shell: Terminal, server: Server
) -> None:
    given = ("submit", "--queue", "--idempotency-key", "nightly-1")
    first, again = shell.run(*given, "true"), shell.run(*given, "true")

    assert first.status == again.status == 0
    assert first.text == again.text
    assert shell.run(*given, "false").status == 2


def test_a_task_is_run_again_with_what_was_changed(shell: Terminal, server: Server) -> None:
    first = shell.run("submit", "--wait", "--session", "again", "echo one").text

    again = shell.run("rerun", first, "-f", "--priority", "3", "--", "echo", "two  words")

    assert again.out == b"two  words\n"
    task = shell.run("show", again.err.partition(":")[0], "--json").json
    assert (task["rerun_of"], task["session_id"], task["priority"]) == (first, "again", 3)
    assert shell.run("rerun", "no-such-task").status == 4


def test_json_is_the_answer_of_the_api_or_the_task_that_was_waited_for(shell: Terminal) -> None:
    answer = shell.run("submit", "--json", "--queue", "echo hi")
    assert answer.json["status"] == "submitted"

    waited = shell.run("submit", "--json", "--queue", "--wait", "echo hi; exit 3")

    assert waited.status == 1
    assert waited.json["status"] == "failed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stays", ["--wait", "--follow"])
def test_an_interrupt_leaves_the_task_alone_and_says_how_to_stop_it(
    shell: Terminal, server: Server, stays: str, number: int
) -> None:
    waiting = shell.begin("submit", "--queue", stays, f"echo begun; {WAITS}")
    until(lambda: server.home.query("SELECT 1 FROM tasks WHERE status = 'running'"))
    [row] = server.home.query("SELECT task_id FROM tasks WHERE status = 'running'")
    assert waiting.stdout is not None
    waiting.stdout.readline()  # it stays from now on

    waiting.send_signal(number)

    _, said = waiting.communicate(timeout=90)
    assert waiting.returncode == 128 + number
    assert f"lineup stop {row['task_id']}".encode() in said
    assert server.home.task(row["task_id"])["status"] == "running"


def test_an_interrupt_stops_the_task_where_that_was_asked_for(
    shell: Terminal, server: Server
) -> None:
    command = "trap 'echo cleaned up; exit 1' TERM; echo begun; while :; do sleep 0.05; done"
    waiting = shell.begin("submit", "--follow", "--stop-on-interrupt", command)
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == b"begun\n"

    waiting.send_signal(signal.SIGINT)

    printed, said = waiting.communicate(timeout=90)
    assert waiting.returncode == 3, said
    assert printed.endswith(b"cleaned up\n")
    assert b"Interrupted at the command line." in said


def test_a_second_interrupt_leaves_at_once(shell: Terminal, server: Server) -> None:
    command = "trap '' TERM; echo begun; while :; do sleep 0.05; done"
    task = ("submit", "--follow", "--stop-on-interrupt", command)
    waiting = shell.begin(*task)
    assert waiting.stdout is not None
    assert waiting.stderr is not None
    waiting.stdout.readline()
    server.signal(signal.SIGSTOP)  # so that the stop cannot be quick
    try:
        waiting.send_signal(signal.SIGINT)
        said = iter(waiting.stderr.readline, b"")
        assert any(b"Stopping the task" in line for line in said)
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(30) == 130
    finally:
        server.signal(signal.SIGCONT)
    waiting.communicate()


def test_a_profile_is_asked_by_its_name(shell: Terminal, server: Server) -> None:
    made = {"profile_name": "demo", "provider": "offline", "model": "demo"}
    made |= {"provider_config": {"delay_s": 0}}
    assert server.http.post("/api/config/llm-profiles", json=made).status_code == 200

    done = shell.run("submit", "--wait", "--queue", "--profile", "demo", "Look round and report")

    assert done.status == 0, done
    assert server.home.task(done.text)["agent"] == "llm"
