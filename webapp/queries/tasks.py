"""Tasks as the API and the pages show them: one, what is active, and what JSON says of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select

from webapp.db import db
from webapp.domain.errors import NoSuchTask
from webapp.domain.policies import MAIN_LANE
from webapp.domain.secrets import masked
from webapp.domain.task_state import Status
from webapp.models import Attempt, Instruction, Lane, Task
from webapp.models.tasks import is_active

_tasks = Task.__table__
_attempts = Attempt.__table__
_instructions = Instruction.__table__
_lanes = Lane.__table__

TransitionOf = {"pause": "pausing", "stop": "stopping"}


# What is asked many times a second is built once.
_of_task = _tasks.c.task_id == bindparam("task_id")
_FIND = select(_tasks).where(_of_task)
_ACTIVE = select(_tasks).where(_tasks.c.lane == bindparam("lane"), is_active(_tasks))
_FIRST_ACTIVE = (
    select(_tasks)
    .where(is_active(_tasks))
    .order_by(_tasks.c.lane != MAIN_LANE, _tasks.c.started_at, _tasks.c.seq)
    .limit(1)
)
_STANDING = select(_tasks.c.status, _tasks.c.wish, _tasks.c.version, _tasks.c.lane).where(_of_task)


def control(row: Any) -> str | None:
    """``pausing`` or ``stopping`` while a wish has not come true yet, else None."""
    if row.status == "running" or (row.status == "paused" and row.wish == "stop"):
        return TransitionOf.get(row.wish)
    return None


def find(task_id: str) -> Row[Any]:
    """Every column of one task; raises NoSuchTask."""
    row = db.session.execute(_FIND, {"task_id": task_id}).one_or_none()
    if row is None:
        raise NoSuchTask(task_id=task_id)
    return row


def active(lane: str) -> Row[Any] | None:
    """The task that is running or paused in a lane."""
    return db.session.execute(_ACTIVE, {"lane": lane}).one_or_none()


def first_active() -> Row[Any] | None:
    """The task that is running or paused in the main lane, or else the oldest of the others."""
    return db.session.execute(_FIRST_ACTIVE).one_or_none()


def standing(task_id: str) -> Row[Any]:
    """Only what tells whether a control took effect: status, wish, version, lane."""
    row = db.session.execute(_STANDING, {"task_id": task_id}).one_or_none()
    if row is None:
        raise NoSuchTask(task_id=task_id)
    return row


def standing_now(task_id: str) -> Row[Any]:
    """`standing` for somebody who asks again and again: the next look sees what came since."""
    try:
        return standing(task_id)
    finally:
        db.session.close()


def attempts(task_id: str) -> list[Row[Any]]:
    """The attempts of a task, oldest first."""
    query = select(_attempts).where(_attempts.c.task_id == task_id).order_by(_attempts.c.number)
    return list(db.session.execute(query))


def attempt_ended(task_id: str, number: int) -> bool | None:
    """Whether this attempt is over; None if there was no such attempt."""
    row = db.session.execute(
        select(_attempts.c.ended_at).where(
            _attempts.c.task_id == task_id, _attempts.c.number == number
        )
    ).one_or_none()
    return None if row is None else row.ended_at is not None


def instructions(task_id: str) -> list[Row[Any]]:
    """The instructions a task was given, oldest first."""
    query = select(_instructions).where(_instructions.c.task_id == task_id)
    return list(db.session.execute(query.order_by(_instructions.c.seq)))


def counts() -> dict[str, int]:
    """How many tasks are in each state, from the lanes' own counts."""
    rows = db.session.execute(select(*(_lanes.c[status] for status in Status))).all()
    return {status.value: sum(row._mapping[status] for row in rows) for status in Status}


def as_json(row: Row[Any]) -> dict[str, Any]:
    """A task with every stored column by its name; its secrets are masked."""
    task = {name: plain(value) for name, value in row._mapping.items()}
    task["agent_settings"] = masked(task["agent_settings"])
    task["control"] = control(row)
    return task


def waiting_timeout_s(row: Row[Any]) -> float | None:
    """How long a task was allowed to wait, in seconds."""
    return (row.expires_at - row.created_at).total_seconds() if row.expires_at else None


def plain(value: Any) -> Any:
    """A value as JSON has it: times as ISO 8601 with their offset."""
    return value.isoformat() if isinstance(value, datetime) else value
