"""Flows: saved, named tasks are made, changed, copied and deleted; and a run of one is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update
from uuid_utils import uuid7

from webapp.db import db, lock, transaction
from webapp.domain import parameters
from webapp.domain.errors import Conflict, Invalid, NoSuchFlow
from webapp.domain.policies import MAX_NAME
from webapp.models import Flow, Lane, Schedule, Task
from webapp.models.tasks import is_open
from webapp.services import audit, lanes, locks, submissions
from webapp.services.submissions import Bounds, Promise, Submission, Submitted

_flows = Flow.__table__
_lanes = Lane.__table__
_schedules = Schedule.__table__
_tasks = Task.__table__

_of_flow = _flows.c.flow_id == bindparam("of_flow")
_FIND = select(_flows).where(_of_flow)
_LOOK = _FIND.with_for_update()
_SHARE = _FIND.with_for_update(read=True)
_LANE = (
    select(_lanes.c.name)
    .where(_lanes.c.name == select(_flows.c.lane).where(_of_flow).scalar_subquery())
    .with_for_update()
)
_SCHEDULE = select(_schedules.c.id, _schedules.c.cron_expression).where(
    _schedules.c.flow_id == bindparam("of_flow")
)
_OPEN = select(func.count()).where(_tasks.c.flow_id == bindparam("of_flow"), is_open(_tasks))
COPIED = (
    "description",
    "task_description",
    "agent",
    "agent_settings",
    "parameters",
    "session_id",
    "llm_profile_name",
    "agent_mode",
    "mcp_server_config",
    "lane",
    "priority",
    "timeout_s",
    "silence_timeout_s",
    "waiting_timeout_s",
    "max_retries",
    "retry_delay_s",
    "rerun_interrupted",
    "budget",
    "notify",
)
"""What makes a flow what it is, besides its name."""
NAME_TAKEN = "another flow has it"


@dataclass(frozen=True)
class Draft:
    """A flow as somebody wants it, checked field by field at the door."""

    name: str
    description: str | None
    parameters: list[dict[str, Any]]
    submission: Submission
    """What a run of it is submitted with."""
    notify: dict[str, Any] | None = None
    """What of it is told to whom, where that differs from what is told of all flows."""
    budget: dict[str, Any] | None = None
    """What its runs may use on a day: ``{requests?, tokens?, cost?}``."""

    def columns(self) -> dict[str, Any]:
        """The columns it is stored in."""
        of_task = {
            name: getattr(self.submission, name)
            for name in COPIED
            if name in Submission.__dataclass_fields__
        } | self.submission.of_models
        of_task["agent_settings"] = dict(self.submission.agent_settings)
        own = {"parameters": self.parameters, "notify": self.notify, "budget": self.budget}
        return {"name": self.name, "description": self.description, **of_task, **own}


def add(draft: Draft, *, by: str, now: datetime) -> str:
    """Store a new flow; returns its id. Raises Conflict if its name is taken.

    For verbs that are in their transaction already; `create` is one by itself.
    """
    locks.lane(draft.submission.lane)
    return _insert(draft.columns(), by, now)


create = transaction(add)


def alter(flow_id: str, draft: Draft, *, seen: int | None, by: str, now: datetime) -> None:
    """Make a flow what the draft says; Conflict if it is not at version ``seen`` any more.

    For verbs that are in their transaction already; `change` is one by itself.
    """
    locks.lane(draft.submission.lane)
    flow = _look(flow_id)
    if seen is not None and flow.version != seen:
        raise Conflict("flow_changed")
    columns = draft.columns()
    _refuse_taken(draft.name, flow_id)
    lanes.named(draft.submission.lane)
    _refuse_unschedulable(flow_id, draft.parameters)
    db.session.execute(
        update(_flows)
        .where(_flows.c.flow_id == flow_id)
        .values(version=_flows.c.version + 1, updated_at=now, **columns)
    )
    changed = sorted(name for name, value in columns.items() if value != flow._mapping[name])
    audit.note(by, "flow_changed", flow_id, now, fields=changed)


change = transaction(alter)


@transaction
def clone(flow_id: str, name: str | None, *, by: str, now: datetime) -> str:
    """Store a copy, without the schedule and the web hook; returns its id.

    Without a name it is called "… (copy)", "… (copy 2)" and so on.
    """
    lock(_LANE, {"of_flow": flow_id})
    flow = _look(flow_id)
    values = {column: flow._mapping[column] for column in COPIED}
    return _insert({**values, "name": name or _copied_name(flow.name)}, by, now)


@transaction
def remove(flow_id: str, *, cascade: bool, by: str, now: datetime) -> int:
    """Delete a flow, with its schedule only if ``cascade``; returns how many runs are not over.

    Its tasks stay, and those that wait or run go on: what was accepted is not lost.
    """
    flow = _look(flow_id)
    schedule = db.session.execute(_SCHEDULE, {"of_flow": flow_id}).one_or_none()
    if schedule is not None and not cascade:
        rule = schedule.cron_expression or "no rule"
        raise Conflict("flow_scheduled", name=flow.name, rule=rule)
    still_open = int(db.session.execute(_OPEN, {"of_flow": flow_id}).scalar_one())
    db.session.execute(delete(_flows).where(_flows.c.flow_id == flow_id))
    with_schedule = schedule is not None
    audit.note(by, "flow_deleted", flow_id, now, name=flow.name, with_schedule=with_schedule)
    return still_open


@transaction
def run(
    flow_id: str,
    given: Mapping[str, Any],
    *,
    trigger: str,
    by: str,
    bounds: Bounds,
    now: datetime,
    when_busy: str = "queue",
    asked: Mapping[str, str] = MappingProxyType({}),
    promise: Promise | None = None,
) -> Submitted:
    """Submit a run of a flow by hand or by its web hook, whatever its schedule does.

    ``given`` are typed values, of a hook the whole body; ``asked`` are the parameters without
    which its agent can do nothing, each with the setting that asks. Raises Invalid that names a
    parameter, and what a submission raises.
    """
    lock(_LANE, {"of_flow": flow_id})
    flow = _look(flow_id, _FIND)
    if trigger == "hook":
        given = parameters.of_payload(flow.parameters, given)
    params, problems = parameters.values(flow.parameters, given)
    for name in asked.keys() - params.keys():
        problems.setdefault(f"params.{name}", f"must be given: {asked[name]} asks for it")
    if problems:
        raise Invalid.of(problems)
    submission = submission_of(flow, params, trigger=trigger, when_busy=when_busy)
    submitted = submissions.take(submission, by=by, bounds=bounds, now=now, promise=promise)
    _look(flow_id, _SHARE)  # flows are locked after sessions; it may have been deleted meanwhile
    return submitted


def submission_of(
    flow: Any, params: Mapping[str, Any], *, trigger: str, when_busy: str = "queue", **more: Any
) -> Submission:
    """A run of a flow as it is submitted: the flow's own values, and where they came from.

    ``flow`` is a row with the flow's columns; ``more`` goes to the task's metadata.
    """
    return Submission(
        task_description=flow.task_description,
        agent=flow.agent,
        agent_settings=flow.agent_settings,
        session_id=flow.session_id,
        lane=flow.lane,
        priority=flow.priority,
        timeout_s=flow.timeout_s,
        silence_timeout_s=flow.silence_timeout_s,
        waiting_timeout_s=flow.waiting_timeout_s,
        max_retries=flow.max_retries,
        retry_delay_s=flow.retry_delay_s,
        rerun_interrupted=flow.rerun_interrupted,
        when_busy=when_busy,
        flow_id=flow.flow_id,
        task_metadata=metadata_of(flow, params, trigger=trigger, **more),
    )


def metadata_of(
    flow: Any, params: Mapping[str, Any], *, trigger: str, **more: Any
) -> dict[str, Any]:
    """Where a run of a flow comes from, with its parameters and whatever ``more`` there is.

    Of the flow it keeps the name, to be known by once the flow is deleted.
    """
    return {"trigger": trigger, "params": dict(params), "flow_name": flow.name, **more}


def _look(flow_id: str, how: Select[Any] = _LOOK) -> Row[Any]:
    flow = db.session.execute(how, {"of_flow": flow_id}).one_or_none()
    if flow is None:
        raise NoSuchFlow(flow_id=flow_id)
    return flow


def _insert(columns: dict[str, Any], by: str, now: datetime) -> str:
    _refuse_taken(columns["name"], None)
    lanes.named(columns["lane"])
    flow_id = str(uuid7())
    own = {"flow_id": flow_id, "failures_in_row": 0, "created_by": by, "version": 1}
    db.session.execute(insert(_flows).values(created_at=now, updated_at=now, **own, **columns))
    audit.note(by, "flow_created", flow_id, now, name=columns["name"])
    return flow_id


def _refuse_taken(name: str, own: str | None) -> None:
    found = db.session.execute(select(_flows.c.flow_id).where(_flows.c.name == name)).scalar()
    if found is not None and found != own:
        raise Conflict("flow_name_taken", fields={"name": NAME_TAKEN}, name=name)


def _refuse_unschedulable(flow_id: str, declarations: list[dict[str, Any]]) -> None:
    """A schedule gives no values, so every parameter must do without one."""
    missing = parameters.missing(declarations)
    if missing and db.session.execute(_SCHEDULE, {"of_flow": flow_id}).first() is not None:
        raise Invalid.field(
            "parameters",
            f"{missing[0]} is required and has no default, which the flow's schedule cannot give",
        )


def _copied_name(name: str) -> str:
    """The first name for a copy that no flow has."""
    number = 1
    while True:
        ending = " (copy)" if number == 1 else f" (copy {number})"
        tried = name[: MAX_NAME - len(ending)] + ending
        taken = select(_flows.c.flow_id).where(_flows.c.name == tried)
        if db.session.execute(taken).first() is None:
            return tried
        number += 1
