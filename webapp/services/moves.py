"""The only writer of a task's status; what a move means for lane, session and log goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, insert, literal, select, update

from webapp.db import db
from webapp.domain.errors import LostAttempt, NoSuchTask
from webapp.domain.task_state import FINAL, Status, after
from webapp.models import Lane, Task, WorkSession
from webapp.services import activity
from webapp.services.activity import USER, Entry

_tasks = Task.__table__
_lanes = Lane.__table__
_sessions = WorkSession.__table__


@dataclass(frozen=True)
class Standing:
    """What a move needs to know of a task before it is made."""

    task_id: str
    status: Status
    attempt: int
    lane: str
    session_id: str
    agent: str
    task_description: str
    started_at: datetime | None


STANDING = (
    _tasks.c.task_id,
    _tasks.c.status,
    _tasks.c.attempt,
    _tasks.c.lane,
    _tasks.c.session_id,
    _tasks.c.agent,
    _tasks.c.task_description,
    _tasks.c.started_at,
)


def standing(row: Any) -> Standing:
    """The standing in a row that selected ``STANDING`` (and perhaps more)."""
    values = {c.name: row._mapping[c.name] for c in STANDING}
    return Standing(**{**values, "status": Status(values["status"])})


def look(task_id: str, attempt: int | None = None) -> Standing:
    """Lock a task and say how it stands.

    Raises NoSuchTask, or LostAttempt where ``attempt`` is no longer the task's own running one.
    """
    row = db.session.execute(
        select(*STANDING).where(_tasks.c.task_id == task_id).with_for_update()
    ).one_or_none()
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
    db.session.execute(
        insert(_tasks).values(
            status=Status.PENDING, created_at=now, updated_at=now, version=1, **values
        )
    )
    _count(values["lane"], None, Status.PENDING)
    db.session.execute(
        update(_sessions)
        .where(_sessions.c.session_id == values["session_id"])
        .values(
            task_count=_sessions.c.task_count + 1,
            newest_task_id=values["task_id"],
            status=Status.PENDING,
            last_activity=now,
        )
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
    moved = db.session.execute(
        update(_tasks)
        .where(
            _tasks.c.task_id == task.task_id,
            _tasks.c.status == task.status,
            _tasks.c.attempt == task.attempt,
        )
        .values(status=target, updated_at=now, version=_tasks.c.version + 1, **columns)
    )
    if moved.rowcount == 0:
        raise LostAttempt(task_id=task.task_id, attempt=task.attempt)
    _count(task.lane, task.status, target)
    if task.started_at is None and (target is Status.RUNNING or target in FINAL):
        entries = [_opening(task, columns), *entries]
    newest = _sessions.c.newest_task_id == task.task_id
    status = case((newest, literal(str(target))), else_=_sessions.c.status)
    activity.append(task.session_id, entries, now, status=status)


def touch(task: Standing, now: datetime, **columns: Any) -> None:
    """Write columns other than the status, so that whoever watches the task sees a new version."""
    db.session.execute(
        update(_tasks)
        .where(_tasks.c.task_id == task.task_id)
        .values(updated_at=now, version=_tasks.c.version + 1, **columns)
    )
    bump(task.lane)


def bump(lane: str) -> None:
    """Tell whoever watches a lane that something in it changed."""
    db.session.execute(
        update(_lanes).where(_lanes.c.name == lane).values(version=_lanes.c.version + 1)
    )


def forget(task: Standing) -> None:
    """Take a task that is about to be deleted out of its lane's and session's counts."""
    _count(task.lane, task.status, None)
    newest = db.session.execute(
        select(_tasks.c.task_id, _tasks.c.status)
        .where(_tasks.c.session_id == task.session_id, _tasks.c.task_id != task.task_id)
        .order_by(_tasks.c.seq.desc())
        .limit(1)
    ).one_or_none()
    db.session.execute(
        update(_sessions)
        .where(_sessions.c.session_id == task.session_id)
        .values(
            task_count=_sessions.c.task_count - 1,
            newest_task_id=newest.task_id if newest else None,
            status=newest.status if newest else None,
        )
    )


def _opening(task: Standing, columns: dict[str, Any]) -> Entry:
    attempt = columns.get("attempt", task.attempt)
    return Entry(task.task_id, attempt, USER, "request", text=task.task_description)


def _count(lane: str, source: Status | None, target: Status | None) -> None:
    changes: dict[str, Any] = {"version": _lanes.c.version + 1}
    if source is not None:
        changes[source] = _lanes.c[source] - 1
    if target is not None:
        changes[target] = _lanes.c[target] + 1
    db.session.execute(update(_lanes).where(_lanes.c.name == lane).values(**changes))
