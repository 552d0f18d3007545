"""When a failed attempt is tried again: exponential backoff with jitter."""

from __future__ import annotations

import hashlib
from datetime import timedelta

FIRST_S = 2.0
LONGEST_S = 600.0


def backoff(task_id: str, attempt: int) -> timedelta:
    """How long to wait after failed ``attempt`` (from 1) before the next one.

    Doubles from two seconds up to ten minutes, less up to a quarter of it: the jitter is a hash of
    task and attempt, so that every process works out the same.
    """
    full = min(LONGEST_S, FIRST_S * 2.0 ** min(attempt - 1, 30))
    digest = hashlib.sha256(f"{task_id}.{attempt}".encode()).digest()
    return timedelta(seconds=full * (1 - digest[0] / 255 / 4))
