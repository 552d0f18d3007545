"""The list of schedules as a page shows it: by name, each with the last runs of its flow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, or_, select

from webapp.db import db
from webapp.domain.errors import NotFound
from webapp.domain.lanes import OPEN
from webapp.models import Flow, Lane, Occurrence, Schedule, Task
from webapp.queries import by_name
from webapp.queries.board import HEADLINE
from webapp.queries.by_name import PAGE, Page
from webapp.queries.schedules import LINE

_flows = Flow.__table__
_lanes = Lane.__table__
_occurrences = Occurrence.__table__
_schedules = Schedule.__table__
_tasks = Task.__table__

RUNS = 10
CHOICES = 200

ON, OFF, ATTENTION = STATES = ("on", "off", "attention")

_JOINED = select(*LINE).join(_flows, _schedules.c.flow_id == _flows.c.flow_id)
_SOME = _JOINED.where(_schedules.c.id.in_(bindparam("ids", expanding=True)))
# A flow's newest few tasks: those from the place of the last one of them on.
_oldest_shown = (
    select(_tasks.c.seq)
    .where(_tasks.c.flow_id == _flows.c.flow_id)
    .order_by(_tasks.c.seq.desc())
    .offset(RUNS - 1)
    .limit(1)
    .correlate(_flows)
    .scalar_subquery()
)
_LAST_RUNS = (
    select(
        _tasks.c.flow_id,
        _tasks.c.task_id,
        _tasks.c.status,
        _tasks.c.started_at,
        _tasks.c.completed_at,
        _tasks.c.created_at,
        func.substr(_tasks.c.error_message, 1, HEADLINE).label("error"),
        _tasks.c.error_code,
        _tasks.c.error_params,
    )
    .select_from(_flows.join(_tasks, _tasks.c.flow_id == _flows.c.flow_id))
    .where(
        _flows.c.flow_id.in_(bindparam("flow_ids", expanding=True)),
        _tasks.c.seq >= func.coalesce(_oldest_shown, 0),
    )
    .order_by(_tasks.c.flow_id, _tasks.c.seq)
)
_NEWEST = (
    select(_occurrences.c.due_at)
    .where(_occurrences.c.schedule_id == bindparam("schedule_id"))
    .order_by(_occurrences.c.due_at.desc())
    .limit(1)
)
_HELD = select(_lanes.c.name, _lanes.c.state).where(_lanes.c.state != OPEN)
_ANY = select(_schedules.c.id).limit(1)


@dataclass(frozen=True)
class Filter:
    """Which schedules: whose flow's name or description holds ``q``, and in which state."""

    q: str = ""
    state: str = ""

    def __bool__(self) -> bool:
        return bool(self.q or self.state)


def page(wanted: Filter, *, before: str | None = None, after: str | None = None) -> Page:
    """The first schedules, or those whose flows' names come after one or right before one."""
    query = _JOINED.where(*_matching(wanted))
    return by_name.page(query, before=before, after=after, bounded=bool(wanted))


def some(ids: Sequence[int]) -> list[Row[Any]]:
    """These schedules as they are now, in this order; one that is gone is left out."""
    found = {row.id: row for row in db.session.execute(_SOME, {"ids": list(ids[:PAGE])})}
    return [found[number] for number in ids[:PAGE] if number in found]


def last_runs(flow_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """The newest few runs of each flow, the oldest of them first."""
    runs: dict[str, list[Row[Any]]] = defaultdict(list)
    if flow_ids:
        found: Sequence[Any] = db.session.execute(_LAST_RUNS, {"flow_ids": flow_ids[:PAGE]}).all()
        for row in found:
            runs[row.flow_id].append(row)
    return runs


def held_lanes() -> dict[str, str]:
    """The lanes that are paused or draining, and which of both."""
    return {row.name: row.state for row in db.session.execute(_HELD)}


def newest_due(schedule_id: int) -> datetime | None:
    """The newest due time that stands in a schedule's ledger."""
    return db.session.execute(_NEWEST, {"schedule_id": schedule_id}).scalar_one_or_none()


def tasks(task_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Status of those of these tasks that are there."""
    if not task_ids:
        return {}
    query = select(_tasks.c.task_id, _tasks.c.status).where(_tasks.c.task_id.in_(task_ids))
    return {row.task_id: row for row in db.session.execute(query)}


def flow(flow_id: str) -> Row[Any]:
    """Id and name of a flow; raises NotFound."""
    query = select(_flows.c.flow_id, _flows.c.name).where(_flows.c.flow_id == flow_id)
    row = db.session.execute(query).one_or_none()
    if row is None:
        raise NotFound("no_such_flow", flow_id=flow_id)
    return row


def is_any() -> bool:
    """Whether there is a schedule at all."""
    return db.session.execute(_ANY).first() is not None


def without_schedule() -> list[Row[Any]]:
    """Flows that have no schedule yet, the newest first, up to a bound."""
    has = select(_schedules.c.id).where(_schedules.c.flow_id == _flows.c.flow_id)
    query = select(_flows.c.flow_id, _flows.c.name).where(~has.exists())
    return list(db.session.execute(query.order_by(_flows.c.seq.desc()).limit(CHOICES + 1)))


def _matching(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.q:
        texts = (_flows.c.name, _schedules.c.description, _schedules.c.cron_expression)
        found.append(or_(*(text.icontains(wanted.q, autoescape=True) for text in texts)))
    if wanted.state == ON:
        found.append(_schedules.c.is_enabled)
    elif wanted.state == OFF:
        found.append(~_schedules.c.is_enabled)
    elif wanted.state == ATTENTION:
        idle = and_(_schedules.c.is_enabled, _schedules.c.next_execution_at.is_(None))
        marks = (_schedules.c.paused_at, _schedules.c.missed_at, _flows.c.failed_at)
        found.append(or_(idle, *(mark.is_not(None) for mark in marks)))
    return found
