"""The controls of one command: called from the lane's thread, at any moment of its run."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections import deque

from webapp.agents.process_table import Seen
from webapp.agents.processes import Scope
from webapp.agents.protocol import Console, Instruction


class ShellControls:
    """Signals at once, from whatever thread; what came of it is told by the run's own thread.

    Before the command exists a wish is kept, and the command is not started while paused; after it
    has ended nothing happens.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._scope: Scope | None = None
        self._begun = False
        self._closed = False
        self._leaving = False
        self._paused = False
        self._told_paused = False
        self._untold: deque[str] = deque()
        self._instructions: deque[Instruction] = deque()
        self._stopping = False
        self._kill_at = math.inf
        self.bell, self._ring = os.pipe()
        for end in (self.bell, self._ring):
            os.set_blocking(end, False)

    # What the lane calls.

    def pause(self) -> None:
        with self._lock:
            if self._paused or self._stopping or self._leaving or self._closed:
                return
            self._paused = True
            self._freeze()
            self._wake()

    def resume(self) -> None:
        with self._lock:
            if not self._paused:
                return
            self._paused = False
            if self._scope:
                self._scope.thaw()
            if self._told_paused:
                self._told_paused = False
                self._untold.append("resumed")
            self._wake()

    def stop(self, grace_s: float) -> None:
        with self._lock:
            if self._closed:
                return
            first, self._stopping = not self._stopping, True
            self._kill_at = min(self._kill_at, time.monotonic() + grace_s)
            self._paused = False
            if self._scope and first:
                self._scope.terminate()
            self._wake()

    def kill(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._stopping = True
            self._paused = False
            self._kill_at = -math.inf
            if self._scope:
                self._scope.kill()
            self._wake()

    def instruct(self, instruction: Instruction) -> None:
        with self._lock:
            late = self._closed
            if not late:
                self._instructions.append(instruction)
                self._wake()
        if late:
            self._console.receipt(instruction.instruction_id, "never_read")

    # What the run calls.

    def begin(self) -> bool:
        """Whether the command may be started now; if so, it counts as begun."""
        with self._lock:
            self._begun = not (self._paused or self._stopping)
            return self._begun

    @property
    def stopping(self) -> bool:
        return self._stopping

    @property
    def kill_at(self) -> float:
        """When, by the monotonic clock, a stop turns into force."""
        return self._kill_at

    @property
    def unsettled(self) -> bool:
        """Whether a pause has not yet reached everything."""
        return self._paused and not self._told_paused

    def attach(self, scope: Scope) -> None:
        """The command exists: its processes are what is steered, also by what came before."""
        with self._lock:
            self._scope = scope
            if self._stopping:
                scope.terminate()
            elif self._paused:
                self._freeze()

    def adopt(self) -> None:
        """The supervisor was killed: what it left behind has come to this process."""
        with self._lock:
            if self._scope:
                self._scope.adopting = True
                if self._stopping:
                    self._scope.terminate()

    def settle(self) -> list[Seen]:
        """Tell what took effect; the processes that still run although all should be paused."""
        with self._lock:
            if self.unsettled:
                self._freeze()
            living = self._living() if self.unsettled else []
            untold, self._untold = self._untold, deque()
        for effect in untold:
            if effect == "paused":
                self._console.paused()
            else:
                self._console.resumed()
        return [seen for seen in living if seen.runs]

    def hush(self) -> None:
        """Silence the bell that woke the run."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.bell, 4096)

    def listen(self) -> list[Instruction]:
        """Silence the bell; the instructions that have come."""
        self.hush()
        with self._lock:
            taken, self._instructions = list(self._instructions), deque()
        return taken

    def leave(self) -> None:
        """The command itself has ended: there is nothing left to pause."""
        with self._lock:
            self._leaving = True
            self._paused = False

    def terminate(self) -> None:
        with self._lock:
            if self._scope:
                self._scope.terminate()

    def force(self) -> None:
        with self._lock:
            if self._scope:
                self._scope.kill()

    def living(self) -> list[Seen]:
        with self._lock:
            return self._living()

    def close(self) -> list[Instruction]:
        """Nothing is steered any more; the instructions that came too late."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self.bell)
                os.close(self._ring)
            late, self._instructions = list(self._instructions), deque()
        return late

    def _living(self) -> list[Seen]:
        return self._scope.find() if self._scope else []

    def _freeze(self) -> None:
        frozen = self._scope.freeze() if self._scope else not self._begun
        if frozen and not self._told_paused:
            self._told_paused = True
            self._untold.append("paused")

    def _wake(self) -> None:
        if not self._closed:
            with contextlib.suppress(BlockingIOError):  # full: it rings already
                os.write(self._ring, b"!")
