"""A long freeze in the ledger: a thousand due times a row each, and one row for all the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, func, literal, select, update

from webapp.db import UtcDateTime, db
from webapp.domain.cron import Rule
from webapp.domain.schedules.fates import EACH_BY_ITSELF
from webapp.domain.schedules.firing import Fate, Frozen
from webapp.models import Occurrence

_occurrences = Occurrence.__table__

CODE = "skipped_freeze"

_of_schedule = _occurrences.c.schedule_id == bindparam("of_schedule")
_LATEST = (
    select(_occurrences.c.seq, _occurrences.c.due_at, _occurrences.c.until, _occurrences.c.code)
    .where(_of_schedule)
    .order_by(_occurrences.c.due_at.desc())
    .limit(1)
)
_SINCE = (
    select(literal(1))
    .where(_of_schedule, _occurrences.c.due_at >= bindparam("since", type_=UtcDateTime()))
    .limit(EACH_BY_ITSELF)
    .subquery()
)
_ROWS = select(func.count()).select_from(_SINCE)
_LENGTHEN = update(_occurrences).where(_occurrences.c.seq == bindparam("of_seq"))


def fold(schedule_id: int, rule: Rule, fates: list[Fate], frozen: Frozen | None) -> list[Fate]:
    """What of these fates needs rows of its own: the row of a long freeze takes in the others."""
    skipped = [fate for fate in fates if fate.code == CODE]
    if frozen is None or not skipped:
        return fates
    since_s = (skipped[-1].due_at - frozen.since).total_seconds()
    if since_s < rule.shortest_s * (EACH_BY_ITSELF - 1):
        return fates  # there cannot be so many
    others = [fate for fate in fates if fate.code != CODE]
    latest = db.session.execute(_LATEST, {"of_schedule": schedule_id}).one_or_none()
    if latest is None or latest.due_at < frozen.since:
        return fates
    if latest.until is not None and latest.code == CODE:
        _lengthen(latest.seq, skipped)
        return others
    there = db.session.execute(_ROWS, {"of_schedule": schedule_id, "since": frozen.since})
    return [*others, _one(skipped)] if there.scalar_one() >= EACH_BY_ITSELF else fates


def _one(fates: Sequence[Fate]) -> Fate:
    """One fate for all of these."""
    last, count = fates[-1], sum(fate.count for fate in fates)
    return replace(fates[0], until=last.until or last.due_at, count=count)


def _lengthen(seq: int, fates: Sequence[Fate]) -> None:
    more = _one(fates)
    values = {"until": more.until, "count": _occurrences.c.count + more.count}
    db.session.execute(_LENGTHEN.values(**values), {"of_seq": seq})
