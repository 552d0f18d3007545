"""The ledger of due times: what became of each is written down once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select

from webapp.db import db, transaction
from webapp.domain.schedules.firing import Fate
from webapp.models import Occurrence, Schedule
from webapp.services import bulk

_occurrences = Occurrence.__table__
_schedules = Schedule.__table__

PIECE = 2_000
"""Entries that are removed at once."""


def record(entries: Sequence[Mapping[str, Any]]) -> None:
    """Write fates down, for verbs that are in their transaction."""
    bulk.insert_many(_occurrences, entries)


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


@transaction
def shorten(flow_id: str) -> bool:
    """Remove a piece of the ledger of a flow's schedule, but for the newest; false if none is left.

    Before a schedule is removed: to remove millions of entries at once would hold everybody up.
    """
    older = (
        select(_occurrences.c.seq)
        .join(_schedules, _schedules.c.id == _occurrences.c.schedule_id)
        .where(_schedules.c.flow_id == flow_id)
        .order_by(_occurrences.c.due_at.desc())
        .offset(PIECE)
        .limit(PIECE)
    )
    removal = delete(_occurrences).where(_occurrences.c.seq.in_(older))
    return bool(cast(CursorResult[Any], db.session.execute(removal)).rowcount)


def decided(schedule_id: int, since: datetime) -> set[datetime]:
    """The due times of a schedule from one on that have their fate; ranges by their first."""
    query = select(_occurrences.c.due_at).where(
        _occurrences.c.schedule_id == schedule_id, _occurrences.c.due_at >= since
    )
    return set(db.session.execute(query).scalars())
