"""All processes of one run: finds them, however they hide, and stops, continues or ends them.

Every process that an agent starts is marked: its environment names the run (``RUN_MARK``), or, for
the small supervisor above a shell command, ``SUPERVISOR_MARK``. What belongs to a run is whatever
descends from its supervisor or carries its mark.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from webapp.agents.process_table import TABLE, Process, ProcessTable, Seen, Sent

RUN_MARK = "LINEUP_TASK_RUN"
SUPERVISOR_MARK = "LINEUP_TASK_SUPERVISOR"

_under_way: set[str] = set()
"""The marks of all runs that this process carries out."""

PR_SET_CHILD_SUBREAPER = 36
EXEC_PATIENCE_S = 0.5
"""How long a process may take from fork to program; what shows none after that never will."""
KILL_PATIENCE_S = 10.0  # a process in an uninterruptible wait may outlive its SIGKILL


def run_mark(task_id: str, attempt: int) -> str:
    """The value that names a run in the environment of its processes."""
    return f"{task_id}.{attempt}"


@contextlib.contextmanager
def under_way(mark: str) -> Iterator[None]:
    """While a run is carried out here, no other one takes its processes for orphans."""
    _under_way.add(mark)
    try:
        yield
    finally:
        _under_way.discard(mark)


def become_subreaper() -> bool:
    """Adopt the orphans below this process from now on; false where there is no such thing.

    The second line of defence: a command that kills its supervisor leaves them to us.
    """
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


class Scope:
    """The processes of one run. Not for two threads at once."""

    def __init__(
        self, mark: str, supervisors: Iterable[Process] = (), *, table: ProcessTable = TABLE
    ) -> None:
        self._mark = mark
        self._supervisors = tuple(supervisors)
        self._table = table
        self.adopting = False
        """Whether the supervisor died before its time, and its orphans have come down to us."""
        self.ended: set[Process] = set()
        """Those that were told to end, kindly or by force."""
        self.forced: set[Process] = set()
        """Those that were ended by force."""
        self.refused: set[Process] = set()
        """Those that we may not signal: they run as another user."""

    def find(self, *, thorough: bool = True) -> list[Seen]:
        """What lives, parents before children.

        Unless ``thorough``, only what descends from the supervisor while there is one.
        """
        roots = [one.pid for one in self._supervisors if self._is(one)]
        found = {seen.process: seen for seen in self._table.below(roots)}
        if self.adopting:
            self._add(found, self._adopted())
        if thorough or not roots:
            self._add(found, find_marked(self._table, f"{RUN_MARK}={self._mark}"))
        for never in (*self._supervisors, *(p for p in found if p.pid == os.getpid())):
            found.pop(never, None)
        return list(found.values())

    def freeze(self, patience_s: float = 0.2) -> bool:
        """Stop (SIGSTOP) until nothing is left that runs; false when some still do.

        A process in an uninterruptible wait counts as stopped once it was told: it will not run
        any further. A shell waits like that for a child that was stopped right after its fork.
        """
        give_up = time.monotonic() + patience_s
        told: set[Process] = set()
        quiet = 0
        while True:
            found = self.find(thorough=quiet == 1)
            fresh = [seen for seen in found if not (seen.stopped or seen.process in told)]
            self._send(fresh, SIGSTOP)
            told.update(seen.process for seen in fresh)
            # A fork in the middle of a walk can hide from it, but not from two in a row.
            quiet = 0 if fresh else quiet + 1
            if quiet >= 2 and not any(seen.runs for seen in found):
                return True
            if time.monotonic() > give_up:
                return False
            if quiet >= 2:
                time.sleep(0.001)  # told to stop, and still on its way there

    def thaw(self) -> int:
        """Continue (SIGCONT) everything; how many processes were told."""
        return self._send(self.find(), SIGCONT)

    def terminate(self) -> int:
        """Ask everything that lives now to end (SIGTERM), once; how many were asked.

        All are stopped first and continued after, so that no parent goes on to its next step
        because its child ended first, and what a clean-up starts afterwards is left alone.
        """
        self.freeze()
        found = self.find()
        asked = self._send([seen for seen in found if seen.process not in self.ended], SIGTERM)
        self._send(found, SIGCONT)
        return asked

    def kill(self) -> int:
        """End everything by force (SIGKILL); how many were hit for the first time.

        Call it again until ``find`` is empty: something may have slipped through by forking.
        """
        before = len(self.forced)
        self.freeze(patience_s=0.1)
        self._send(self.find(), SIGKILL)
        self.reap()
        return len(self.forced) - before

    def end(self, grace_s: float) -> bool:
        """Terminate, wait, kill, and wait until all are really gone; false if some would not."""
        self.terminate()
        if self._wait_until_gone(grace_s):
            return True
        give_up = time.monotonic() + KILL_PATIENCE_S
        while time.monotonic() < give_up:
            self.kill()
            if self._wait_until_gone(0.1):
                return True
        return False

    def reap(self) -> None:
        """Collect the dead that we adopted, or they stay on as zombies."""
        for process in self.ended if self.adopting else ():
            with contextlib.suppress(OSError):
                os.waitpid(process.pid, os.WNOHANG)

    def _wait_until_gone(self, patience_s: float) -> bool:
        give_up = time.monotonic() + patience_s
        while self.find():
            if time.monotonic() > give_up:
                return False
            time.sleep(0.01)
        self.reap()
        return True

    def _is(self, process: Process) -> bool:
        seen = self._table.look(process.pid)
        return seen is not None and seen.process == process

    def _add(self, found: dict[Process, Seen], more: list[Seen]) -> None:
        found |= {seen.process: seen for seen in more}
        below = self._table.below([seen.process.pid for seen in more])
        found |= {seen.process: seen for seen in below}

    def _adopted(self) -> list[Seen]:
        """The orphans that came down to this process.

        They cannot be told by their mark alone, for a command may clear its environment. So it is
        all of our children that began after the supervisor, but those that we have on purpose:
        they are in our session, or belong to another run of ours by their mark. One that is on its
        way from fork to program shows neither, so it is waited for.
        """
        own_pid, own_session = os.getpid(), os.getsid(0)
        own_environment = self._table.environment(own_pid)
        earliest = min((one.started for one in self._supervisors), default=math.inf)
        others = {
            f"{name}={mark}".encode()
            for mark in _under_way.copy() - {self._mark}
            for name in (RUN_MARK, SUPERVISOR_MARK)
        }
        orphans = []
        for seen in self._table.below([own_pid]):
            pid = seen.process.pid
            if seen.parent != own_pid or seen.session == own_session:
                continue
            if seen.process.started < earliest:
                continue
            self._wait_for_program(pid)
            environment = self._table.environment(pid)
            spared = environment == own_environment or not others.isdisjoint(
                environment.split(b"\0")
            )
            if not (spared and environment):
                orphans.append(seen)
        return orphans

    def _wait_for_program(self, pid: int) -> None:
        """Until it can be told whose it is: passed over now, it would be taken for gone."""
        give_up = time.monotonic() + EXEC_PATIENCE_S
        while self._table.between_programs(pid) and time.monotonic() < give_up:
            time.sleep(0.001)

    def _send(self, targets: Iterable[Seen], number: int) -> int:
        hit = 0
        for seen in targets:
            sent = self._table.send(seen.process, number)
            hit += sent is Sent.HIT
            if sent is Sent.REFUSED:
                self.refused.add(seen.process)
            elif sent is Sent.HIT and number in {SIGTERM, SIGKILL}:
                self.ended.add(seen.process)
                if number == SIGKILL:
                    self.forced.add(seen.process)
        return hit


def find_marked(table: ProcessTable, entry: str) -> list[Seen]:
    """The processes whose environment holds the entry ``NAME=value``."""
    mark = entry.encode()
    return [
        seen
        for pid, environment in table.environments()
        if mark in environment  # cheap, and false for nearly all
        and mark in environment.split(b"\0")
        and (seen := table.look(pid))
    ]


def end_run(mark: str, grace_s: float, *, table: ProcessTable = TABLE) -> int:
    """End what a run left behind, its runner being dead; how many processes were ended.

    Returns once they are really gone, or after some seconds if the system will not end them.
    """
    marked = find_marked(table, f"{SUPERVISOR_MARK}={mark}")
    numbers = {seen.process.pid for seen in marked}
    # A command between fork and exec still looks like its supervisor.
    supervisors = [seen.process for seen in marked if seen.parent not in numbers]
    scope = Scope(mark, supervisors, table=table)
    if scope.find():
        scope.end(grace_s)
    for supervisor in supervisors:  # it ends by itself once its last child is gone
        _outlive(table, supervisor)
    return len(scope.ended)


def _outlive(table: ProcessTable, process: Process, patience_s: float = 1.0) -> None:
    give_up = time.monotonic() + patience_s
    while (seen := table.look(process.pid)) and seen.process == process:
        if time.monotonic() > give_up:
            table.send(process, SIGKILL)
            give_up += KILL_PATIENCE_S
        time.sleep(0.005)
