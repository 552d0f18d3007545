"""The scope of a run, on Linux's process table and on the portable one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.agents.recording import gone, state_of, until
from webapp.agents.process_table import (
    Process,
    ProcessTable,
    ProcTable,
    PsutilTable,
    Seen,
    Sent,
)
from webapp.agents.processes import RUN_MARK, SUPERVISOR_MARK, Scope, under_way

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(params=[ProcTable, PsutilTable])
def table(request: pytest.FixtureRequest) -> ProcessTable:
    made: ProcessTable = request.param()
    return made


@pytest.fixture
def mark() -> str:
    return f"{uuid.uuid4().hex}.1"


@pytest.fixture
def start(mark: str) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(command: str, **environment: str) -> subprocess.Popen[bytes]:
        started.append(
            subprocess.Popen(
                ["/bin/sh", "-c", command],
                env={"PATH": "/usr/bin:/bin", **environment},
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    Scope(mark).end(0.0)
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def seen(table: ProcessTable, process: subprocess.Popen[bytes]) -> Seen:
    return until(lambda: table.look(process.pid))


def test_a_number_that_was_used_again_is_not_signalled(table: ProcessTable, start: Start) -> None:
    process = start("exec sleep 300")
    other = replace(seen(table, process).process, started=1)
    assert table.send(other, signal.SIGKILL) is Sent.GONE
    assert state_of(process.pid)


def test_a_process_that_has_gone_is_not_signalled(table: ProcessTable, start: Start) -> None:
    process = start("exec sleep 300")
    was = seen(table, process).process
    process.kill()
    process.wait()
    assert table.send(was, signal.SIGTERM) is Sent.GONE
    assert table.look(process.pid) is None


def test_a_zombie_is_no_process(table: ProcessTable, start: Start) -> None:
    process = start("exit 0")
    until(lambda: table.look(process.pid) is None)
    assert process.wait() == 0


def test_the_environment_of_a_process_that_has_gone_is_empty(table: ProcessTable) -> None:
    assert table.environment(2**22 + 1) == b""


def test_descendants_come_parents_first(table: ProcessTable, start: Start) -> None:
    process = start("sh -c 'sleep 300 & wait' & wait")
    found = until(lambda: len(now := table.below([process.pid])) == 2 and now)
    assert [one.parent for one in found] == [process.pid, found[0].process.pid]


def test_marked_processes_are_found_frozen_thawed_and_ended(
    table: ProcessTable, start: Start, mark: str
) -> None:
    process = start("setsid sleep 300 & env -i sleep 300 & wait", **{RUN_MARK: mark})
    scope = Scope(mark, table=table)
    pids = until(lambda: len(found := scope.find()) == 3 and [one.process.pid for one in found])
    assert scope.freeze(patience_s=20)
    assert {state_of(pid) for pid in pids} == {"T"}
    assert scope.thaw() == 3
    assert scope.terminate() == 3
    process.wait()
    until(lambda: gone(*pids))
    assert len(scope.ended) == 3
    assert scope.forced == set()


def test_a_mark_is_matched_as_a_whole(table: ProcessTable, start: Start, mark: str) -> None:
    process = start("exec sleep 300", **{RUN_MARK: mark + "0", "OTHER": f"{RUN_MARK}={mark}"})
    seen(table, process)
    assert Scope(mark, table=table).find() == []


def test_nobody_finds_himself_or_his_supervisor(
    table: ProcessTable, start: Start, mark: str
) -> None:
    supervisor = start("sleep 300 & wait", **{RUN_MARK: mark})
    scope = Scope(mark, [seen(table, supervisor).process], table=table)
    (child,) = until(scope.find)
    assert child.parent == supervisor.pid
    me = table.look(os.getpid())
    assert me
    above = Scope(mark, [Process(os.getppid(), me.process.started)], table=table)
    assert os.getpid() not in {one.process.pid for one in above.find()}


@pytest.mark.parametrize("name", [RUN_MARK, SUPERVISOR_MARK])
def test_a_run_that_adopts_orphans_spares_what_belongs_to_another_one_under_way(
    table: ProcessTable, start: Start, mark: str, name: str
) -> None:
    supervisor = start("exec sleep 300")
    scope = Scope(mark, [seen(table, supervisor).process], table=table)
    scope.adopting = True
    other = f"{uuid.uuid4().hex}.1"
    process = start("exec sleep 300", **{name: other})
    until(lambda: process.pid in {one.process.pid for one in scope.find()})
    with under_way(other):
        assert process.pid not in {one.process.pid for one in scope.find()}
    assert process.pid in {one.process.pid for one in scope.find()}


def test_asking_twice_to_end_asks_each_process_once(
    table: ProcessTable, start: Start, mark: str
) -> None:
    start("trap 'echo asked' TERM; while :; do sleep 0.01; done", **{RUN_MARK: mark})
    scope = Scope(mark, table=table)
    until(lambda: len(scope.find()) == 2)  # it sleeps, so it has set its trap
    assert scope.terminate() >= 1
    leader = next(iter(sorted(scope.ended)))
    scope.terminate()
    assert leader in scope.ended
    assert scope.end(0.0)
    assert leader in scope.forced


def test_an_orphan_on_its_way_to_its_program_is_not_taken_for_gone(start: Start, mark: str) -> None:
    class Slow(ProcTable):
        """Shows a process in the middle of an exec, as a busy machine does, for a few looks."""

        looks = 0

        def between_programs(self, pid: int) -> bool:
            self.looks += 1
            return self.looks < 4 or super().between_programs(pid)

    supervisor = start("exec sleep 300")
    table = Slow()
    scope = Scope(mark, [seen(table, supervisor).process], table=table)
    scope.adopting = True
    process = start("exec sleep 300")
    seen(table, process)
    assert process.pid in {one.process.pid for one in scope.find()}
