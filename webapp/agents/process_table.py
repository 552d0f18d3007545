"""Reads and signals the machine's processes: Linux from /proc, other systems through psutil."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

PROC = Path("/proc")
STOPPED, WAITING = frozenset("Tt"), "D"
"""States of a process that runs on only when it is continued, or when what it waits for comes."""


@dataclass(frozen=True, order=True)
class Process:
    """Who a process is: its number can be used again, but not with the same start.

    ``started`` is in the unit of the table that gave it; it only ever compares.
    """

    pid: int
    started: float


@dataclass(frozen=True)
class Seen:
    """A living process (never a zombie) as the table showed it at one moment."""

    process: Process
    parent: int
    session: int
    state: str

    @property
    def stopped(self) -> bool:
        return self.state in STOPPED

    @property
    def runs(self) -> bool:
        """Whether it would go on by itself, after it was told to stop."""
        return not self.stopped and self.state != WAITING


class Sent(Enum):
    """What became of a signal."""

    HIT = "hit"
    GONE = "gone"
    REFUSED = "refused"


class ProcessTable(Protocol):
    """What the scope walk asks of an operating system."""

    def look(self, pid: int) -> Seen | None:
        """The process with this number, or None when there is none or it is a zombie."""

    def below(self, pids: Iterable[int]) -> list[Seen]:
        """All descendants of these processes, parents before their children."""

    def environments(self) -> Iterator[tuple[int, bytes]]:
        """Number and environment (``NAME=value`` joined by NUL) of all that may be read."""

    def environment(self, pid: int) -> bytes:
        """The environment a process was started with; empty when it may not be read."""

    def between_programs(self, pid: int) -> bool:
        """Whether it is just executing another program, and shows nothing of either."""

    def send(self, process: Process, number: int) -> Sent:
        """Signal this very process, never one that took over its number."""


class ProcTable:
    """Linux: a few small files per process, so that a walk costs what the tree is large."""

    def look(self, pid: int) -> Seen | None:
        try:
            # The name, in brackets, may itself hold brackets and spaces.
            fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        state = fields[0].decode()
        if state in "XZ":
            if state == "X" or not self._has_threads(pid):
                return None
            state = "R"  # only its first thread has ended
        return Seen(Process(pid, int(fields[19])), int(fields[1]), int(fields[3]), state)

    def below(self, pids: Iterable[int]) -> list[Seen]:
        found: dict[int, Seen] = {}
        queue = list(pids)
        known = set(queue)
        for pid in queue:  # grows while it is walked: breadth first, parents first
            for child in self._children(pid):
                if child not in known and (seen := self.look(child)):
                    known.add(child)
                    found[child] = seen
                    queue.append(child)
        return list(found.values())

    def environments(self) -> Iterator[tuple[int, bytes]]:
        for pid in _numbers(PROC):
            if environment := self.environment(pid):
                yield pid, environment

    def environment(self, pid: int) -> bytes:
        try:
            return (PROC / str(pid) / "environ").read_bytes()
        except OSError:  # somebody else's, or gone
            return b""

    def between_programs(self, pid: int) -> bool:
        try:
            return not (PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            return False

    def send(self, process: Process, number: int) -> Sent:
        try:
            # The handle holds on to the process, so the check below stays true.
            handle = os.pidfd_open(process.pid)
        except ProcessLookupError:
            return Sent.GONE
        except OSError:
            return _send_by_number(self, process, number)
        try:
            seen = self.look(process.pid)
            if seen is None or seen.process != process:
                return Sent.GONE
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return Sent.GONE
        except PermissionError:
            return Sent.REFUSED
        finally:
            os.close(handle)
        return Sent.HIT

    def _children(self, pid: int) -> list[int]:
        children: list[int] = []
        for thread in _numbers(PROC / str(pid) / "task"):
            try:
                listed = (PROC / str(pid) / "task" / str(thread) / "children").read_bytes()
            except FileNotFoundError:
                if (PROC / "self/task" / str(os.getpid()) / "children").exists():
                    continue  # that thread has just ended
                return self._children_by_parent(pid)
            except OSError:
                continue
            children.extend(int(child) for child in listed.split())
        return children

    def _children_by_parent(self, pid: int) -> list[int]:
        """For kernels built without lists of children."""
        everyone = (self.look(other) for other in _numbers(PROC))
        return [seen.process.pid for seen in everyone if seen and seen.parent == pid]

    def _has_threads(self, pid: int) -> bool:
        return len(list(_numbers(PROC / str(pid) / "task"))) > 1


class PsutilTable:
    """macOS and the rest: the same questions, answered from one pass over all processes."""

    def look(self, pid: int) -> Seen | None:
        import psutil

        try:
            process = psutil.Process(pid)
            with process.oneshot():
                status = process.status()
                if status == psutil.STATUS_ZOMBIE:
                    return None
                parent, started = process.ppid(), process.create_time()
            states = {
                psutil.STATUS_STOPPED: "T",
                psutil.STATUS_TRACING_STOP: "t",
                psutil.STATUS_DISK_SLEEP: WAITING,
            }
            state = states.get(status, "R")
            return Seen(Process(pid, started), parent, os.getsid(pid), state)
        except (psutil.Error, OSError):
            return None

    def below(self, pids: Iterable[int]) -> list[Seen]:
        import psutil

        children: defaultdict[int, list[int]] = defaultdict(list)
        for process in psutil.process_iter(["ppid"]):
            children[process.info["ppid"]].append(process.pid)
        found: dict[int, Seen] = {}
        queue = list(pids)
        known = set(queue)
        for pid in queue:
            for child in children[pid]:
                if child not in known and (seen := self.look(child)):
                    known.add(child)
                    found[child] = seen
                    queue.append(child)
        return list(found.values())

    def environments(self) -> Iterator[tuple[int, bytes]]:
        import psutil

        for pid in psutil.pids():
            if environment := self.environment(pid):
                yield pid, environment

    def environment(self, pid: int) -> bytes:
        import psutil

        try:
            entries = psutil.Process(pid).environ()
        except (psutil.Error, OSError):
            return b""
        return b"\0".join(os.fsencode(f"{name}={value}") for name, value in entries.items())

    def between_programs(self, pid: int) -> bool:
        import psutil

        try:
            return not psutil.Process(pid).cmdline()
        except (psutil.Error, OSError):
            return False

    def send(self, process: Process, number: int) -> Sent:
        return _send_by_number(self, process, number)


def _numbers(directory: Path) -> Iterator[int]:
    try:
        names = os.listdir(directory)
    except OSError:
        return
    yield from (int(name) for name in names if name.isdecimal())


def _send_by_number(table: ProcessTable, process: Process, number: int) -> Sent:
    seen = table.look(process.pid)
    if seen is None or seen.process != process:
        return Sent.GONE
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return Sent.GONE
    except PermissionError:
        return Sent.REFUSED
    return Sent.HIT


TABLE: ProcessTable = ProcTable() if (PROC / "self/stat").exists() else PsutilTable()
