"""Waiting for something to become true, by looking at it, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 60.0
LOOK_S = 0.01


def until(
    true: Callable[[], object],
    complaint: str | Callable[[], str] = "it did not happen",
    *,
    patience_s: float = PATIENCE_S,
) -> None:
    """Return as soon as ``true()`` is; fail with the complaint after ``patience_s``."""
    deadline = time.monotonic() + patience_s
    while not true():
        if time.monotonic() >= deadline:
            raise AssertionError(complaint() if callable(complaint) else complaint)
        time.sleep(LOOK_S)
