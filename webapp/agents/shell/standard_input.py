"""The command's standard input: writes what people add, and knows what became of it."""

from __future__ import annotations

import os
import select
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fcntl import ioctl
from io import FileIO
from termios import FIONREAD

from webapp.agents.protocol import Fate, Instruction


@dataclass(frozen=True)
class _Written:
    """An instruction that lies in the pipe up to ``end``, counted from the first byte ever."""

    instruction_id: str
    end: int


class StandardInput:
    """One pipe, written without ever waiting.

    A receipt is ``delivered`` when all of an instruction is in the pipe, ``consumed`` when the pipe
    was drained past its end, ``never_read`` when that can no longer happen. An end of input is
    ``delivered`` when the pipe was closed, and ``consumed`` once all before it is.
    """

    def __init__(
        self, pipe: FileIO | None, counter: FileIO | None, receipt: Callable[[str, Fate], None]
    ) -> None:
        """``pipe`` is the end to write to, ``counter`` an end that can tell what is unread."""
        self._pipe = pipe
        self._counter = counter
        self._receipt = receipt
        self._queue: deque[Instruction] = deque()
        self._rest = b""  # what is not yet written of the first in the queue, once it was begun
        self._written = 0
        self._unread: deque[_Written] = deque()

    @property
    def busy(self) -> bool:
        """Whether something waits to be written or read, and ``attend`` should be called soon."""
        return bool(self._queue or self._unread)

    def add(self, instruction: Instruction) -> None:
        if self._pipe is None:
            self._receipt(instruction.instruction_id, "never_read")
            return
        self._queue.append(instruction)

    def attend(self) -> None:
        """Write as much as the pipe takes, and tell what was read."""
        self._write()
        self._tell_consumed()
        if self._unread and self._pipe and _deserted(self._pipe):
            self.close()

    def close(self) -> None:
        """The end, whoever brought it: what was not read will not be."""
        self._tell_consumed()
        for written in self._unread:
            self._receipt(written.instruction_id, "never_read")
        self._unread.clear()
        self._refuse_queue()
        for end in (self._pipe, self._counter):
            if end is not None:
                end.close()
        self._pipe = self._counter = None

    def _write(self) -> None:
        while self._queue and self._pipe:
            instruction = self._queue[0]
            if instruction.kind == "end_input":
                self._end(self._pipe)
                return
            try:
                if not self._write_on(self._pipe, instruction):
                    return
            except BrokenPipeError:  # nobody has it open for reading any more
                self.close()
                return
            self._queue.popleft()
            self._unread.append(_Written(instruction.instruction_id, self._written))
            self._receipt(instruction.instruction_id, "delivered")

    def _write_on(self, pipe: FileIO, instruction: Instruction) -> bool:
        """Go on writing this one; true once all of it is in the pipe."""
        self._rest = self._rest or instruction.text.encode(errors="replace") + b"\n"
        while self._rest:
            count = pipe.write(self._rest)
            if count is None:  # full
                return False
            self._written += count
            self._rest = self._rest[count:]
        return True

    def _end(self, pipe: FileIO) -> None:
        """Close the pipe, as the first in the queue asks."""
        if _deserted(pipe):
            self.close()
            return
        self._tell_consumed()
        end = self._queue.popleft()
        if self._counter is pipe:
            self._counter = _reading_end(pipe) if self._unread else None
        pipe.close()
        self._pipe = None
        self._receipt(end.instruction_id, "delivered")
        if self._unread:
            self._unread.append(_Written(end.instruction_id, self._written))
        else:
            self._receipt(end.instruction_id, "consumed")
        self._refuse_queue()

    def _refuse_queue(self) -> None:
        for instruction in self._queue:
            self._receipt(instruction.instruction_id, "never_read")
        self._queue.clear()

    def _tell_consumed(self) -> None:
        if self._counter is None or not self._unread:
            return
        (unread,) = struct.unpack("i", ioctl(self._counter, FIONREAD, bytes(4)))
        while self._unread and self._unread[0].end <= self._written - unread:
            self._receipt(self._unread.popleft().instruction_id, "consumed")


def _deserted(pipe: FileIO) -> bool:
    """Whether nobody can read it any more. Not noticed where we keep a reading end ourselves."""
    poll = select.poll()
    poll.register(pipe, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _reading_end(pipe: FileIO) -> FileIO | None:
    """Another way into the same pipe (Linux), to see what is unread after our end is closed."""
    try:
        return FileIO(os.open(f"/proc/self/fd/{pipe.fileno()}", os.O_RDONLY | os.O_NONBLOCK), "rb")
    except OSError:
        return None
