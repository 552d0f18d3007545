"""What monitors ask again and again: each answer costs the same, whatever the history holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, text

from webapp.db import UtcDateTime, db
from webapp.models import Lane, Occurrence, Schedule
from webapp.models.flows import IS_DUE

_lanes = Lane.__table__
_schedules = Schedule.__table__
_occurrences = Occurrence.__table__

RECENT = 200
"""Due times, the newest, whose lag is told."""
SETTLED = timedelta(seconds=10)
"""After so long, no transaction that was given an earlier number is still under way."""

_LANES = select(_lanes).where(_lanes.c.deleted_at.is_(None)).order_by(_lanes.c.name)
_SCHEDULES = select(_schedules.c.is_enabled, func.count()).group_by(_schedules.c.is_enabled)
_OLDEST_DUE = select(func.min(_schedules.c.fire_at)).where(text(IS_DUE))
_newest = (
    select(_occurrences.c.fate, _occurrences.c.late_ms)
    .order_by(_occurrences.c.seq.desc())
    .limit(RECENT)
    .subquery()
)
_LATE = select(_newest.c.late_ms).where(_newest.c.fate == "fired", _newest.c.late_ms.is_not(None))
_LAST = select(func.max(_occurrences.c.seq))
_UNSETTLED = select(func.min(_occurrences.c.seq)).where(
    _occurrences.c.seq > bindparam("after"),
    _occurrences.c.recorded_at > bindparam("settled", type_=UtcDateTime()),
)
_FATES = (
    select(_occurrences.c.fate, func.sum(_occurrences.c.count), func.max(_occurrences.c.seq))
    .where(_occurrences.c.seq > bindparam("after"), _occurrences.c.seq < bindparam("before"))
    .group_by(_occurrences.c.fate)
)


def lanes() -> Sequence[Any]:
    """Every lane with its counts."""
    return db.session.execute(_LANES).all()


def schedules() -> dict[bool, int]:
    """How many schedules are enabled, and how many are not."""
    return {bool(row[0]): row[1] for row in db.session.execute(_SCHEDULES)}


def oldest_due() -> datetime | None:
    """When the schedule that is to be fired first is to be."""
    found: datetime | None = db.session.execute(_OLDEST_DUE).scalar_one_or_none()
    return found


def lags() -> list[float]:
    """By how many seconds the newest fires were late, in order."""
    return sorted(row[0] / 1000 for row in db.session.execute(_LATE))


@dataclass(frozen=True)
class Fates:
    """How many due times had which fate, up to occurrence number ``after``."""

    after: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


def more_fates(before: Fates, now: datetime) -> Fates:
    """The counts with what was added since; they begin with the first call.

    Numbers are given before they are committed, so the newest wait for the next call.
    """
    if before.after is None:
        return Fates(db.session.execute(_LAST).scalar_one() or 0)
    after, settled = {"after": before.after}, {"settled": now - SETTLED}
    first_new = db.session.execute(_UNSETTLED, {**after, **settled}).scalar_one()
    until = {"before": first_new if first_new is not None else 2**62}
    counts, last = dict(before.counts), before.after
    for fate, count, seq in db.session.execute(_FATES, {**after, **until}):
        counts[fate] = counts.get(fate, 0) + int(count)
        last = max(last, seq)
    return Fates(last, counts)
