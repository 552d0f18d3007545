"""Notices that the clock was put forward or back, or that the machine slept."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from webapp.runtime.context import Context

log = structlog.get_logger(__name__)

LOOK_S = 1.0
JUMP_S = 1.0
"""A difference between the time of day and what has passed that is not the work of ntpd."""


class ClockWatch:
    """Compares the time of day with a clock that only counts, in a thread of its own.

    Who waits for a time of day waits for as long as it was away when they began. After a sleep
    that is too late, and after the clock was put back it is too late by as much.
    """

    def __init__(self, context: Context, jumped: Callable[[float], None]) -> None:
        """``jumped`` is told by how many seconds: more than have passed, or less if negative."""
        self._context = context
        self._jumped = jumped
        self._ending = threading.Event()
        self._before = self._difference()
        self._thread = threading.Thread(target=self._loop, name="clock-watch", daemon=True)

    def start(self) -> None:
        """Look every second."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ending.set()

    def look(self) -> None:
        """Tell of a jump since the last look."""
        now = self._difference()
        jump, self._before = now - self._before, now
        if abs(jump) > JUMP_S:
            log.warning("the clock jumped, or the machine slept", seconds=round(jump, 1))
            self._jumped(jump)

    def _difference(self) -> float:
        return self._context.now().timestamp() - self._context.monotonic()

    def _loop(self) -> None:
        while not self._ending.wait(LOOK_S):
            try:
                self.look()
            except Exception:
                log.exception("clock watch stumbled and goes on")
