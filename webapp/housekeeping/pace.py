"""How much is removed at once: transactions so short that nobody notices that he waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from webapp import clock

T = TypeVar("T")

SHORT_S = 0.015
"""How long a transaction should take: the next is as large as the last one was quick."""
FIRST, SMALLEST, LARGEST = 20, 5, 500
BREATH_S = 0.02
LONGEST_BREATH_S = 0.25

Pause = Callable[[float], bool]
"""Waits so many seconds; true if it is time to end."""


class Pace:
    """The size of the next piece, and the breath after each.

    What a piece waited for others counts as its own time: where many write, pieces are smaller.
    """

    def __init__(self, pause: Pause) -> None:
        self._pause = pause
        self._size = float(FIRST)
        self._took = 0.0
        self.ending = False

    @property
    def size(self) -> int:
        """How many things the next piece should have."""
        return int(self._size)

    def take(self, step: Callable[[], T]) -> T:
        """Do a piece of this size."""
        began = clock.monotonic()
        done = step()
        self._took = clock.monotonic() - began
        grown = self._size * min(1.5, max(0.25, SHORT_S / max(self._took, SHORT_S / 2)))
        self._size = min(LARGEST, max(SMALLEST, grown))
        return done

    def rest(self) -> bool:
        """Leave the database to others for twice as long as the last piece took.

        True if it is time to end; so it stays then.
        """
        return self.breathe(2 * self._took)

    def breathe(self, seconds: float = BREATH_S) -> bool:
        """Let others have their turn; true if it is time to end."""
        self.ending = self._pause(min(LONGEST_BREATH_S, max(BREATH_S, seconds))) or self.ending
        return self.ending
