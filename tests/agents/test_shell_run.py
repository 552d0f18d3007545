"""A command from its start to its end: output, result, environment, and every way to fail."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.recording import RecordingConsole, Run, TaskWork, descriptors
from webapp.agents.protocol import AgentFailed, Limits, Result
from webapp.agents.shell import ShellAgent

Start = Callable[..., Run]


def failure(run: Run) -> AgentFailed:
    with pytest.raises(AgentFailed) as failed:
        run.result()
    return failed.value


def sentence(failed: AgentFailed) -> str:
    """What people read; fails when a parameter is missing."""
    return ShellAgent.messages[failed.message] % failed.params


def test_a_failing_command_fails_with_its_exit_code_and_last_lines(start: Start) -> None:
    failed = failure(start("seq 30; echo 'no such table' >&2; exit 3"))
    assert failed.exit_code == 3
    assert sentence(failed).startswith("The command ended with exit code 3.")
    assert sentence(failed).splitlines()[1:] == [str(n) for n in range(22, 31)] + ["no such table"]
    assert failed.text is None


def test_a_failing_command_that_printed_nothing_says_so(start: Start) -> None:
    assert sentence(failure(start("exit 7"))) == (
        "The command ended with exit code 7 and printed nothing."
    )


@pytest.mark.parametrize(
    ("end", "so"),
    [("exit 3", "ended with exit code 3"), ("kill $$", "was ended by signal 15 (SIGTERM)")],
)
def test_a_failing_command_that_printed_no_text_is_not_quoted(
    start: Start, end: str, so: str
) -> None:
    assert sentence(failure(start(f"echo text; printf 'a\\000b'; {end}"))) == (
        f"The command {so}. What it printed last is no text."
    )


def test_a_reported_result_does_not_turn_a_failure_into_success(start: Start) -> None:
    failed = failure(start("echo ::lineup result half of it; exit 1"))
    assert (failed.exit_code, failed.text) == (1, "half of it")


def test_a_command_that_does_not_exist_is_named(start: Start) -> None:
    failed = failure(start("nosuchcommand --now"))
    assert (failed.message, failed.exit_code) == ("shell_not_found", 127)
    assert "nosuchcommand" in sentence(failed)


def test_a_file_that_is_no_program_is_named(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("x")
    failed = failure(start("./data.txt"))
    assert (failed.message, failed.exit_code) == ("shell_not_executable", 126)


def test_a_command_ended_by_a_signal_names_it(start: Start) -> None:
    failed = failure(start("echo working; kill -SEGV $$"))
    assert failed.exit_code == 128 + 11
    assert sentence(failed) == (
        "The command was ended by signal 11 (SIGSEGV). Its last lines:\nworking"
    )


def test_a_part_ended_by_a_signal_is_recognised(start: Start) -> None:
    failed = failure(start("echo working; sh -c 'kill -9 $$'; exit $?"))
    assert (failed.message, failed.exit_code) == ("shell_signal_inside", 137)
    assert "SIGKILL" in sentence(failed)


def test_a_shell_that_was_removed_since_is_named(tmp_path: Path, limits: Limits) -> None:
    settings = {"shell": "/nonexistent/sh", "working_dir": None, "env": {}, "stdin": "none"}
    work = TaskWork("true", tmp_path, settings, "t1")
    failed = failure(Run(ShellAgent(limits), work, RecordingConsole()))
    assert sentence(failed) == (
        "The shell /nonexistent/sh could not be started: No such file or directory."
    )


def test_a_working_directory_that_was_removed_since_is_named(
    start: Start, tmp_path: Path, shell: ShellAgent
) -> None:
    directory = tmp_path / "away"
    directory.mkdir()
    settings = shell.validate({"working_dir": str(directory)}, by_hand=True)
    directory.rmdir()
    failed = failure(Run(shell, TaskWork("true", tmp_path, settings, "t1"), RecordingConsole()))
    assert sentence(failed) == (
        f"The working directory {directory} cannot be used: No such file or directory."
    )


@pytest.mark.parametrize("command", ["echo a\0b", "echo \ud800"])
def test_a_command_that_no_process_can_take_is_refused(start: Start, command: str) -> None:
    assert failure(start(command)).message == "shell_cannot_pass"


def test_a_command_longer_than_the_system_passes_is_refused(start: Start) -> None:
    assert failure(start(": " + "x" * 3_000_000)).message == "shell_too_long"


def test_success_gives_the_last_lines_as_result(start: Start) -> None:
    run = start("seq 200000")
    result = run.result()
    assert result.exit_code == 0
    assert result.text == "\n".join(str(n) for n in range(199_981, 200_001))
    assert run.console.text == "".join(f"{n}\n" for n in range(1, 200_001))
    assert run.console.said == []


def test_success_without_output_has_no_result_text(start: Start) -> None:
    assert start("true").result().text is None


def test_success_with_output_that_is_no_text_has_no_result_text(start: Start) -> None:
    assert start("printf 'a\\000b'").result() == Result(None, 0)


def test_a_reported_result_is_the_result(start: Start) -> None:
    run = start("echo ::lineup result one; echo noise; echo ::lineup result two")
    assert run.result().text == "one\ntwo"
    assert run.console.text == "::lineup result one\nnoise\n::lineup result two\n"


def test_progress_and_steps_reach_the_console(start: Start) -> None:
    run = start("echo '::lineup step Uploading'; printf '::lineup progress 4/6 upload'")
    run.result()
    assert run.console.said == [("shell_step", {"text": "Uploading"})]
    assert run.console.progressed == [{"step": 4, "steps": 6, "message": "upload"}]


def test_both_streams_arrive_in_the_order_they_were_printed(start: Start) -> None:
    run = start("for n in 1 2 3; do echo out $n; echo err $n >&2; done")
    run.result()
    assert run.console.text == "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n"


def test_binary_output_arrives_byte_by_byte(start: Start, tmp_path: Path) -> None:
    data = os.urandom(1_000_000)
    (tmp_path / "blob").write_bytes(data)
    run = start("cat blob")
    run.result()
    assert hashlib.sha256(run.console.output).digest() == hashlib.sha256(data).digest()


def test_a_line_without_end_is_only_output(start: Start) -> None:
    run = start("head -c 20000000 /dev/zero | tr '\\0' x")
    text = run.result().text
    assert text == "x" * 4000
    assert len(run.console.output) == 20_000_000


def test_output_arrives_while_the_command_still_runs(start: Start) -> None:
    run = start("echo first; read line; echo got $line")
    assert run.printed("first") == "first\n"
    assert not run.over


def test_a_command_knows_its_task_and_not_the_servers_secrets(tmp_path: Path) -> None:
    inherited = {"PATH": "/usr/bin:/bin", "LINEUP_SECRET": "x", "COLOUR": "green"}
    agent = ShellAgent(Limits(environment=inherited))
    settings = agent.validate({"env": {"COLOUR": "blue", "EXTRA": "ä b\nc"}}, by_hand=True)
    console = RecordingConsole()
    given = (tmp_path / "a.txt", tmp_path / "b c.txt")
    work = TaskWork(
        "env -0", tmp_path, settings, "task-1", attempt=2, session_id="s-1", upload_files=given
    )
    Run(agent, work, console).result()
    told = dict(entry.split("=", 1) for entry in console.text.rstrip("\0").split("\0"))
    assert told.pop("PWD") == str(tmp_path)
    told.pop("_", None)
    assert told == {
        "PATH": "/usr/bin:/bin",
        "COLOUR": "blue",
        "EXTRA": "ä b\nc",
        "LINEUP_TASK_ID": "task-1",
        "LINEUP_TASK_ATTEMPT": "2",
        "LINEUP_TASK_SESSION": "s-1",
        "LINEUP_TASK_WORKSPACE": str(tmp_path),
        "LINEUP_TASK_RUN": "task-1.2",
        "LINEUP_TASK_UPLOADS": f"{tmp_path}/a.txt\n{tmp_path}/b c.txt",
    }


def test_the_shell_and_the_working_directory_are_as_asked(start: Start, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    run = start("[[ 1 == 1 ]] && pwd", shell="/bin/bash", working_dir=str(elsewhere))
    assert run.result().text == str(elsewhere)


def test_a_command_has_default_signals_and_a_session_of_its_own(start: Start) -> None:
    # Python ignores SIGPIPE; a command that inherited that would never end in `yes | head`.
    run = start(
        "grep -E 'Sig(Ign|Blk)' /proc/self/status; ps -o sid= -p $$; echo $$; yes | head -1"
    )
    lines = (run.result().text or "").splitlines()
    blocked, ignored = (int(line.split()[1], 16) for line in lines[:2])
    libc_private = 0b11 << 31  # glibc's posix_spawn ignores 32 and 33, which nobody can send
    assert (blocked, ignored & ~libc_private) == (0, 0)
    assert lines[2].strip() == lines[3]


def test_a_command_inherits_no_descriptors(start: Start) -> None:
    lines = (start("ls /proc/self/fd").result().text or "").splitlines()
    assert lines == ["0", "1", "2", "3"]  # the last is that of ls itself


def test_a_run_leaves_no_descriptors_and_no_zombies(start: Start) -> None:
    start("true").result()
    before = descriptors()
    for command in ("true", "exit 1", "cat", "sleep 100 &"):
        run = start(command)
        if command == "cat":
            run.controls.stop(1.0)
        with contextlib.suppress(AgentFailed):
            run.result()
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
