"""What follows for a flow when a run ends, due times are missed or a budget nears its end.

For verbs that are already in their transaction: the count of failures, the schedule that is
switched off by them, and what is to be told are committed with the event itself, or not at all.
Flows are locked before schedules, and both after tasks and sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam, case, exists, select, update

from webapp.db import UtcDateTime, db
from webapp.domain.notices import (
    BUDGET,
    FAILED,
    LONGEST_ERROR,
    MISSED,
    PAUSED,
    QUIET,
    RECOVERED,
    spoken,
)
from webapp.domain.policies import cut
from webapp.domain.spending import Near
from webapp.domain.task_state import Status
from webapp.models import Flow, Schedule
from webapp.services import audit
from webapp.services.notices import outbox
from webapp.services.notices.outbox import Notice

_flows = Flow.__table__
_schedules = Schedule.__table__

BY = "lineup"
PAUSE_CODE = "paused_after_failures"
RECENT = timedelta(days=1)
"""Due times missed within a day of each other are shown as one."""

_of_flow = _flows.c.flow_id == bindparam("of_flow")
_at = bindparam("at", type_=UtcDateTime())
_TELLING = (_flows.c.flow_id, _flows.c.name, _flows.c.notify, _flows.c.failures_in_row)
_LOOK = select(*_TELLING, _flows.c.told_at).where(_of_flow)
_LOOK_ALONE = _LOOK.with_for_update()
_ZONE = select(_schedules.c.timezone).where(_schedules.c.flow_id == bindparam("of_flow"))
_FAILED = (
    update(_flows)
    .where(_of_flow)
    .values(
        failures_in_row=_flows.c.failures_in_row + 1,
        failed_at=_at,
        failed_task_id=bindparam("of_task"),
    )
    .returning(*_TELLING)
)
_WORKS = (
    update(_flows)
    .where(_of_flow)
    .values(failures_in_row=0, failed_at=None, failed_task_id=None, told_at=None)
)
_TOLD_BY_PAUSE = update(_flows).where(_of_flow).values(failed_at=None)
"""What was switched off needs a look as that, and not as a failure besides."""
_TOLD = update(_flows).where(_of_flow).values(told_at=_at)
_BEGIN_ANEW = (
    update(_flows)
    .where(
        _of_flow,
        _flows.c.failures_in_row > 0,
        exists().where(_schedules.c.flow_id == _flows.c.flow_id, ~_schedules.c.is_enabled),
    )
    .values(failures_in_row=0, failed_at=None)
)
_PAUSE = (
    update(_schedules)
    .where(
        _schedules.c.flow_id == bindparam("of_flow"),
        _schedules.c.is_enabled,
        _schedules.c.pause_after_failures <= bindparam("failures"),
    )
    .values(
        is_enabled=False,
        next_execution_at=None,
        fire_at=None,
        paused_at=_at,
        updated_at=_at,
        pause_code=PAUSE_CODE,
        pause_params=bindparam("why", type_=_schedules.c.pause_params.type),
        version=_schedules.c.version + 1,
    )
)
_first = bindparam("first", type_=UtcDateTime())
_goes_on = _schedules.c.missed_at > bindparam("since", type_=UtcDateTime())
_MISSED = (
    update(_schedules)
    .where(_schedules.c.flow_id == bindparam("of_flow"))
    .values(
        missed_at=_at,
        missed_from=case((_goes_on, _schedules.c.missed_from), else_=_first),
        missed_until=bindparam("last", type_=UtcDateTime()),
        missed_count=case((_goes_on, _schedules.c.missed_count), else_=0) + bindparam("count"),
    )
)


@dataclass(frozen=True)
class Missed:
    """Due times of a flow's schedule that were missed: how many, the first and the last."""

    flow_id: str
    first: datetime
    last: datetime
    count: int = 1


def ended(flow_id: str, task_id: str, status: Status, error: str | None, now: datetime) -> None:
    """A run of a flow has come to its end: count it, pause what fails too often, tell it.

    A run that was stopped changes nothing. Nothing happens either where the flow was deleted.
    """
    if status is Status.FAILED:
        _count_failure(flow_id, task_id, error or "", now)
    elif status is Status.COMPLETED:
        _count_anew(flow_id, task_id, now)


def begin_anew(flow_id: str) -> None:
    """Count a flow's failures from nothing where its schedule is off, and is to be on.

    Before the schedule is locked. Whoever was told of the failures is still told when it works.
    """
    db.session.execute(_BEGIN_ANEW, {"of_flow": flow_id})


def unusable(flow_id: str, why: Mapping[str, Any], now: datetime) -> None:
    """A schedule was switched off since its rule can be read no more: tell it."""
    flow = db.session.execute(_LOOK, {"of_flow": flow_id}).one_or_none()
    if flow is not None:
        outbox.tell(Notice(PAUSED, "told_unusable", flow, why), now)


def missed(misses: Sequence[Missed], now: datetime) -> None:
    """Due times were recorded as missed: show it, and tell it once for each flow and outage."""
    if not misses:
        return
    values = [
        {
            "of_flow": miss.flow_id,
            "first": miss.first,
            "last": miss.last,
            "count": miss.count,
            "at": now,
            "since": now - RECENT,
        }
        for miss in misses
    ]
    db.session.execute(_MISSED, values)
    channels = outbox.channels()
    if not channels:
        return
    told = outbox.told_lately([miss.flow_id for miss in misses], MISSED, now - QUIET)
    for miss in misses:
        if miss.flow_id not in told:
            _tell_missed(miss, channels, now)


def near_budget(flow_id: str | None, task_id: str, near: Near, now: datetime) -> None:
    """A budget of the day is nearly used up by a task, a flow's or the server's: tell it."""
    flow = None
    if flow_id is not None:
        flow = db.session.execute(_LOOK, {"of_flow": flow_id}).one_or_none()
        if flow is None:
            return
    code, params = near.words("flow" if flow is not None else "day")
    outbox.tell(Notice(BUDGET, code, flow, params, task_id), now)


def _count_failure(flow_id: str, task_id: str, error: str, now: datetime) -> None:
    which = {"of_flow": flow_id, "at": now}
    flow = db.session.execute(_FAILED, {**which, "of_task": task_id}).one_or_none()
    if flow is None:
        return
    count = flow.failures_in_row
    why = {"count": count, "error": cut(error, LONGEST_ERROR)}
    pausing = db.session.execute(_PAUSE, {**which, "failures": count, "why": why})
    told: set[int] = set()
    if cast(CursorResult[Any], pausing).rowcount:
        db.session.execute(_TOLD_BY_PAUSE, {"of_flow": flow_id})
        audit.note(BY, "pause_schedule", flow_id, now, **why)
        told = outbox.tell(Notice(PAUSED, "told_paused", flow, why, task_id), now)
    # Who was told that it was switched off has been told that it failed.
    code = "told_failed" if count == 1 else "told_failed_in_row"
    told |= outbox.tell(Notice(FAILED, code, flow, why, task_id), now, but=told)
    if told:
        db.session.execute(_TOLD, which)


def _count_anew(flow_id: str, task_id: str, now: datetime) -> None:
    flow = db.session.execute(_LOOK, {"of_flow": flow_id}).one_or_none()
    if flow is None or not (flow.failures_in_row or flow.told_at):
        return
    flow = db.session.execute(_LOOK_ALONE, {"of_flow": flow_id}).one()
    db.session.execute(_WORKS, {"of_flow": flow_id})
    if flow.told_at is not None:
        outbox.tell(Notice(RECOVERED, "told_recovered", flow, {}, task_id), now)


def _tell_missed(miss: Missed, among: Sequence[Any], now: datetime) -> None:
    flow = db.session.execute(_LOOK, {"of_flow": miss.flow_id}).one_or_none()
    if flow is None:
        return
    timezone = db.session.execute(_ZONE, {"of_flow": miss.flow_id}).scalar_one_or_none() or "UTC"
    first, last = spoken(miss.first, timezone), spoken(miss.last, timezone)
    params = {"count": miss.count, "first": first, "last": last}
    code = "told_missed" if miss.count == 1 else "told_missed_many"
    outbox.tell(Notice(MISSED, code, flow, params), now, among=among)
