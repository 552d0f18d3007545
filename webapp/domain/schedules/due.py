"""When a schedule is due next, and when that is fired: its rule between two times, and jitter."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from webapp.domain.cron import Rule

_MOMENT = timedelta(microseconds=1)


def due_after(
    rule: Rule, after: datetime, *, starts_at: datetime | None, ends_at: datetime | None
) -> datetime | None:
    """The first due time strictly after this; a time at either end of the schedule counts."""
    if starts_at is not None:
        after = max(after, starts_at - _MOMENT)
    due = rule.next(after)
    return None if due is None or (ends_at is not None and due > ends_at) else due


def fire_at(schedule_id: int, due_at: datetime, jitter_s: float) -> datetime:
    """A due time and its jitter: the same whichever process works it out."""
    if not jitter_s:
        return due_at
    said = f"{schedule_id}/{due_at.timestamp():.6f}".encode()
    share = int.from_bytes(hashlib.sha256(said).digest()[:8]) / 2**64
    return due_at + timedelta(seconds=jitter_s * share)
