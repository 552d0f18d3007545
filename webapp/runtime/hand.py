"""The thread agents work in: one run after the other, until one of them will not end."""

from __future__ import annotations

import contextvars
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue

Work = tuple[str, Callable[[], None]]
IDLE = "agent-idle"


class Hand:
    """A thread to give work to. Whoever lets go of it lets the thread end after its last work.

    To start a thread for every run would take, on a busy machine, longer than to write the run
    down; a run that will not end keeps its thread, and the next one is given another.
    """

    def __init__(self) -> None:
        self._given: SimpleQueue[Work | None] = SimpleQueue()
        weakref.finalize(self, self._given.put, None)
        threading.Thread(target=_serve, args=(self._given,), name=IDLE, daemon=True).start()

    def take(self, name: str, work: Callable[[], None]) -> None:
        """Do this next, under this name, which nothing of the work before it can reach."""
        self._given.put((name, work))


def _serve(given: SimpleQueue[Work | None]) -> None:
    thread = threading.current_thread()
    while (taken := given.get()) is not None:
        thread.name, work = taken
        contextvars.Context().run(work)
        thread.name = IDLE
        del taken, work
