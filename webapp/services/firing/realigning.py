"""After the clock was put back: what was said of times that have not come yet is taken back.

While a clock is ahead, due times are recorded as missed that are still to come, and schedules wait
for what comes after them. What got its fate when it was due keeps it: nothing is fired twice, and
a clock that is put back by an hour does not repeat it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, bindparam, delete, select, update

from webapp.db import AWAY, UtcDateTime, db, lock, transaction
from webapp.domain import cron
from webapp.domain.cron import Rule
from webapp.domain.schedules import due, spans
from webapp.domain.schedules.fates import FIRED, MISSED
from webapp.domain.schedules.firing import jitter_s
from webapp.models import Occurrence, Schedule
from webapp.services import audit

log = structlog.get_logger(__name__)

_schedules = Schedule.__table__
_occurrences = Occurrence.__table__

BY = "lineup"
AHEAD = timedelta(minutes=1)
"""Clocks of several machines differ by less: what one of them did a moment ago is no jump."""

_of_id = _schedules.c.id == bindparam("of_id")
_now = bindparam("now", type_=UtcDateTime())
_TOUCHED_LATER = select(_schedules.c.id).where(_schedules.c.updated_at > _now)
_LOCK = select(_schedules.c.id).where(_of_id).with_for_update()
_FIND = select(_schedules).where(_of_id)
_of_schedule = _occurrences.c.schedule_id == bindparam("of_schedule")
_TO_COME = select(
    _occurrences.c.seq, _occurrences.c.due_at, _occurrences.c.fate, _occurrences.c.recorded_at
).where(_of_schedule, _occurrences.c.due_at > _now)
_REACHING = select(_occurrences).where(_of_schedule, _occurrences.c.until > _now)
_CUT = update(_occurrences).where(_occurrences.c.seq == bindparam("of_seq"))
_ALIGN = update(_schedules).where(_of_id).values(version=_schedules.c.version + 1)


def realign(now: datetime) -> int:
    """Put right every schedule that was touched at a later time than it is; returns how many."""
    ids = db.session.execute(_TOUCHED_LATER, {"now": now + AHEAD}).scalars().all()
    for schedule_id in ids:
        try:
            align(schedule_id, now)
        except AWAY:
            raise
        except Exception:  # of one schedule, which must not keep the others waiting
            log.exception("schedule not realigned", schedule_id=schedule_id)
    return len(ids)


@transaction
def align(schedule_id: int, now: datetime) -> bool:
    """Have a schedule wait for the first due time from now on that has no fate.

    Fates that times to come were given by a jump are withdrawn. False if nothing was wrong.
    """
    lock(_LOCK, {"of_id": schedule_id})
    row = db.session.execute(_FIND, {"of_id": schedule_id}).one_or_none()
    if row is None or row.cron_expression is None:
        return False
    rule = cron.parse(row.cron_expression, row.timezone)
    withdrawn, taken = _withdraw(row, rule, now)
    following = _first(row, rule, now, taken) if row.is_enabled else None
    waits = row.next_execution_at
    if following is None or (waits is not None and waits <= following):
        following = waits
    values: dict[str, Any] = {"next_execution_at": following, "updated_at": now}
    values["fire_at"] = _fire_at(row, rule, following) if following != waits else row.fire_at
    if row.missed_at is not None and row.missed_at > now:
        values.update(missed_at=None, missed_from=None, missed_until=None, missed_count=0)
    db.session.execute(_ALIGN, {"of_id": row.id, **values})
    if following == waits and not withdrawn:
        return False
    audit.note(BY, "clock_put_back", row.flow_id, now, withdrawn=withdrawn)
    log.warning("schedule realigned", flow_id=row.flow_id, withdrawn=withdrawn)
    return True


def _withdraw(row: Row[Any], rule: Rule, now: datetime) -> tuple[int, set[datetime]]:
    """Take back what a jump said of times to come: how many rows, and which times keep theirs."""
    which = {"of_schedule": row.id, "now": now}
    to_come = db.session.execute(_TO_COME, which).all()
    gone = {fate.seq for fate in to_come if _by_a_jump(fate)}
    db.session.execute(delete(_occurrences).where(_occurrences.c.seq.in_(gone)))
    reaching = db.session.execute(_REACHING, which).all()
    for span in reaching:
        last = spans.newest(rule, span.due_at, now, 1)
        values = {
            "until": last[0] if last else span.due_at,
            "count": spans.count(rule, span.due_at, now) + 1,
        }
        db.session.execute(_CUT, {"of_seq": span.seq, **values})
    return len(gone) + len(reaching), {fate.due_at for fate in to_come if fate.seq not in gone}


def _by_a_jump(fate: Row[Any]) -> bool:
    """Whether it was given when the time had long passed by the clock as it was then."""
    if fate.fate == FIRED:
        return False
    return bool(fate.fate == MISSED or fate.recorded_at - fate.due_at > AHEAD)


def _first(row: Row[Any], rule: Rule, now: datetime, taken: set[datetime]) -> datetime | None:
    bounds = {"starts_at": row.starts_at, "ends_at": row.ends_at}
    at = due.due_after(rule, now, **bounds)
    while at is not None and at in taken:
        at = due.due_after(rule, at, **bounds)
    return at


def _fire_at(row: Row[Any], rule: Rule, at: datetime | None) -> datetime | None:
    return None if at is None else due.fire_at(row.id, at, jitter_s(row.jitter_s, rule))
