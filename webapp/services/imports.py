"""Flows and schedules from a file: all of them or none, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any, Literal

from sqlalchemy import Row, bindparam, select

from webapp.db import db, transaction
from webapp.domain.bundles import Problem
from webapp.domain.errors import Invalid, Refused
from webapp.domain.policies import MAX_NAME
from webapp.models import Flow, Lane, Schedule
from webapp.services import audit, flows, lanes, locks, schedules
from webapp.services.flows import Draft
from webapp.services.schedules import Terms

_flows = Flow.__table__
_lanes = Lane.__table__
_schedules = Schedule.__table__

_NAMED = (
    select(_flows.c.flow_id, _schedules.c.id.label("schedule_id"))
    .outerjoin(_schedules, _schedules.c.flow_id == _flows.c.flow_id)
    .where(_flows.c.name == bindparam("flow_name"))
)
_LIVE = select(_lanes.c.name).where(_lanes.c.deleted_at.is_(None))

Existing = Literal["refuse", "replace", "rename"]
"""What becomes of a flow whose name there is already."""


@dataclass(frozen=True)
class Item:
    """One flow as it is to be stored; its schedule lands switched off."""

    line: int
    draft: Draft
    terms: Terms | None
    notes: tuple[str, ...] = ()


@dataclass
class Done:
    """What became of an item."""

    line: int
    name: str
    action: Literal["create", "replace"]
    lane: str
    flow_id: str
    terms: Terms | None
    notes: list[str]


@dataclass
class Outcome:
    """What an import did, or would do, or why it cannot be done."""

    done: list[Done] = field(default_factory=list)
    lanes: list[str] = field(default_factory=list)
    """The lanes that are made for it."""
    problems: list[Problem] = field(default_factory=list)


class _Undone(Exception):
    """Nothing of it is to stay."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def bring_in(
    items: Sequence[Item],
    *,
    existing: Existing,
    min_interval_s: float,
    dry_run: bool,
    by: str,
    now: datetime,
) -> Outcome:
    """Store every flow with its schedule, or none; with ``dry_run`` none, whatever is found."""
    try:
        return _all(items, existing, min_interval_s, dry_run, by=by, now=now)
    except _Undone as undone:
        return undone.outcome


@transaction
def _all(
    items: Sequence[Item],
    existing: Existing,
    min_interval_s: float,
    dry_run: bool,
    *,
    by: str,
    now: datetime,
) -> Outcome:
    locks.all_lanes()
    outcome = Outcome()
    for item in items:
        try:
            outcome.lanes += _with_lane(item.draft.submission.lane, by, now)
            done = _one(item, existing, min_interval_s, by=by, now=now)
        except Refused as refusal:
            outcome.problems += _problems(item, refusal)
        else:
            outcome.done.append(done)
    if dry_run or outcome.problems:
        raise _Undone(outcome)
    names = [done.name for done in outcome.done]
    audit.note(by, "import", None, now, flows=len(names), names=names[:100], lanes=outcome.lanes)
    return outcome


def _with_lane(name: str, by: str, now: datetime) -> list[str]:
    """Have a lane of this name; returns it if it had to be made."""
    if name in db.session.execute(_LIVE).scalars():
        return []
    lanes.add(name, by=by, now=now)
    return [name]


def _one(item: Item, existing: Existing, min_interval_s: float, *, by: str, now: datetime) -> Done:
    draft, notes = item.draft, list(item.notes)
    there = _named(draft.name)
    if there is not None and existing == "rename":
        draft = replace(draft, name=_free(draft.name))
        notes.append(f"It is called “{draft.name}”, for there is a “{item.draft.name}”.")
        there = None
    if there is None or existing == "refuse":
        flow_id = flows.add(draft, by=by, now=now)
        action: Literal["create", "replace"] = "create"
    else:
        flow_id, action = str(there.flow_id), "replace"
        flows.alter(flow_id, draft, seen=None, by=by, now=now)
    has_one = there is not None and there.schedule_id is not None
    if has_one:
        changes = {"is_enabled": False} if item.terms is None else vars(item.terms)
        if item.terms is None:
            notes.append("Its schedule stays, and is switched off.")
        schedules.alter(flow_id, changes, min_interval_s=min_interval_s, by=by, now=now)
    elif item.terms is not None:
        schedules.add(flow_id, item.terms, min_interval_s=min_interval_s, by=by, now=now)
    lane = draft.submission.lane
    return Done(item.line, draft.name, action, lane, flow_id, item.terms, notes)


def _named(name: str) -> Row[Any] | None:
    found: Row[Any] | None = db.session.execute(_NAMED, {"flow_name": name}).one_or_none()
    return found


def _free(name: str) -> str:
    """The first name like this one that no flow has."""
    for number in count(2):
        ending = f" ({number})"
        tried = name[: MAX_NAME - len(ending)] + ending
        if _named(tried) is None:
            return tried
    raise AssertionError("numbers do not end")


def _problems(item: Item, refusal: Refused) -> Iterable[Problem]:
    if not isinstance(refusal, Invalid):
        return [Problem(item.line, str(refusal), next(iter(refusal.fields), None))]
    return [Problem(item.line, reason, name) for name, reason in refusal.fields.items()]
