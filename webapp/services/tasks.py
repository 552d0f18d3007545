"""Deleting what is over, and making the lane that every database has."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete as delete_rows
from sqlalchemy import insert, select

from webapp.db import db, transaction
from webapp.domain.errors import Conflict
from webapp.domain.lanes import OPEN
from webapp.domain.policies import MAIN_LANE
from webapp.domain.task_state import FINAL
from webapp.models import Lane, Task
from webapp.services import audit, moves

_tasks = Task.__table__
_lanes = Lane.__table__


@transaction
def delete(task_id: str, *, by: str, now: datetime) -> None:
    """Delete a final task with its attempts and instructions; its session's log stays.

    Its output lies in files, which the caller removes once this has been committed.
    """
    task = moves.look(task_id)
    if task.status not in FINAL:
        raise Conflict("not_final", status=str(task.status))
    moves.forget(task)
    db.session.execute(delete_rows(_tasks).where(_tasks.c.task_id == task_id))
    audit.note(by, "delete", task_id, now)


@transaction
def note_many(operation: str, count: int, *, by: str, now: datetime) -> None:
    """Record that somebody is about to do this to so many tasks; each then records its own."""
    audit.note(by, f"{operation}_many", None, now, tasks=count)


@transaction
def ensure_main_lane(now: datetime) -> None:
    """Make the default lane, if a new database does not have it yet."""
    if db.session.execute(select(_lanes.c.name).where(_lanes.c.name == MAIN_LANE)).first() is None:
        db.session.execute(
            insert(_lanes).values(
                name=MAIN_LANE,
                created_at=now,
                version=1,
                pending=0,
                running=0,
                paused=0,
                completed=0,
                failed=0,
                stopped=0,
                state=OPEN,
            )
        )
