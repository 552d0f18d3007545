"""Flows by name as a page lists them, and one as its page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, func, or_, select

from webapp.db import db
from webapp.models import Flow, Schedule, Task
from webapp.queries import by_name, schedules
from webapp.queries.board import HEADLINE
from webapp.queries.by_name import PAGE, Page
from webapp.queries.history import LINE

_flows = Flow.__table__
_schedules = Schedule.__table__
_tasks = Task.__table__

SHOWN = 20
"""Runs on the page of a flow; the history has all of them."""

_SHORT = (
    _flows.c.flow_id,
    _flows.c.name,
    _flows.c.agent,
    _flows.c.lane,
    _flows.c.parameters,
    _flows.c.version,
    _flows.c.hook_ending,
    _flows.c.failures_in_row,
    func.substr(func.coalesce(_flows.c.description, ""), 1, HEADLINE).label("description"),
    func.substr(_flows.c.task_description, 1, HEADLINE).label("headline"),
)
_SOME = select(*_SHORT).where(_flows.c.flow_id.in_(bindparam("flow_ids", expanding=True)))
_SCHEDULES = (
    select(*schedules.LINE)
    .join(_flows, _schedules.c.flow_id == _flows.c.flow_id)
    .where(_schedules.c.flow_id.in_(bindparam("flow_ids", expanding=True)))
)
_RUNS = (
    select(*LINE)
    .where(_tasks.c.flow_id == bindparam("flow_id"))
    .order_by(_tasks.c.seq.desc())
    .limit(SHOWN + 1)
)


def page(q: str = "", *, before: str | None = None, after: str | None = None) -> Page:
    """The first flows whose name or text holds ``q``, or those after a name or before one."""
    query = select(*_SHORT)
    if q:
        texts = (_flows.c.name, _flows.c.description, _flows.c.task_description)
        query = query.where(or_(*(text.icontains(q, autoescape=True) for text in texts)))
    return by_name.page(query, before=before, after=after, bounded=bool(q))


def some(flow_ids: Sequence[str]) -> list[Row[Any]]:
    """These flows as they are now, in this order; one that is gone is left out."""
    asked = list(flow_ids[:PAGE])
    rows: Sequence[Any] = db.session.execute(_SOME, {"flow_ids": asked}).all() if asked else ()
    found = {row.flow_id: row for row in rows}
    return [found[flow_id] for flow_id in asked if flow_id in found]


def runs(flow_id: str) -> list[Row[Any]]:
    """The newest runs of a flow, and one more if there are more."""
    return list(db.session.execute(_RUNS, {"flow_id": flow_id}))


def schedules_of(flow_ids: Sequence[str]) -> list[Row[Any]]:
    """The schedules of those of these flows that have one."""
    return list(db.session.execute(_SCHEDULES, {"flow_ids": list(flow_ids)})) if flow_ids else []
