"""Fair starts: when many lanes have work at once, their commands do not begin at the same instant.

At most so many lanes of a process are in the first moments of a run that they began from rest; who
comes first begins first. A lane that ends a task and goes on with its next asks nobody, and a short
task makes room when it ends: where few lanes are at work, nobody ever waits here.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable

from webapp import clock

AT_ONCE = max(4, os.cpu_count() or 1)
FRESH_S = 0.5
"""How long a run is in its first moments."""
LOOK_S = 0.05


class Starts:
    """Hands out turns, first come, first served."""

    def __init__(
        self, at_once: int = AT_ONCE, monotonic: Callable[[], float] = clock.monotonic
    ) -> None:
        self._at_once = at_once
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        self._fresh: dict[object, float] = {}

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._line)

    def take(self, who: object, leaving: threading.Event) -> None:
        """Wait for one's turn to begin; not for longer than until ``leaving``."""
        with self._changed:
            self._line.append(who)
            while not leaving.is_set() and not (self._line[0] is who and self._has_room()):
                self._changed.wait(LOOK_S)
            self._line.remove(who)
            self._fresh[who] = self._monotonic()
            self._changed.notify_all()

    def give_back(self, who: object) -> None:
        """Nothing was begun, or it is over."""
        with self._changed:
            if self._fresh.pop(who, None) is not None:
                self._changed.notify_all()

    def _has_room(self) -> bool:
        fresh_since = self._monotonic() - FRESH_S
        fresh = sum(since > fresh_since for since in self._fresh.values())
        return fresh < self._at_once
