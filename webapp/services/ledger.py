"""The ledger of due times: what became of each is written down once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from webapp.db import db
from webapp.domain.firing import Fate
from webapp.models import Occurrence

_occurrences = Occurrence.__table__

_RECORD = insert(_occurrences)


def record(entries: Sequence[Mapping[str, Any]]) -> None:
    """Write fates down, for verbs that are in their transaction."""
    if entries:
        db.session.execute(_RECORD, entries)


def entry(schedule_id: int, fate: Fate, task_id: str | None, now: datetime) -> dict[str, Any]:
    """A fate as a row of the ledger."""
    return {
        "schedule_id": schedule_id,
        "due_at": fate.due_at,
        "until": fate.until,
        "count": fate.count,
        "fate": fate.fate,
        "late_ms": fate.late_ms,
        "code": fate.code,
        "params": fate.params,
        "task_id": task_id,
        "recorded_at": now,
    }


def decided(schedule_id: int, since: datetime) -> set[datetime]:
    """The due times of a schedule from one on that have their fate; ranges by their first."""
    query = select(_occurrences.c.due_at).where(
        _occurrences.c.schedule_id == schedule_id, _occurrences.c.due_at >= since
    )
    return set(db.session.execute(query).scalars())
