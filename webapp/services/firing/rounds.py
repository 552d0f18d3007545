"""Firing: everything that is due at a moment is given its fate, a piece at a time.

What is due is found by index, and what the clock and the rule say of it is worked out before the
transaction that writes it down (``writing``). Any number of processes may do this at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy import Row, bindparam, func, or_, select

from webapp.db import AWAY, UtcDateTime, db
from webapp.domain import cron
from webapp.domain.cron import Rule
from webapp.domain.errors import Refused
from webapp.domain.policies import MAX_TITLE
from webapp.domain.schedules import due
from webapp.domain.schedules.fates import SKIPPED
from webapp.domain.schedules.firing import Fate, Frozen, Timing, jitter_s, plan
from webapp.models import Flow, Schedule
from webapp.models.flows import is_due
from webapp.services.firing import circumstances, unusable, writing
from webapp.services.firing.writing import Fired, Ready, Terms

log = structlog.get_logger(__name__)

_flows = Flow.__table__
_schedules = Schedule.__table__

PIECE = 500
"""So many tasks or schedules are written in one transaction: what people submit goes in between."""
PIECE_LATE = 25
"""Schedules that are read at once of those that may bring a thousand due times each."""
MOST_ROWS = 2_000
FRESH = timedelta(seconds=5)
"""What fell due less than this ago goes before all that an outage left behind."""

Place = tuple[datetime, int]
"""Where a walk through what is due has come to: the latest ``fire_at`` and id."""
_START = (datetime(1970, 1, 1, tzinfo=UTC), 0)

_of_schedule = (
    *("id", "flow_id", "version", "cron_expression", "timezone", "next_execution_at", "fire_at"),
    *("overlap", "catch_up", "catch_up_limit", "catch_up_window_s", "grace_s", "jitter_s"),
    *("ends_at", "calendar"),
)
_of_flow = ("name", "session_id", "agent", "lane", "parameters", "waiting_timeout_s")
COLUMNS = (
    *(_schedules.c[name] for name in _of_schedule),
    *(_flows.c[name] for name in _of_flow),
    _flows.c.version.label("flow_version"),
    func.substr(_flows.c.task_description, 1, MAX_TITLE).label("title"),
)
LOOKS = 3
"""How often a look begins anew for what was changed while it was looked at."""
_since = bindparam("since", type_=UtcDateTime())
_DUE = (
    select(*COLUMNS)
    .join(_flows, _flows.c.flow_id == _schedules.c.flow_id)
    .where(
        is_due(_schedules),
        _schedules.c.fire_at <= bindparam("now", type_=UtcDateTime()),
        _schedules.c.fire_at >= _since,
        or_(_schedules.c.fire_at > _since, _schedules.c.id > bindparam("after")),
    )
    .order_by(_schedules.c.fire_at, _schedules.c.id)
    .limit(bindparam("most"))
)
_DUE_OF_FLOW = _DUE.where(_schedules.c.flow_id == bindparam("of_flow"))
_NEAR = select(
    _schedules.c.cron_expression, _schedules.c.timezone, _schedules.c.next_execution_at
).where(
    is_due(_schedules),
    _schedules.c.fire_at > bindparam("since", type_=UtcDateTime()),
    _schedules.c.fire_at <= bindparam("until", type_=UtcDateTime()),
)
_NEXT = select(func.min(_schedules.c.fire_at)).where(is_due(_schedules))


def fire_due(
    now: datetime,
    terms: Terms,
    *,
    clock: Callable[[], datetime] | None = None,
    flow_id: str | None = None,
) -> Fired:
    """Give every due time up to ``now`` its fate, of all schedules or one flow's.

    ``clock`` tells each piece what time it is by then: thousands take a second.
    """
    done = Fired()
    for piece in pieces(clock or (lambda: now), terms, flow_id=flow_id):
        done.add(piece)
    return done


def pieces(
    clock: Callable[[], datetime], terms: Terms, *, flow_id: str | None = None
) -> Iterator[Fired]:
    """The same a piece at a time, so that the lanes can be told after each.

    What fell due a moment ago goes first: nothing that an outage left behind delays it.
    """
    late, fresh = _START, _START
    looks = LOOKS
    while True:
        now = clock()
        fresh = max(fresh, (now - FRESH, 0))
        if rows := _due(now, fresh, PIECE, flow_id):
            fresh = _place(rows)
        elif rows := _due(now - FRESH, late, PIECE_LATE, flow_id):
            late = _place(rows)
        else:
            return
        fired = _fire(rows, terms, now)
        if fired.left and looks:  # at once: later than its grace it would be missed
            looks -= 1
            late, fresh = _START, _START
        yield fired


def next_fire_at() -> datetime | None:
    """When the next schedule is to be fired, or the oldest that was not yet; None: never."""
    db.session.close()  # and see what has been fired and edited since
    found: datetime | None = db.session.execute(_NEXT).scalar_one()
    return found


def work_out(since: datetime | None, until: datetime) -> None:
    """Work out what comes after the due times of a span, before they are due."""
    rows = db.session.execute(_NEAR, {"since": since or _START[0], "until": until}).all()
    db.session.close()
    for expression, zone, at in rows:
        try:
            _rule(expression, zone).next(at)
        except Refused:
            continue  # it is told when it is due


def _due(now: datetime, since: Place, most: int, flow_id: str | None) -> Sequence[Row[Any]]:
    where = {"now": now, "since": since[0], "after": since[1], "most": most}
    if flow_id is not None:
        return db.session.execute(_DUE_OF_FLOW, {**where, "of_flow": flow_id}).all()
    return db.session.execute(_DUE, where).all()


def _place(rows: Sequence[Row[Any]]) -> Place:
    return rows[-1].fire_at, rows[-1].id


def _fire(rows: Sequence[Row[Any]], terms: Terms, now: datetime) -> Fired:
    done, ready, frozen = Fired(), [], circumstances.frozen()
    for row in rows:
        try:
            ready.append(_ready(row, now, frozen))
        except Exception as error:  # of one schedule, which must not stop the others
            log.exception("schedule switched off", flow_id=row.flow_id)
            unusable.switch_off(row, str(error), now)
    for batch in _batches(ready):
        done.add(_together(batch, terms, now))
    return done


@lru_cache(16_384)
def _rule(expression: str, zone: str) -> Rule:
    return cron.parse(expression, zone)


def _ready(row: Row[Any], now: datetime, frozen: Frozen | None) -> Ready:
    rule = _rule(row.cron_expression, row.timezone)
    timing = Timing(
        schedule_id=row.id,
        due=row.next_execution_at,
        catch_up=row.catch_up,
        catch_up_limit=row.catch_up_limit,
        catch_up_window_s=row.catch_up_window_s,
        grace_s=row.grace_s,
        jitter_s=row.jitter_s,
        ends_at=row.ends_at,
        calendar=row.calendar,
    )
    found = Ready(row, rule, timing, plan(timing, rule, now, frozen), frozen)
    return _first_part(found) if len(found.plan.fire) > PIECE else found


def _first_part(ready: Ready) -> Ready:
    """So many of a schedule's due times as go into one transaction; the others stay due."""
    if ready.row.overlap != "queue_all":
        return ready  # one of them becomes a task at most
    fire, rest = ready.plan.fire[:PIECE], ready.plan.fire[PIECE]
    fates = [fate for fate in ready.plan.fates if fate.due_at < rest]
    at = due.fire_at(ready.row.id, rest, jitter_s(ready.timing.jitter_s, ready.rule))
    return replace(ready, plan=replace(ready.plan, fates=fates, fire=fire, next=rest, fire_at=at))


def _batches(ready: Sequence[Ready]) -> Iterator[list[Ready]]:
    """What is written together: not more rows than people can wait for."""
    batch: list[Ready] = []
    rows = 0
    for one in ready:
        more = len(one.plan.fates) + 4 * len(one.plan.fire)
        if batch and rows + more > MOST_ROWS:
            yield batch
            batch, rows = [], 0
        batch.append(one)
        rows += more
    if batch:
        yield batch


def _together(batch: Sequence[Ready], terms: Terms, now: datetime) -> Fired:
    """Fire them in one transaction, or each by itself if one of them stands in the way."""
    try:
        return writing.fire(batch, terms, now)
    except AWAY:
        raise
    except Exception:
        log.warning("schedules fired one by one", count=len(batch), exc_info=True)
    done = Fired()
    for one in batch:
        done.add(_alone(one, terms, now))
    return done


def _alone(ready: Ready, terms: Terms, now: datetime) -> Fired:
    try:
        return writing.fire([ready], terms, now, look_twice=True)
    except AWAY:
        raise
    except Refused as refusal:
        reason = "skipped_refused", {"reason": str(refusal)}
    except Exception as error:
        log.exception("schedule could not be fired", flow_id=ready.row.flow_id)
        reason = "skipped_broken", {"error": str(error) or type(error).__name__}
    instead = [Fate(at, SKIPPED, *reason) for at in ready.plan.fire]
    without = replace(ready.plan, fates=[*ready.plan.fates, *instead], fire=[])
    try:
        return writing.fire([replace(ready, plan=without)], terms, now, look_twice=True)
    except AWAY:
        raise
    except Exception:
        log.exception("schedule stays due", flow_id=ready.row.flow_id)
        return Fired()
