"""What was said to models in a session, and what is used of the budgets of a day."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, bindparam, exists, func, select

from webapp.db import db
from webapp.domain.policies import TALKERS
from webapp.domain.spending import KINDS, OVERALL, Allowance, SpentOut, part_of, spent_out
from webapp.domain.task_state import Status
from webapp.models import Attempt, Flow, SessionMessage, SpentDay, Task
from webapp.models.tasks import is_active

_messages = SessionMessage.__table__
_days = SpentDay.__table__
_flows = Flow.__table__
_tasks = Task.__table__
_attempts = Attempt.__table__

PAGE = 100
_SAID = (
    select(_messages.c.id, _messages.c.message, _messages.c.size)
    .where(_messages.c.session_id == bindparam("of_session"), _messages.c.id < bindparam("below"))
    .order_by(_messages.c.id.desc())
    .limit(PAGE)
)
_USED = select(_days.c.flow_id, _days.c.requests, _days.c.tokens, _days.c.cost).where(
    _days.c.day == bindparam("of_day"),
    _days.c.flow_id.in_(bindparam("flow_ids", expanding=True)),
)
_BUDGET = select(_flows.c.flow_id, _flows.c.name, _flows.c.budget).where(
    _flows.c.flow_id == bindparam("of_flow")
)
_TALKING = select(
    exists().where(
        _tasks.c.session_id == bindparam("of_session"),
        is_active(_tasks),
        _tasks.c.agent.in_(TALKERS),
    )
)
_TALK = select(_tasks.c.session_id).where(
    _tasks.c.session_id.in_(bindparam("sessions", expanding=True)),
    is_active(_tasks),
    _tasks.c.agent.in_(TALKERS),
)
_BUDGETS = select(_flows.c.flow_id, _flows.c.name, _flows.c.budget).where(
    _flows.c.flow_id.in_(bindparam("flow_ids", expanding=True))
)
_COUNTED = ("requests", "input_tokens", "output_tokens", "cost", "unpriced")
_OF_TASK = select(
    func.max(_attempts.c.model).label("model"),
    *(func.sum(_attempts.c[name]).label(name) for name in _COUNTED),
).where(_attempts.c.task_id == bindparam("of_task"))
_LIMITED = select(_flows.c.flow_id, _flows.c.name, _flows.c.budget).where(
    _flows.c.budget.is_not(None)
)
_OF_DAY = and_(_days.c.day == bindparam("of_day"), _days.c.flow_id == _flows.c.flow_id)
LOOKED_AT = 1_000
_USING = (
    _LIMITED.add_columns(*(_days.c[kind] for kind in KINDS))
    .join_from(_flows, _days, _OF_DAY)
    .order_by(_days.c.requests.desc())
    .limit(LOOKED_AT)
)
_IDLE = _LIMITED.where(~exists().where(_OF_DAY)).order_by(_flows.c.name).limit(bindparam("most"))
NEWEST = 2**62


@dataclass(frozen=True)
class Limited:
    """A flow with a budget of a day, and what it has used of it."""

    flow_id: str
    name: str
    budget: Mapping[str, Any]
    used: Mapping[str, Any]


def said(session_id: str, *, most_characters: int) -> list[Any]:
    """The newest messages of a session up to about so many characters, oldest first.

    At least the bound is read before it is left, so that whoever tells whole turns again can say
    how many do not fit.
    """
    found: list[Any] = []
    below, left = NEWEST, most_characters
    while left > 0:
        which = {"of_session": session_id, "below": below}
        rows = db.session.execute(_SAID, which).all()
        for row in rows:
            found.append(row.message)
            left -= row.size
        if len(rows) < PAGE:
            break
        below = rows[-1].id
    return found[::-1]


def allows(flow_id: str | None, allowance: Allowance) -> tuple[SpentOut | None, bool]:
    """Which budget of the day allows no further request, and whether one is of money."""
    flow = _flow(flow_id)
    if flow is None and all(getattr(allowance, kind) is None for kind in KINDS):
        return None, False
    used = spent(allowance.day, [OVERALL, *([flow_id] if flow_id else [])])
    money = allowance.cost is not None or (flow is not None and "cost" in flow.budget)
    return _spent_out(flow, allowance, used), money


def waits_for(task: Row[Any], allowance: Allowance) -> tuple[str, dict[str, Any]] | None:
    """Why a task of a model does not begin although its lane is free: a message and parameters."""
    if task.status != Status.PENDING or task.agent not in TALKERS:
        return None
    if (found := allows(task.flow_id, allowance)[0]) is not None:
        return found.words()
    if db.session.execute(_TALKING, {"of_session": task.session_id}).scalar_one():
        return "waits_for_session", {}
    return None


def all_wait(tasks: Sequence[Any], allowance: Allowance) -> dict[str, tuple[str, dict[str, Any]]]:
    """`waits_for` of many that wait, by task id, at the same cost however many they are."""
    rows = [task for task in tasks if task.agent in TALKERS]
    flow_ids = sorted({task.flow_id for task in rows if task.flow_id})
    flows = {row.flow_id: row for row in db.session.execute(_BUDGETS, {"flow_ids": flow_ids})}
    used = spent(allowance.day, [OVERALL, *flow_ids])
    sessions = sorted({task.session_id for task in rows})
    talking = set(db.session.execute(_TALK, {"sessions": sessions}).scalars())
    found = {}
    for task in rows:
        out = _spent_out(flows.get(task.flow_id), allowance, used)
        if out is not None:
            found[task.task_id] = out.words()
        elif task.session_id in talking:
            found[task.task_id] = ("waits_for_session", {})
    return found


def usage(task_id: str) -> dict[str, Any] | None:
    """What all attempts of a task used; None if it asked no model."""
    row = db.session.execute(_OF_TASK, {"of_task": task_id}).one()
    if row.model is None:
        return None
    counted = {name: int(row._mapping[name] or 0) for name in _COUNTED}
    return {"model": row.model, **counted, "cost": float(row.cost or 0.0)}


def spent(day: str, flow_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What was used on a day by each of these flows, or overall: ``{kind: amount}``."""
    rows = db.session.execute(_USED, {"of_day": day, "flow_ids": list(flow_ids)})
    return {row.flow_id: {kind: row._mapping[kind] for kind in KINDS} for row in rows}


def spent_by_all(day: str) -> dict[str, Any]:
    """What all tasks used on a day: ``{kind: amount}``, empty if nothing."""
    return spent(day, [OVERALL]).get(OVERALL, {})


def budgets(day: str, *, most: int) -> list[Limited]:
    """The flows that are nearest to the budget of their day, the nearest first.

    Of those that asked models today the busiest are looked at, then those that did not.
    """
    rows = db.session.execute(_USING, {"of_day": day}).all()
    using = [_limited(row, {kind: row._mapping[kind] for kind in KINDS}) for row in rows]
    found = heapq.nlargest(most, using, key=lambda one: part_of(one.budget, one.used))
    if len(found) < most:
        idle = db.session.execute(_IDLE, {"of_day": day, "most": most - len(found)})
        found += [_limited(row, {}) for row in idle]
    return found


def _limited(row: Row[Any], used: Mapping[str, Any]) -> Limited:
    return Limited(row.flow_id, row.name, row.budget, used)


def _flow(flow_id: str | None) -> Any:
    """A flow that has a budget of its own."""
    if flow_id is None:
        return None
    row = db.session.execute(_BUDGET, {"of_flow": flow_id}).one_or_none()
    return row if row is not None and row.budget else None


def _spent_out(
    flow: Any, allowance: Allowance, used: Mapping[str, Mapping[str, Any]]
) -> SpentOut | None:
    """The budget that is used up, the server's first; ``flow`` may be none."""
    limits: Mapping[str, Any] = {kind: getattr(allowance, kind) for kind in KINDS}
    overall = used.get(OVERALL, {})
    if (kind := spent_out(limits, overall)) is not None:
        return SpentOut("day", kind, limits[kind], overall[kind])
    if flow is None or not flow.budget:
        return None
    own = used.get(flow.flow_id, {})
    if (kind := spent_out(flow.budget, own)) is not None:
        return SpentOut("flow", kind, flow.budget[kind], own[kind], flow.name)
    return None
