"""Schedules as people and programs edit them: made, changed, switched and removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update

from webapp.db import db, lock, transaction
from webapp.domain import cron, parameters
from webapp.domain.errors import Conflict, Invalid, NoSuchFlow, NotFound
from webapp.domain.schedules.due import due_after, fire_at
from webapp.domain.schedules.fates import DEFAULT_GRACE_S, SKIPPED
from webapp.domain.schedules.firing import Fate, jitter_s
from webapp.models import Flow, Schedule
from webapp.services import audit
from webapp.services.firing import ledger
from webapp.services.notices import aftermath

_flows = Flow.__table__
_schedules = Schedule.__table__

_of_flow = _schedules.c.flow_id == bindparam("flow_id")
_LOCK = select(_schedules.c.id).where(_of_flow).with_for_update()
_FIND = select(_schedules).where(_of_flow)
_FLOW = select(_flows.c.name, _flows.c.parameters).where(_flows.c.flow_id == bindparam("flow_id"))

WHEN = ("cron_expression", "timezone", "is_enabled", "starts_at", "ends_at", "jitter_s")
"""What decides when it is due: where one of these changes, the next time is found again."""
NOT_PAUSED: dict[str, None] = {"paused_at": None, "pause_code": None, "pause_params": None}


class Unsettled(Exception):
    """It is due, and somebody held it when that should have been settled: settle it again."""


@dataclass(frozen=True)
class Terms:
    """Everything of a schedule that a person may set."""

    timezone: str
    cron_expression: str | None = None
    is_enabled: bool = True
    description: str | None = None
    overlap: str = "queue_one"
    catch_up: str = "skip"
    catch_up_limit: int = 100
    catch_up_window_s: float = 86400.0
    grace_s: float = DEFAULT_GRACE_S
    jitter_s: float = 0.0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    calendar: list[str] | None = None
    pause_after_failures: int | None = None


def add(flow_id: str, terms: Terms, *, min_interval_s: float, by: str, now: datetime) -> None:
    """Give a flow its schedule; raises NotFound, Conflict, or Invalid that names the field.

    For verbs that are in their transaction already; `create` is one by itself.
    """
    flow = _flow(flow_id)
    if db.session.execute(_FIND, {"flow_id": flow_id}).first() is not None:
        raise Conflict("schedule_exists", name=flow.name)
    check_runs_alone(flow.name, flow.parameters)
    rule = rule_of(terms, min_interval_s)
    made = db.session.execute(
        insert(_schedules)
        .values(**_columns(terms), flow_id=flow_id, execution_count=0)
        .values(created_at=now, updated_at=now, version=1)
        .returning(_schedules.c.id)
    )
    schedule_id = made.scalar_one()
    _plan(schedule_id, terms, rule, now)
    audit.note(by, "schedule_created", flow_id, now, cron_expression=terms.cron_expression)


create = transaction(add)


def alter(
    flow_id: str,
    changes: Mapping[str, Any],
    *,
    min_interval_s: float,
    by: str,
    now: datetime,
    version: int | None = None,
    settled: bool = True,
) -> None:
    """Change what is given; the next time is left alone unless that changes when it is due.

    Raises NotFound, Invalid that names the field, or Conflict where somebody changed it after
    ``version``. What fell due up to ``now`` has been settled before, by the rule as it was; where
    that is not ``settled`` for certain, Unsettled is raised if it was not.
    For verbs that are in their transaction already; `change` is one by itself.
    """
    if changes.get("is_enabled"):
        aftermath.begin_anew(flow_id)
    row = _standing(flow_id)
    if version is not None and version != row.version:
        raise Conflict("changed_meanwhile", extra={"version": row.version})
    before = _terms(row)
    terms = replace(before, **changes)
    different = {name: value for name, value in vars(terms).items() if value != vars(before)[name]}
    if not different:
        return
    switched = NOT_PAUSED if "is_enabled" in different else {}
    values = {**different, **switched, "updated_at": now, "version": row.version + 1}
    db.session.execute(update(_schedules).where(_schedules.c.id == row.id).values(**values))
    if different.keys() & set(WHEN):
        if terms.is_enabled:
            flow = _flow(flow_id)
            check_runs_alone(flow.name, flow.parameters)
        _let_go(row, now, settled)
        # what cannot be used any more can still be switched off
        asked = terms.is_enabled or different.keys() - {"is_enabled"}
        _plan(row.id, terms, rule_of(terms, min_interval_s) if asked else None, now)
    audit.note(by, "schedule_changed", flow_id, now, changed=sorted(different))


change = transaction(alter)


def switch(flow_id: str, on: bool, *, min_interval_s: float, by: str, now: datetime) -> None:
    """Switch a schedule on, which ends a pause that failures caused, or off."""
    changes = {"is_enabled": on}
    change(flow_id, changes, min_interval_s=min_interval_s, by=by, now=now)


@transaction
def replan(flow_id: str, *, by: str, now: datetime) -> None:
    """Have it wait for the first due time from now on that has no fate, whatever it waits for."""
    row = _standing(flow_id)
    terms = _terms(row)
    _plan(row.id, terms, rule_of(terms, 0) if terms.is_enabled else None, now)
    audit.note(by, "repair", flow_id, now, waited_for=str(row.next_execution_at))


@transaction
def remove(flow_id: str, *, by: str, now: datetime) -> str:
    """Remove a schedule and its ledger; returns the name of its flow, which stays."""
    row = _standing(flow_id)
    db.session.execute(delete(_schedules).where(_schedules.c.id == row.id))
    detail = {"cron_expression": row.cron_expression, "fired": row.execution_count}
    audit.note(by, "schedule_removed", flow_id, now, **detail)
    return str(_flow(flow_id).name)


def _standing(flow_id: str) -> Row[Any]:
    """A schedule as it is, locked: nothing of it is fired or edited meanwhile."""
    lock(_LOCK, {"flow_id": flow_id})
    row = db.session.execute(_FIND, {"flow_id": flow_id}).one_or_none()
    if row is None:
        raise NotFound("no_such_schedule", flow_id=flow_id)
    return row


def _flow(flow_id: str) -> Row[Any]:
    row = db.session.execute(_FLOW, {"flow_id": flow_id}).one_or_none()
    if row is None:
        raise NoSuchFlow(flow_id=flow_id)
    return row


def _terms(row: Row[Any]) -> Terms:
    return Terms(**{field.name: row._mapping[field.name] for field in fields(Terms)})


def _columns(terms: Terms) -> dict[str, Any]:
    return {field.name: getattr(terms, field.name) for field in fields(terms)}


def check_runs_alone(
    name: str, declared: list[dict[str, Any]], asked: Collection[str] = ()
) -> None:
    """Nobody is there to give a scheduled run what its flow, or its agent, asks for."""
    missing = parameters.missing(declared, asked)
    if missing:
        raise Invalid(
            "flow_needs_values",
            fields={"flow_id": f"its parameters without a default: {', '.join(missing)}"},
            name=name,
            parameters=", ".join(missing),
        )


def rule_of(terms: Terms, min_interval_s: float) -> cron.Rule | None:
    """The rule that the terms speak of; raises Invalid with each field that contradicts another."""
    problems: dict[str, str] = {}
    rule = None
    if terms.starts_at and terms.ends_at and terms.ends_at <= terms.starts_at:
        problems["ends_at"] = "must be later than starts_at"
    if terms.cron_expression is not None:
        try:
            rule = cron.parse(terms.cron_expression, terms.timezone, min_interval_s=min_interval_s)
        except Invalid as refusal:
            problems |= refusal.fields
    if problems:
        raise Invalid.of(problems)
    return rule


def _let_go(row: Row[Any], now: datetime, settled: bool) -> None:
    """A due time that still waits for its jitter has its fate: nothing fires by a rule that was."""
    due = row.next_execution_at
    if row.is_enabled and due is not None and due <= now:
        if not settled and row.fire_at is not None and row.fire_at <= now:
            raise Unsettled
        fate = Fate(due, SKIPPED, "skipped_changed")
        ledger.record([ledger.entry(row.id, fate, None, now)])


def _plan(schedule_id: int, terms: Terms, rule: cron.Rule | None, now: datetime) -> None:
    """Write down when it is due next, from now: a due time that has its fate has no other."""
    due = at = None
    if terms.is_enabled and rule is not None:
        taken = ledger.decided(schedule_id, now)
        due = due_after(rule, now, starts_at=terms.starts_at, ends_at=terms.ends_at)
        while due is not None and due in taken:
            due = due_after(rule, due, starts_at=terms.starts_at, ends_at=terms.ends_at)
        if due is None:
            raise Invalid.field("ends_at", "the rule gives no time before this")
        at = fire_at(schedule_id, due, jitter_s(terms.jitter_s, rule))
    planned = update(_schedules).where(_schedules.c.id == schedule_id)
    db.session.execute(planned.values(next_execution_at=due, fire_at=at))
