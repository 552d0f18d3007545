"""Lanes: made, paused, drained, renamed and deleted; a deleted one keeps its finished tasks' name.

A rename is quick whatever the lane's history: what is not final moves to the new name with it, in
one transaction. The row of the old name stays, hidden, and says where its finished tasks belong;
`move_finished` brings them there, a few at a time, and then removes it.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from webapp.db import db, transaction
from webapp.domain.errors import Conflict, Invalid, NotFound
from webapp.domain.lanes import DRAINING, MAX_LANES, OPEN, PAUSED
from webapp.domain.policies import MAIN_LANE
from webapp.domain.task_state import FINAL, Status
from webapp.domain.task_state import OPEN as NOT_FINAL
from webapp.models import Flow, Lane, Task
from webapp.models.tasks import is_open
from webapp.services import audit, counts, locks

_tasks = Task.__table__
_lanes = Lane.__table__
_flows = Flow.__table__

_NAMED = select(_lanes).where(_lanes.c.name == bindparam("lane"))
_LIVE = select(_lanes).where(_lanes.c.deleted_at.is_(None))
_NO_STATE: dict[str, Any] = {
    "state": OPEN,
    "state_reason": None,
    "state_by": None,
    "state_since": None,
}
_NEW = {"version": 1, **dict.fromkeys(map(str, Status), 0), **_NO_STATE}


def named(name: str) -> Row[Any]:
    """A lane that tasks or flows are to be put in; raises Invalid where there is none.

    The caller has its lock, or takes it that it may be renamed or deleted meanwhile.
    """
    row = db.session.execute(_NAMED, {"lane": name}).one_or_none()
    if row is None or row.deleted_at is not None:
        if row is not None and row.renamed_to is not None:
            reason = f"the lane {name!r} is called {row.renamed_to!r} now"
        else:
            reason = f"there is no lane named {name!r}"
        raise Invalid.field("lane", reason)
    return row


def taking(name: str) -> Row[Any]:
    """A lane that a new task is to be put in; raises Conflict while it is drained."""
    row = named(name)
    if row.state == DRAINING:
        because = f" {row.state_reason}" if row.state_reason else ""
        raise Conflict("lane_draining", lane=name, because=because)
    return row


def draining() -> dict[str, str | None]:
    """The lanes that take nothing new, and why if that was said. Locks nothing."""
    drained = db.session.execute(_LIVE.where(_lanes.c.state == DRAINING))
    return {row.name: row.state_reason for row in drained}


def add(name: str, *, by: str, now: datetime) -> None:
    """Make a lane; raises Conflict where there is one, or where there are too many.

    For verbs that are in their transaction already; `create` is one by itself.
    """
    locks.all_lanes()
    there = db.session.execute(_LIVE).all()
    _refuse_taken(name, [row.name for row in there])
    if len(there) >= MAX_LANES:
        raise Conflict("too_many_lanes", limit=MAX_LANES)
    _open(name, now)
    audit.note(by, "create_lane", name, now)


create = transaction(add)


@transaction
def pause(name: str, reason: str | None, *, by: str, now: datetime) -> None:
    """Let nothing begin in a lane; what runs goes on, and what is submitted waits."""
    _turn(name, PAUSED, reason, by, now)


@transaction
def drain(name: str, reason: str | None, *, by: str, now: datetime) -> None:
    """Let nothing get into a lane; what waits and what runs in it goes on."""
    _turn(name, DRAINING, reason, by, now)


@transaction
def resume(name: str, *, by: str, now: datetime) -> None:
    """End a lane's pause; raises Conflict where it is not paused."""
    _reopen(name, PAUSED, "lane_not_paused", by, now)


@transaction
def reopen(name: str, *, by: str, now: datetime) -> None:
    """Let a lane that was drained take tasks again; raises Conflict where it does."""
    _reopen(name, DRAINING, "lane_not_draining", by, now)


@transaction
def rename(name: str, new: str, *, by: str, now: datetime) -> None:
    """Call a lane otherwise, with its open tasks and flows; its finished ones follow in pieces."""
    locks.all_lanes()
    row = _of(name)
    _refuse_main(name)
    others = [lane.name for lane in db.session.execute(_LIVE) if lane.name != name]
    _refuse_taken(new, [*others, name] if new == name else others)
    _open(new, row.created_at, coming_from=name)
    moving = {str(state): row._mapping[state] for state in NOT_FINAL}
    db.session.execute(
        update(_lanes)
        .where(_lanes.c.name == new)
        .values(
            **{state: _lanes.c[state] + count for state, count in moving.items()},
            # together they have grown: whoever watches all lanes must see it
            version=_lanes.c.version + row.version,
            **{name: row._mapping[name] for name in _NO_STATE},
        )
    )
    db.session.execute(
        update(_tasks)
        .where(_tasks.c.lane == name, is_open(_tasks))
        .values(lane=new, version=_tasks.c.version + 1, updated_at=now)
    )
    db.session.execute(
        update(_flows)
        .where(_flows.c.lane == name)
        .values(lane=new, version=_flows.c.version + 1, updated_at=now)
    )
    later = update(_lanes).where(_lanes.c.renamed_to == name)
    db.session.execute(later.values(renamed_to=new))
    gone = {"deleted_at": now, "renamed_to": new, **dict.fromkeys(moving, 0), **_NO_STATE}
    db.session.execute(update(_lanes).where(_lanes.c.name == name).values(**gone))
    audit.note(by, "rename_lane", name, now, to=new)


@transaction
def remove(name: str, *, by: str, now: datetime) -> None:
    """Delete a lane in which nothing is left to do and that no flow names."""
    locks.all_lanes()
    row = _of(name)
    _refuse_main(name)
    if any(row._mapping[state] for state in NOT_FINAL):
        raise _in_use(row)
    flow = select(_flows.c.flow_id, _flows.c.name).where(_flows.c.lane == name)
    named = db.session.execute(flow.order_by(_flows.c.name).limit(1)).one_or_none()
    if named is not None:
        more = select(func.count()).where(_flows.c.lane == name)
        count = db.session.execute(more).scalar_one() - 1
        code = "lane_named_by_flows" if count else "lane_named_by_flow"
        extra = {"flow_id": named.flow_id}
        raise Conflict(code, extra=extra, lane=name, flow=named.name, count=count)
    gone = {"deleted_at": now, "renamed_to": None, **_NO_STATE}
    db.session.execute(update(_lanes).where(_lanes.c.name == name).values(**gone))
    # its version leaves the sum that pages compare: the sum must not become one that it was
    db.session.execute(
        update(_lanes)
        .where(_lanes.c.name == MAIN_LANE)
        .values(version=_lanes.c.version + row.version + 1)
    )
    _forget_empty(name)
    audit.note(by, "delete_lane", name, now)


@transaction
def move_finished(name: str, limit: int, now: datetime) -> bool:
    """Bring some finished tasks of a renamed lane to its new name; true when that is done."""
    locks.all_lanes()
    row = db.session.execute(_NAMED, {"lane": name}).one_or_none()
    if row is None or row.renamed_to is None:
        return True
    some = select(_tasks.c.seq, _tasks.c.status).where(_tasks.c.lane == name)
    found = db.session.execute(some.order_by(_tasks.c.seq).limit(limit).with_for_update()).all()
    db.session.execute(
        update(_tasks)
        .where(_tasks.c.seq.in_([task.seq for task in found]))
        .values(lane=row.renamed_to, version=_tasks.c.version + 1, updated_at=now)
    )
    went = Counter(task.status for task in found if task.status in FINAL)
    counts.dropped(Counter({(name, status): count for status, count in went.items()}))
    counts.dropped(Counter({(row.renamed_to, status): -count for status, count in went.items()}))
    if len(found) == limit:
        return False
    _forget_empty(name)
    return True


@transaction
def forget(name: str) -> None:
    """Remove what is left of a deleted lane, if no task names it any more."""
    locks.all_lanes()
    _forget_empty(name)


def _open(name: str, at: datetime, *, coming_from: str | None = None) -> None:
    """Have a live lane of this name: the row of a deleted one that still has tasks, or a new one.

    Raises Conflict while the finished tasks of its namesake are on their way to another lane.
    """
    hidden = db.session.execute(_NAMED, {"lane": name}).one_or_none()
    if hidden is None:
        db.session.execute(insert(_lanes).values(name=name, created_at=at, **_NEW))
    elif hidden.renamed_to not in (None, coming_from):
        raise Conflict("lane_being_renamed", lane=name, to=hidden.renamed_to)
    else:
        again = {"created_at": at, "deleted_at": None, "renamed_to": None, **_NO_STATE}
        which = update(_lanes).where(_lanes.c.name == name)
        db.session.execute(which.values(version=_lanes.c.version + 1, **again))


def _turn(name: str, state: str, reason: str | None, by: str, now: datetime) -> None:
    locks.lane(name)
    row = _of(name)
    if row.state == state:
        raise Conflict(f"lane_already_{state}", lane=name)
    told = {"state": state, "state_reason": reason, "state_by": by, "state_since": now}
    which = update(_lanes).where(_lanes.c.name == name)
    db.session.execute(which.values(version=_lanes.c.version + 1, **told))
    verb = {PAUSED: "pause_lane", DRAINING: "drain_lane"}[state]
    audit.note(by, verb, name, now, reason=reason)


def _reopen(name: str, state: str, code: str, by: str, now: datetime) -> None:
    locks.lane(name)
    if _of(name).state != state:
        raise Conflict(code, lane=name)
    which = update(_lanes).where(_lanes.c.name == name)
    db.session.execute(which.values(version=_lanes.c.version + 1, **_NO_STATE))
    audit.note(by, "open_lane", name, now)


def _of(name: str) -> Row[Any]:
    row = db.session.execute(_NAMED, {"lane": name}).one_or_none()
    if row is None or row.deleted_at is not None:
        raise NotFound("no_such_lane", lane=name)
    return row


def _refuse_taken(name: str, names: list[str]) -> None:
    """Two names that differ in their case alone would be taken for each other."""
    taken = next((one for one in names if one.casefold() == name.casefold()), None)
    if taken is not None:
        raise Conflict("lane_exists", lane=taken)


def _refuse_main(name: str) -> None:
    if name == MAIN_LANE:
        raise Conflict("lane_is_main", lane=name)


def _in_use(row: Row[Any]) -> Conflict:
    first = select(_tasks.c.task_id, _tasks.c.status).where(_tasks.c.lane == row.name)
    task = db.session.execute(
        first.where(is_open(_tasks)).order_by(_tasks.c.seq).limit(1)
    ).one_or_none()
    said = {"task_id": task.task_id, "status": task.status} if task else {}
    active, waiting = row.running + row.paused, row.pending
    code = "lane_has_active" if active else "lane_has_waiting"
    return Conflict(code, extra={"task": said}, lane=row.name, waiting=waiting)


def _forget_empty(name: str) -> None:
    """Remove the row of a deleted lane that no task names any more."""
    own = select(_tasks.c.seq).where(_tasks.c.lane == name)
    deleted = (_lanes.c.name == name) & _lanes.c.deleted_at.is_not(None)
    db.session.execute(delete(_lanes).where(deleted, ~own.exists()))
