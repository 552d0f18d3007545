"""Output on the command line: every byte to a pipe, no tricks to a terminal, across crashes."""

from __future__ import annotations

import signal
import subprocess

import psutil

from tests.processes.cli.commands import PROGRAM, Terminal
from tests.processes.server import Home, Server
from tests.waiting import until

EVERY_BYTE = "".join(f"\\{byte:03o}" for byte in range(256))


def test_there_is_nothing_to_follow_where_nothing_runs(shell: Terminal) -> None:
    for words in (("output",), ("output", "-f"), ("output", "no-such-task"), ("wait",)):
        assert shell.run(*words).status == 4
    done = shell.run("submit", "--wait", "true").text
    assert shell.run("output", done, "--attempt", "2").status == 2


def test_a_pipe_gets_every_byte_as_it_was_printed(shell: Terminal) -> None:
    followed = shell.run("submit", "-f", f"printf '{EVERY_BYTE}'; printf 'é'; printf '\\303'")

    expected = bytes(range(256)) + "é".encode() + b"\xc3"
    assert followed.out == expected
    task_id = followed.err.partition(":")[0]
    assert shell.run("output", task_id).out == expected
    assert shell.run("output", "-f", task_id).out == expected


def test_half_a_character_at_the_end_is_not_waited_for(shell: Terminal, server: Server) -> None:
    task_id = server.submit("printf 'a\\303'; read -r line")
    raw = f"/api/tasks/{task_id}/output/raw"
    until(lambda: server.http.get(raw).content == b"a\xc3")

    assert shell.run("output").out == b"a"

    server.ask(task_id, "stop")
    server.home.becomes(task_id, "stopped")
    assert shell.run("output", task_id).out == b"a\xc3"


def test_a_long_output_is_whole_whatever_is_cut_in_the_middle(shell: Terminal) -> None:
    command = 'i=0; while [ $i -lt 40000 ]; do echo "äöü line €$i"; i=$((i+1)); done'
    followed = shell.run("submit", "-f", command)

    assert followed.out.decode() == "".join(f"äöü line €{i}\n" for i in range(40_000))
    assert shell.run("output", followed.err.partition(":")[0]).out == followed.out


def test_a_terminal_gets_text_and_colours_and_no_more(shell: Terminal, server: Server) -> None:
    command = (
        r"printf '\033[31mred\033[0m \033]0;title\007\033[2J\033[1;1Hhome \033]52;c;eA==\007end'"
    )
    task_id = server.submit(command)
    server.home.becomes(task_id, "completed")

    shown = shell.on_a_terminal("output", task_id)

    assert shown == "\x1b[31mred\x1b[0m home end\x1b[0m\n", "and what is said next begins a line"
    assert "title" not in shown
    assert shown.count("\x1b") == 3
    assert "\x1b]0;title\x07" in shell.on_a_terminal("output", "--raw", task_id)
    assert "\x1b" not in shell.on_a_terminal("output", task_id, NO_COLOR="1")


def test_every_attempt_is_followed_from_its_beginning(shell: Terminal) -> None:
    command = 'echo "attempt $LINEUP_TASK_ATTEMPT, and more"; [ "$LINEUP_TASK_ATTEMPT" = 2 ]'
    followed = shell.run("submit", "-f", "--retries", "1", command)

    assert followed.status == 0
    assert followed.out == b"attempt 1, and more\nattempt 2, and more\n"
    assert "[attempt 2 of the task]" in followed.err
    task_id = followed.err.partition(":")[0]
    assert shell.run("output", task_id).out == b"attempt 2, and more\n"
    assert shell.run("output", "-f", "--attempt", "1", task_id).out == b"attempt 1, and more\n"


def test_a_task_that_waits_is_followed_from_its_start_and_one_stopped_in_line_ends(
    shell: Terminal, server: Server
) -> None:
    first = server.submit("read -r line")
    second = server.submit("echo second")
    third = server.submit("echo third")
    following = shell.begin("output", "-f", second)
    waiting = shell.begin("wait", third)

    assert shell.run("stop", third).status == 0
    assert waiting.wait(30) == 3
    assert shell.run("instruct", first, "go").status == 0

    assert following.communicate(timeout=90)[0] == b"second\n"
    assert following.returncode == 0
    waiting.communicate()


def test_a_reader_that_goes_away_is_no_error_worth_words(shell: Terminal, server: Server) -> None:
    task_id = server.submit("yes | head -n 200000")
    server.home.becomes(task_id, "completed")
    command = f"{' '.join(PROGRAM)} output {task_id} | head -n 1"

    piped = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=shell.directory,
        env=shell.environment,
        capture_output=True,
        timeout=90,
        check=False,
    )

    assert piped.stdout == b"y\n"
    assert piped.stderr == b""
    assert piped.returncode == 141


def test_following_goes_on_where_it_was_when_the_server_is_back(home: Home) -> None:
    server = home.server().start()
    shell = Terminal(server, token=home.token)
    following = shell.begin("submit", "-f", "echo before; read -r line")
    assert following.stdout is not None
    assert following.stderr is not None
    assert following.stdout.readline() == b"before\n"

    server.kill()
    following.stderr.readline()  # the task's id
    assert b"does not answer; trying again" in following.stderr.readline()
    server.start()

    printed, said = following.communicate(timeout=60)
    assert b"answers again" in said
    assert b"interrupted: the server that ran it died" in said
    assert printed == b""
    assert following.returncode == 1


def test_a_submission_whose_answer_is_lost_is_sent_again_and_run_once(home: Home) -> None:
    server = home.server().start()
    shell = Terminal(server, token=home.token)
    server.signal(signal.SIGSTOP)  # it takes the request, and answers nothing
    submitting = shell.begin("submit", "echo once")
    process = psutil.Process(submitting.pid)
    until(lambda: process.net_connections("tcp"), "it did not connect")
    server.kill()
    server.start()

    printed, said = submitting.communicate(timeout=60)

    assert submitting.returncode == 0, said
    task_id = printed.decode().strip()
    home.becomes(task_id, "completed")
    assert len(home.query("SELECT 1 FROM tasks")) == 1
