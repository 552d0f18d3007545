"""Starts the supervisor of one command and holds the runner's ends of its pipes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fcntl import fcntl
from io import FileIO
from pathlib import Path
from signal import SIGCONT

from webapp.agents.process_table import TABLE
from webapp.agents.processes import SUPERVISOR_MARK, Scope

SUPERVISOR = Path(__file__).with_name("supervisor.py")
ON_LINUX = sys.platform.startswith("linux")
F_SETPIPE_SZ = 1031
OUTPUT_PIPE = 1 << 18  # fewer wake-ups in a flood
CONTROL_PIPE = 1 << 20  # takes a whole order, so that giving it never waits


class CannotPass(ValueError):
    """Holds a NUL or half a character: no operating system passes that to a process."""


@dataclass(frozen=True)
class Order:
    """How to start a command; ``mark`` names the run."""

    shell: str
    command: str
    directory: str
    environment: Mapping[str, str]
    mark: str

    def encode(self) -> bytes:
        entries = (f"{name}={value}" for name, value in self.environment.items())
        parts = (self.directory, self.shell, self.command, *entries)
        if any("\0" in part for part in parts):
            raise CannotPass("a NUL character")
        try:
            order = b"\0".join(part.encode("utf-8", "surrogateescape") for part in parts)
        except UnicodeEncodeError as error:
            raise CannotPass("half a character") from error
        return b"%010d" % len(order) + order


class Launched:
    """A supervisor at work, and our ends of the pipes to it and to its command."""

    def __init__(self, order: Order, outside: Mapping[str, str], *, with_input: bool) -> None:
        """Start it; ``outside`` is the environment of the supervisor itself.

        Raises CannotPass, or OSError when no processes or descriptors are left.
        """
        untold = memoryview(order.encode())
        self.input: FileIO | None = None
        self.input_counter: FileIO | None = None
        with ExitStack() as ours, ExitStack() as theirs:
            self.output, their_output = _pipe(reader=ours, writer=theirs, size=OUTPUT_PIPE)
            self.status, their_status = _pipe(reader=ours, writer=theirs)
            their_control, self.control = _pipe(reader=theirs, writer=ours, size=CONTROL_PIPE)
            their_input: FileIO | int = subprocess.DEVNULL
            if with_input:
                their_input, self.input = _pipe(reader=theirs, writer=ours)
                # Where the write end cannot tell what is unread, a second reading end can.
                self.input_counter = (
                    self.input if ON_LINUX else ours.enter_context(_copy(their_input))
                )
            self.process = subprocess.Popen(
                [
                    *(_python(), "-I", "-S", str(SUPERVISOR)),
                    *(str(their_status.fileno()), str(their_control.fileno())),
                ],
                stdin=their_input,
                stdout=their_output,
                stderr=their_output,
                pass_fds=(their_status.fileno(), their_control.fileno()),
                env={**outside, SUPERVISOR_MARK: order.mark},
                cwd="/",
                start_new_session=True,
            )
            self._ours = ours.pop_all()
        for end in (self.output, self.status, self.input):
            if end is not None:
                os.set_blocking(end.fileno(), False)
        seen = TABLE.look(self.process.pid)
        self.scope = Scope(order.mark, [seen.process] if seen else [])
        with contextlib.suppress(BrokenPipeError):  # it has died; the status pipe says so too
            while untold:
                untold = untold[self.control.write(untold) :]

    def keep_awake(self) -> None:
        """Continue the supervisor, should its command have stopped it."""
        self.process.send_signal(SIGCONT)

    def close(self) -> None:
        """Let go of it: a supervisor that still has children now ends them by itself."""
        self._ours.close()
        try:
            self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            if not self.scope.find():  # stopped or hanging, and of no use any more
                self.process.kill()
                self.process.wait()


def _pipe(
    *, reader: ExitStack, writer: ExitStack, size: int | None = None
) -> tuple[FileIO, FileIO]:
    """A pipe whose ends are closed by these stacks, or before."""
    read_end, write_end = os.pipe()
    ends = FileIO(read_end, "rb"), FileIO(write_end, "wb")
    reader.enter_context(ends[0])
    writer.enter_context(ends[1])
    if size and ON_LINUX:
        with contextlib.suppress(OSError):  # over the user's quota: it works with the default too
            fcntl(read_end, F_SETPIPE_SZ, size)
    return ends


def _copy(end: FileIO) -> FileIO:
    return FileIO(os.dup(end.fileno()), "rb")


def _python() -> str:
    """The interpreter; a server that embeds Python names itself as sys.executable."""
    if Path(sys.executable or "").name.startswith(("python", "pypy")):
        return sys.executable
    return str(Path(sys.exec_prefix) / "bin" / "python3")
