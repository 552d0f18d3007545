"""When a failed attempt is tried again: exponential backoff with jitter."""

from __future__ import annotations

import hashlib
from datetime import timedelta

FIRST_S = 2.0
LONGEST_S = 600.0


def backoff(task_id: str, attempt: int, first_s: float | None = None) -> timedelta:
    """How long to wait after failed ``attempt`` (from 1) before the next one.

    Doubles from ``first_s`` (two seconds if none) up to ten minutes, or for ever ``first_s`` if
    that is longer; less up to a quarter of it: the jitter is a hash of task and attempt, so that
    every process works out the same.
    """
    first = FIRST_S if first_s is None else first_s
    full = min(max(LONGEST_S, first), first * 2.0 ** min(attempt - 1, 30))
    digest = hashlib.sha256(f"{task_id}.{attempt}".encode()).digest()
    return timedelta(seconds=full * (1 - digest[0] / 255 / 4))
