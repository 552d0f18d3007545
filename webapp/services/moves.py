"""The only writer of a task's status; what a move means for lane, session and log goes with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    Update,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from webapp.db import db, lock
from webapp.domain.errors import LostAttempt, NoSuchTask
from webapp.domain.messages import sentence
from webapp.domain.receipts import UNREAD
from webapp.domain.task_state import FINAL, Status, after
from webapp.models import Instruction, Lane, Task, WorkSession
from webapp.services import activity, locks
from webapp.services.activity import USER, Entry

_tasks = Task.__table__
_lanes = Lane.__table__
_sessions = WorkSession.__table__
_instructions = Instruction.__table__


@dataclass(frozen=True)
class Standing:
    """What a move needs to know of a task before it is made."""

    task_id: str
    status: Status
    attempt: int
    lane: str
    session_id: str
    flow_id: str | None
    agent: str
    task_description: str
    started_at: datetime | None
    wish: str | None
    wish_reason: str | None
    max_retries: int
    unread: bool
    """Whether it was given instructions that it has not read yet."""


STANDING = (
    _tasks.c.task_id,
    _tasks.c.status,
    _tasks.c.attempt,
    _tasks.c.lane,
    _tasks.c.session_id,
    _tasks.c.flow_id,
    _tasks.c.agent,
    _tasks.c.task_description,
    _tasks.c.started_at,
    _tasks.c.wish,
    _tasks.c.wish_reason,
    _tasks.c.max_retries,
    exists()
    .where(
        _instructions.c.task_id == _tasks.c.task_id,
        or_(*(_instructions.c.state == state for state in UNREAD)),
    )
    .label("unread"),
)

# Every task passes these several times: they are built once, for building costs SQLAlchemy more
# than the database needs to execute them. What is SET is named where they are executed.
_of_task = _tasks.c.task_id == bindparam("of_task")
_LOOK = select(*STANDING).where(_of_task).with_for_update()
_MOVE = (
    update(_tasks)
    .where(_of_task, _tasks.c.status == bindparam("source"), _tasks.c.attempt == bindparam("was"))
    .values(version=_tasks.c.version + 1)
)
_TOUCH = update(_tasks).where(_of_task).values(version=_tasks.c.version + 1)
_BUMP = (
    update(_lanes).where(_lanes.c.name == bindparam("of_lane")).values(version=_lanes.c.version + 1)
)
_TOUCH_LANE = select(_lanes.c.name).where(_lanes.c.name == bindparam("of_lane")).with_for_update()
_ADMIT = insert(_tasks)
_JOIN = (
    update(_sessions)
    .where(_sessions.c.session_id == bindparam("of_session"))
    .values(task_count=_sessions.c.task_count + 1)
)
_LEFT = (
    update(_sessions)
    .where(_sessions.c.session_id == bindparam("of_session"))
    .values(task_count=_sessions.c.task_count - bindparam("fewer"))
)


def standing(row: Any) -> Standing:
    """The standing in a row that selected ``STANDING`` first, and perhaps more."""
    task_id, status, *others = row[: len(STANDING)]
    return Standing(task_id, Status(status), *others)


def look(task_id: str, attempt: int | None = None) -> Standing:
    """Lock a task with its lane, and say how it stands.

    Raises NoSuchTask, or LostAttempt where ``attempt`` is no longer the task's own running one.
    """
    locks.lane_of(task_id)
    row = db.session.execute(_LOOK, {"of_task": task_id}).one_or_none()
    if row is None:
        raise NoSuchTask(task_id=task_id)
    found = standing(row)
    if attempt is not None and (
        found.attempt != attempt or found.status not in (Status.RUNNING, Status.PAUSED)
    ):
        raise LostAttempt(task_id=task_id, attempt=attempt)
    return found


def admit(values: dict[str, Any], now: datetime) -> None:
    """Let a new task into its lane, pending. Its session must be there."""
    first = {"status": Status.PENDING, "created_at": now, "updated_at": now, "version": 1}
    db.session.execute(_ADMIT, {**first, **values})
    _count(values["lane"], None, Status.PENDING)
    db.session.execute(
        _JOIN,
        {
            "of_session": values["session_id"],
            "newest_task_id": values["task_id"],
            "status": Status.PENDING,
            "last_activity": now,
        },
    )


def move(
    task: Standing, name: str, now: datetime, entries: Sequence[Entry] = (), **columns: Any
) -> None:
    """Take one step in a task's life and log it, or raise IllegalMove. The caller commits.

    ``entries`` go to the log after the opening one, which every task gets at its first move out
    of waiting. ``columns`` are written to the task in the same statement.
    """
    target = after(task.status, name)
    if target is Status.RUNNING and task.started_at is None:
        columns["started_at"] = now
    if target in FINAL:
        columns["completed_at"] = now
    if target not in (Status.RUNNING, Status.PAUSED):
        columns.update(wish=None, wish_reason=None, wish_by=None, wish_at=None, runner_id=None)
    which = {"of_task": task.task_id, "source": task.status, "was": task.attempt}
    values = {**which, "status": target, "updated_at": now, **columns}
    moved = cast(CursorResult[Any], db.session.execute(_MOVE, values))
    if moved.rowcount == 0:
        raise LostAttempt(task_id=task.task_id, attempt=task.attempt)
    _count(task.lane, task.status, target)
    if task.started_at is None and (target is Status.RUNNING or target in FINAL):
        entries = [_opening(task, columns), *entries]
    activity.append(task.session_id, entries, now, moved=(task.task_id, target))


def touch(task: Standing, now: datetime, **columns: Any) -> None:
    """Write columns other than the status, so that whoever watches the task sees a new version."""
    db.session.execute(_TOUCH, {"of_task": task.task_id, "updated_at": now, **columns})
    bump(task.lane)


def bump(lane: str) -> None:
    """Tell whoever watches a lane that something in it changed."""
    db.session.execute(_BUMP, {"of_lane": lane})


def forget(task: Standing) -> None:
    """Take a task that is about to be deleted out of its lane's and session's counts."""
    _count(task.lane, task.status, None)
    leave(task.session_id, 1, besides=task.task_id)


def leave(session_id: str, count: int, *, besides: str = "") -> None:
    """Take deleted tasks out of their session's counts; ``besides`` is about to be deleted."""
    locks.session(session_id)
    newest = db.session.execute(
        select(_tasks.c.task_id, _tasks.c.status)
        .where(_tasks.c.session_id == session_id, _tasks.c.task_id != besides)
        .order_by(_tasks.c.seq.desc())
        .limit(1)
    ).one_or_none()
    db.session.execute(
        update(_sessions)
        .where(_sessions.c.session_id == session_id)
        .values(
            task_count=_sessions.c.task_count - count,
            newest_task_id=newest.task_id if newest else None,
            status=newest.status if newest else None,
        )
    )


def leave_many(gone: Mapping[str, int], task_ids: Sequence[str]) -> None:
    """Take many tasks that were dropped out of their sessions' counts, in three statements."""
    chosen, own = _sessions.c.session_id.in_(gone), _tasks.c.session_id == _sessions.c.session_id
    lock(select(_sessions.c.session_id).where(chosen).order_by("session_id").with_for_update())
    if gone:
        db.session.execute(_LEFT, [{"of_session": s, "fewer": n} for s, n in gone.items()])
    last = select(_tasks).where(own).order_by(_tasks.c.seq.desc()).limit(1)
    db.session.execute(
        update(_sessions)
        .where(chosen, _sessions.c.newest_task_id.in_(task_ids))
        .values(
            newest_task_id=last.with_only_columns(_tasks.c.task_id).scalar_subquery(),
            status=last.with_only_columns(_tasks.c.status).scalar_subquery(),
        )
    )


def drop(task_ids: Sequence[str]) -> Counter[str]:
    """Delete final tasks with all that hangs on them, and take them out of their lanes' counts.

    Returns how many went of each session, whose own counts are left to `leave`, or to whoever
    deletes the session, too.
    """
    locks.lanes_of(_tasks.c.task_id.in_(task_ids))
    named = select(_tasks.c.seq, _tasks.c.lane, _tasks.c.status, _tasks.c.session_id).where(
        _tasks.c.task_id.in_(task_ids)  # and nothing else: an index of statuses would mislead
    )
    rows = [row for row in db.session.execute(named.with_for_update()) if row.status in FINAL]
    db.session.execute(delete(_tasks).where(_tasks.c.seq.in_([row.seq for row in rows])))
    for (lane, status), count in sorted(Counter((row.lane, row.status) for row in rows).items()):
        fewer = _BUMP.values({status: _lanes.c[status] - count})
        db.session.execute(fewer, {"of_lane": lane})
    return Counter(row.session_id for row in rows)


def respell(task_id: str, found: str, now: datetime) -> None:
    """Write a status that is none of the six words as the one it means, or else as failed.

    Whoever wrote it so counted it in no lane: the lane is counted anew.
    """
    word = found.strip().lower()
    known = word in list(Status)
    columns: dict[str, Any] = {"status": word if known else Status.FAILED}
    if not known:
        columns["error_message"] = sentence("interrupted_unknown", {})
        columns["error_code"] = "interrupted_unknown"
    task = db.session.execute(
        update(_tasks)
        .where(_tasks.c.task_id == task_id, _tasks.c.status == found)
        .values(version=_tasks.c.version + 1, updated_at=now, **columns)
        .returning(_tasks.c.lane, _tasks.c.session_id)
    ).one()
    recount(task.lane)
    recount_session(task.session_id)


def recount(lane: str) -> None:
    """Count a lane's tasks anew, under the lock of its row that every move waits for."""
    db.session.execute(_TOUCH_LANE, {"of_lane": lane})
    counted = db.session.execute(
        select(_tasks.c.status, func.count()).where(_tasks.c.lane == lane).group_by(_tasks.c.status)
    ).all()
    counts = {**dict.fromkeys(Status, 0), **{Status(s): n for s, n in counted if s in list(Status)}}
    db.session.execute(_BUMP.values(counts), {"of_lane": lane})


def recount_session(session_id: str) -> None:
    """Count a session's tasks anew, and look which of them is the newest."""
    leave(session_id, 0)
    count = select(func.count()).where(_tasks.c.session_id == session_id).scalar_subquery()
    which = _sessions.c.session_id == session_id
    db.session.execute(update(_sessions).where(which).values(task_count=count))


def _opening(task: Standing, columns: dict[str, Any]) -> Entry:
    attempt = columns.get("attempt", task.attempt)
    return Entry(task.task_id, attempt, USER, "request", text=task.task_description)


def _count(lane: str, source: Status | None, target: Status | None) -> None:
    db.session.execute(_counting(source, target), {"of_lane": lane})


@cache
def _counting(source: Status | None, target: Status | None) -> Update:
    changes = {}
    if source is not None:
        changes[source] = _lanes.c[source] - 1
    if target is not None:
        changes[target] = _lanes.c[target] + 1
    return _BUMP.values(**changes)
