"""Schedules whose next time is none: what the doctor finds of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select

from webapp.db import db
from webapp.domain import cron
from webapp.domain.cron import Rule
from webapp.domain.errors import Invalid
from webapp.domain.schedules.due import due_after
from webapp.models import Flow, Occurrence, Runner, Schedule

_flows = Flow.__table__
_occurrences = Occurrence.__table__
_runners = Runner.__table__
_schedules = Schedule.__table__

PAGE = 500
LATE = timedelta(minutes=5)
"""So long after it was due somebody should have fired it, if anybody is there."""
ALIVE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)

UNUSABLE, UNFIRED, ASTRAY = "unusable", "unfired", "astray"
"""Its rule cannot be used; it was not fired; it waits for a time that is not its next."""


def page(after: int) -> Sequence[Any]:
    """Some schedules with the names of their flows, by id."""
    query = select(*_schedules.c, _flows.c.name).join(
        _flows, _flows.c.flow_id == _schedules.c.flow_id
    )
    return db.session.execute(
        query.where(_schedules.c.id > after).order_by(_schedules.c.id).limit(PAGE)
    ).all()


def somebody_fires(now: datetime) -> bool:
    """Whether a process that fires schedules has shown itself a moment ago."""
    seen = select(func.count()).where(
        _runners.c.ended_at.is_(None), _runners.c.heartbeat_at >= now - ALIVE
    )
    return bool(db.session.execute(seen).scalar_one())


def wrong(row: Row[Any], now: datetime, *, fired: bool) -> tuple[str, str] | None:
    """What is wrong with its next time, as a kind and in words; ``fired``: somebody would."""
    waits = row.next_execution_at
    if not row.is_enabled or row.cron_expression is None:
        return (ASTRAY, "it is off, and waits") if waits or row.fire_at else None
    try:
        rule = cron.parse(row.cron_expression, row.timezone)
    except Invalid as refusal:
        return UNUSABLE, str(refusal)
    first = due_after(rule, now, starts_at=row.starts_at, ends_at=row.ends_at)
    if waits is None:
        return (ASTRAY, "it waits for nothing") if first else None
    if row.fire_at is None or rule.next(waits - _SECOND) != waits:
        return ASTRAY, f"it waits for {waits:%Y-%m-%d %H:%M:%S}, which its rule does not name"
    if first is not None and first < waits and _is_free(row, rule, first, waits):
        return ASTRAY, f"it passes over {first:%Y-%m-%d %H:%M:%S}"
    if fired and row.fire_at < now - LATE:
        return UNFIRED, f"it was due at {waits:%Y-%m-%d %H:%M:%S}"
    return None


def _is_free(row: Row[Any], rule: Rule, first: datetime, waits: datetime) -> bool:
    """Whether a due time before the one it waits for has no fate; a clock may have been ahead."""
    fates = select(func.coalesce(func.sum(_occurrences.c.count), 0)).where(
        _occurrences.c.schedule_id == row.id,
        _occurrences.c.due_at >= first,
        _occurrences.c.due_at < waits,
    )
    known = int(db.session.execute(fates).scalar_one())
    for number, _ in enumerate(rule.between(first - _SECOND, waits - _SECOND), start=1):
        if number > known:
            return True
    return False
