"""No process outlives its run, whoever is killed: the runner, the supervisor, or both."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.recording import gone, pids_in, state_of, until
from tests.agents.test_shell_controls import HIDDEN, HIDERS
from webapp.agents import processes
from webapp.agents.process_table import TABLE
from webapp.agents.processes import RUN_MARK, SUPERVISOR_MARK, end_run, find_marked

ROOT = Path(__file__).parents[2]


class Runner:
    """A runner process and what it printed."""

    def __init__(self, workspace: Path, command: str) -> None:
        self.task_id = uuid.uuid4().hex
        self.mark = processes.run_mark(self.task_id, 1)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.agents.runner", workspace, self.task_id, command],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def read(self) -> str:
        assert self.process.stdout
        with contextlib.suppress(BlockingIOError):
            self.text += os.read(self.process.stdout.fileno(), 1 << 16).decode()
        return self.text

    def pids(self, count: int = HIDDEN) -> list[int]:
        """The numbers that the command printed, once there are so many."""
        until(lambda: len(pids_in(self.read())) >= count)
        return pids_in(self.text)

    def supervisor(self) -> int:
        (seen,) = find_marked(TABLE, f"{SUPERVISOR_MARK}={self.mark}")
        return seen.process.pid

    def report(self) -> dict[str, Any]:
        until(lambda: '{"failed"' in self.read() and self.text.endswith("\n"))
        told: dict[str, Any] = json.loads(self.text.splitlines()[-1])
        return told

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Callable[[str], Runner]]:
    runners: list[Runner] = []

    def start(command: str) -> Runner:
        runners.append(Runner(tmp_path, command))
        return runners[-1]

    yield start
    for one in runners:
        one.kill()
        end_run(one.mark, 0.0)
        assert one.process.stdout
        one.process.stdout.close()


def test_a_killed_runner_takes_all_processes_with_it(runner: Callable[[str], Runner]) -> None:
    one = runner(HIDERS + "(trap '' TERM; exec sleep 300) & echo \"pid $!\"; wait")
    pids = one.pids(HIDDEN + 1)
    supervisor = one.supervisor()
    one.kill()
    until(lambda: gone(supervisor, *pids))


def test_a_killed_runner_takes_a_paused_command_with_it(runner: Callable[[str], Runner]) -> None:
    one = runner(HIDERS + "wait")
    pids = one.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    one.kill()
    until(lambda: gone(*pids))


def test_a_killed_runner_wakes_a_supervisor_that_was_stopped(
    runner: Callable[[str], Runner],
) -> None:
    one = runner('kill -STOP $PPID; echo "pid $$"; sleep 300')
    pids = one.pids(1)
    supervisor = one.supervisor()
    one.kill()
    until(lambda: gone(supervisor, *pids))


def test_a_killed_supervisor_leaves_orphans_to_the_runner_who_ends_them(
    runner: Callable[[str], Runner],
) -> None:
    one = runner(HIDERS + "sleep 0.1; kill -9 $PPID; wait")
    report = one.report()
    assert report["failed"] == "shell_supervisor_lost"
    assert gone(*one.pids())
    assert not report["children"], "not even zombies"
    code, params = report["said"][-1]
    assert code == "shell_left_behind"
    assert params["count"] >= HIDDEN


@pytest.mark.parametrize("name", ["LINEUP_TASK_X", SUPERVISOR_MARK, RUN_MARK])
def test_an_orphan_with_a_mark_of_its_own_making_is_ended_as_well(
    runner: Callable[[str], Runner], name: str
) -> None:
    one = runner(
        f'env -i {name}=1 PATH=$PATH setsid sleep 300 & echo "pid $!"; '
        "sleep 0.2; kill -9 $PPID; exit 0"
    )
    assert one.report()["failed"] == "shell_supervisor_lost"
    assert gone(*one.pids(1))


def test_a_rescue_ends_what_is_left_when_runner_and_supervisor_are_dead(
    runner: Callable[[str], Runner],
) -> None:
    one = runner('echo "pid $$"; setsid sleep 300 & echo "pid $!"; wait')
    pids = one.pids(2)
    os.kill(one.process.pid, signal.SIGSTOP)
    os.kill(one.supervisor(), signal.SIGKILL)
    one.kill()
    assert not gone(*pids)
    assert end_run(one.mark, 5.0) == 2
    assert gone(*pids)


def test_a_rescue_ends_the_run_of_a_runner_that_sleeps(runner: Callable[[str], Runner]) -> None:
    one = runner(HIDERS + "wait")
    pids = one.pids()
    supervisor = one.supervisor()
    one.process.send_signal(signal.SIGSTOP)
    assert end_run(one.mark, 5.0) >= HIDDEN
    assert gone(*pids)
    assert gone(supervisor)


def test_a_rescue_uses_force_after_the_grace(runner: Callable[[str], Runner]) -> None:
    one = runner("trap '' TERM; echo \"pid $$\"; while :; do sleep 1; done")
    pids = one.pids(1)
    one.process.send_signal(signal.SIGSTOP)
    assert end_run(one.mark, 0.1) >= 1
    assert gone(*pids)


def test_a_rescue_touches_no_other_run(runner: Callable[[str], Runner]) -> None:
    one = runner('echo "pid $$"; sleep 300')
    pids = one.pids(1)
    assert end_run(one.mark + "0", 0.1) == 0
    assert end_run(processes.run_mark(one.task_id, 2), 0.1) == 0
    assert not gone(*pids)
    assert state_of(one.supervisor())


def test_a_rescue_of_a_run_that_left_nothing_is_quick_and_says_none() -> None:
    assert end_run("no-such-task.1", 5.0) == 0
