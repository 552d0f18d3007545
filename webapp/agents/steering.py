"""The controls of work in a loop of asyncio: called from the lane's thread, at any moment."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from webapp.agents.protocol import Console, Instruction

T = TypeVar("T")

LEAVE_S = 1.0
"""What a library may take to tidy up after its work has ended."""


class LoopControls:
    """A stop cancels what is under way at once; a pause holds the work at its next gate."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._changed = asyncio.Event()  # belongs to no loop until somebody waits for it
        self._paused = False
        self.stopping = False

    # What the lane calls.

    def pause(self) -> None:
        self._want(paused=True)

    def resume(self) -> None:
        self._want(paused=False)

    def stop(self, grace_s: float) -> None:
        self._cancel()

    def kill(self) -> None:
        self._cancel()

    def instruct(self, instruction: Instruction) -> None:
        self._console.receipt(instruction.instruction_id, "never_read")

    # What the run calls.

    def carry_out(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run it to its end in a loop of its own; None if it was stopped.

        Nothing is waited for after a stop, least of all a name server that does not answer:
        asyncio.run would wait for its thread.
        """
        loop = asyncio.new_event_loop()
        task = loop.create_task(work)
        with self._lock:
            self._loop, self._task = loop, task
            if self.stopping:
                task.cancel()
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            if not self.stopping:
                raise RuntimeError("its work was cancelled, and nobody had asked") from None
            return None
        finally:
            with self._lock:
                self._loop = self._task = None
            _leave(loop)

    async def gate(self) -> None:
        """Wait here while paused."""
        if not self._is_paused():
            return
        self._console.paused()
        while self._is_paused():
            await self._changed.wait()
        self._console.resumed()

    async def rest(self, seconds: float) -> None:
        """Wait between two tries; a pause takes effect at once, and its time counts as waited."""
        until = time.monotonic() + seconds
        await self.gate()
        while (left := until - time.monotonic()) > 0:
            if not self._is_paused():
                try:
                    await asyncio.wait_for(self._changed.wait(), left)
                except TimeoutError:
                    return
            await self.gate()

    def _cancel(self) -> None:
        with self._lock:
            self.stopping = True
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)

    def _is_paused(self) -> bool:
        """What is wished now; whatever is wished after this is heard."""
        self._changed.clear()
        return self._paused

    def _want(self, *, paused: bool) -> None:
        with self._lock:
            self._paused = paused
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._changed.set)


def _leave(loop: asyncio.AbstractEventLoop) -> None:
    """Close the loop; what a library left at work in it is told to end, and not waited for long."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=LEAVE_S))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
