"""Looking and steering from a terminal: refusals, lists for people and programs, completion."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.processes.cli.commands import PROGRAM, Terminal
from tests.processes.server import Server

WAITS = "read -r line; echo got $line"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("pause",), 4, "No task is running"),
        (("stop", "no-such-task"), 4, "There is no task no-such-task"),
        (("status", "--lane", "nowhere"), 2, "lane"),
        (("show", "no-such-task"), 4, "There is no task"),
        (("delete", "../freeze"), 4, "no id"),
        (("show", ".."), 4, "no id"),
        (("stop", "a?b"), 4, "no id"),
        (("stop", ""), 4, "no id"),
        (("stop", "some-id", "--reason", "\udcff"), 2, "not UTF-8"),
        (("instruct", "text"), 4, "No task is running"),
        (("instruct", "id", "two", "words"), 2, "Quote the text"),
        (("thaw",), 4, "not frozen"),
        (("tasks", "--since", "yesterday"), 2, "no time such as"),
        (("tasks", "--limit", "0"), 2, "limit"),
        (("tasks", "--cursor", "x"), 2, "cursor"),
        (("delete",), 2, "Missing argument"),
        (("upload", "no-such-file"), 2, "No such file"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_what_is_refused_ends_with_its_status_and_a_sentence(
    shell: Terminal, words: tuple[str, ...], status: int, said: str
) -> None:
    refused = shell.run(*words)

    assert refused.status == status, refused
    assert said in refused.err
    assert refused.out == b""


def test_a_token_that_may_only_read_is_told_what_it_lacks(shell: Terminal, server: Server) -> None:
    secret = shell.run("token", "create", "reader", "--scope", "read").text
    reader = Terminal(server, token=secret)

    assert reader.run("status").status == 0
    refused = reader.run("submit", "true")
    assert refused.status == 5
    assert "operate" in refused.err


def test_a_task_is_paused_resumed_instructed_and_ended(shell: Terminal, server: Server) -> None:
    task_id = shell.run("submit", WAITS).text
    server.home.becomes(task_id, "running")

    assert "is paused" in shell.run("pause", "--reason", "lunch", "--wait").err
    assert "paused: lunch" in shell.run("status").text
    assert shell.run("pause").status == 4
    assert shell.run("resume", "--wait", "--json").json["operation"] == "resume"
    assert shell.run("instruct", "hello").status == 0
    assert shell.run("wait", task_id).status == 0
    assert shell.run("output", task_id).out == b"got hello\n"


def test_the_end_of_input_reaches_a_task(shell: Terminal, server: Server) -> None:
    task_id = shell.run("submit", "cat").text
    server.home.becomes(task_id, "running")

    shell.run("instruct", task_id, "-", stdin=b"several\nlines\n")
    assert shell.run("end-input").status == 0

    assert shell.run("wait", task_id).status == 0
    assert shell.run("output", task_id).out == b"several\nlines\n"


def test_several_tasks_are_stopped_at_once_and_what_is_refused_is_named(shell: Terminal) -> None:
    ids = [shell.run("submit", "--queue", WAITS).text for _ in range(2)]

    stopped = shell.run("stop", ids[0], "no-such-task", ids[1], "--wait")

    assert stopped.status == 4
    assert "no-such-task: There is no task" in stopped.err
    assert shell.run("tasks", "--status", "running", "--status", "pending").text == ""


def test_a_freeze_is_shown_and_ended(shell: Terminal) -> None:
    assert shell.run("freeze", "moving house").status == 0
    assert "moving house" in shell.run("status").text
    assert shell.run("freeze", "again").status == 4
    assert shell.run("thaw", "--json").json["success"] is True
    assert "Frozen" not in shell.run("status").text


def test_every_page_of_a_list_is_there_once(
    shell: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.cli.tasks.MOST", 2)
    ids = [
        shell.run("submit", "--queue", "--session", "pages", f"echo 'a\tb {n}'").text
        for n in range(5)
    ]
    newest_first = ids[::-1]

    lines = shell.run("tasks", "--all", "--session", "pages").text.split("\n")
    assert [line.split("\t")[0] for line in lines] == newest_first
    assert {len(line.split("\t")) for line in lines} == {6}
    rows = shell.run("tasks", "--all", "--session", "pages", "--json").text.split("\n")
    assert [json.loads(row)["task_id"] for row in rows] == newest_first

    page = shell.run("tasks", "--session", "pages", "--limit", "2", "--json").json
    rest = shell.run("tasks", "--session", "pages", "--cursor", page["next_cursor"])
    assert [line.split("\t")[0] for line in rest.text.split("\n")] == newest_first[2:]


def test_filters_reach_the_server(shell: Terminal) -> None:
    task_id = shell.run("submit", "--wait", "echo needle-in-it; exit 1").text

    found = shell.run("tasks", "-q", "needle-in-it", "--status", "failed", "--since", "1h").text

    assert found.startswith(f"{task_id}\tfailed\tshell\t")
    none = shell.run("tasks", "-q", "needle-in-it", "--until", "1h")
    assert (none.status, none.text) == (0, "")
    assert "no such tasks" in none.err


def test_a_person_gets_a_table_that_fits_without_tricks(shell: Terminal) -> None:
    shell.run("submit", "--wait", "printf '\x1b]0;title\x07'; # " + "long " * 40)

    shown = shell.on_a_terminal("tasks", "--limit", "1")

    head, row, more = shown.removesuffix("\n").split("\n")
    assert more.startswith("There are more: --limit, --all, or --cursor ")
    assert head.split() == ["ID", "STATUS", "CREATED", "TOOK", "DESCRIPTION"]
    assert "\x1b[32mcompleted\x1b[0m" in row
    assert "title" not in row
    assert row.endswith("…")
    assert "\x1b" not in shell.on_a_terminal("tasks", NO_COLOR="1")


def test_a_watch_says_what_changes_and_ends_with_an_interrupt(
    shell: Terminal, server: Server
) -> None:
    watching = shell.begin("status", "--watch")
    assert watching.stdout is not None
    assert watching.stdout.readline() == b"Nothing is running.\n"

    task_id = server.submit(WAITS)
    while not watching.stdout.readline().startswith(f"running  {task_id}  read".encode()):
        pass

    watching.send_signal(signal.SIGINT)
    assert watching.wait(30) == 130
    assert watching.communicate()[1] == b""


def test_a_task_is_shown_with_its_reason(shell: Terminal) -> None:
    task_id = shell.run("submit", "--wait", "echo why; exit 3").text

    shown = shell.run("show", task_id).text

    assert "status            failed" in shown
    assert "error_message" in shown
    assert shell.run("show", task_id, "--json").json["task_id"] == task_id


def test_a_finished_task_is_deleted_and_a_running_one_is_not(
    shell: Terminal, server: Server
) -> None:
    running = shell.run("submit", WAITS).text
    assert shell.run("delete", running).status == 4
    shell.run("stop", running, "--wait")

    assert shell.run("delete", running).status == 0

    assert shell.run("show", running).status == 4


def test_files_go_along_and_come_back_when_the_task_is_refused(
    shell: Terminal, server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "the data.txt"
    file.write_bytes(b"contents\n")
    ran = shell.run("submit", "-f", "--file", str(file), 'cat "$LINEUP_TASK_UPLOADS"')
    assert ran.out == b"contents\n", ran

    shell.run("submit", WAITS)
    before = server.http.get("/api/files").json()["total_count"]
    assert shell.run("submit", "--file", str(file), "true").status == 4
    assert server.http.get("/api/files").json()["total_count"] == before

    uploaded = shell.run("upload", str(file), "--session", "cli-files")
    path = Path(uploaded.text.split("\t")[1])
    assert path.read_bytes() == b"contents\n"


def test_settings_are_listed_with_their_source_and_secrets_are_not(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "lineup.toml").write_text("threads = 5\n")
    secrets = {"token": "lineup_secret", "database_url": "postgresql://me:secret@db/lineup"}
    listed = Terminal(server, data=str(tmp_path), **secrets).run("config")

    assert "LINEUP_HOST\t127.0.0.1\tdefault" in listed.text
    assert f"LINEUP_THREADS\t5\t{tmp_path / 'lineup.toml'}" in listed.text
    assert "LINEUP_TOKEN\t***\tenvironment" in listed.text
    assert "secret" not in listed.text
    as_json = Terminal(server, data=str(tmp_path), **secrets).run("config", "--json")
    assert {"name": "LINEUP_THREADS", "value": 5}.items() <= as_json.json["settings"][
        [one["name"] for one in as_json.json["settings"]].index("LINEUP_THREADS")
    ].items()
    assert "secret" not in as_json.text


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: Terminal, name: str) -> None:
    told = shell.run("completion", name)

    assert told.status == 0
    assert "_LINEUP_COMPLETE" in told.text


def test_commands_options_and_the_ids_of_tasks_are_completed(
    shell: Terminal, server: Server
) -> None:
    running = server.submit(WAITS)
    over = server.submit("true")
    server.ask(over, "stop")

    assert {"submit", "status", "stop"} <= set(completed(shell, "lineup", "s"))
    assert "--reason" in completed(shell, "lineup", "stop", "--r")
    assert completed(shell, "lineup", "stop", "") == [running]
    assert set(completed(shell, "lineup", "output", "")) >= {running, over}
    assert completed(shell, "lineup", "stop", "", LINEUP_URL="http://127.0.0.1:1") == []


def completed(shell: Terminal, *words: str, **variables: str) -> list[str]:
    """What bash is offered for the last word."""
    given = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), **variables}
    done = subprocess.run(
        PROGRAM,
        cwd=shell.directory,
        env={**shell.environment, **given, "_LINEUP_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]
