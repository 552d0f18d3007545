"""Deleting a session: one mark takes it away from everybody, then it is removed in small pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select, update

from webapp.db import db, transaction
from webapp.domain.errors import Conflict, NoSuchSession
from webapp.models import Activity, Task, WorkSession
from webapp.models.tasks import is_open
from webapp.services import audit, moves

_sessions = WorkSession.__table__
_tasks = Task.__table__
_activity = Activity.__table__


@transaction
def condemn(session_id: str, *, by: str, now: datetime) -> None:
    """Mark a session as deleted, unless one of its tasks is not over.

    The session's row is locked, as it is by whoever submits a task to it: either the task is in
    and the deletion is refused, or the mark is there and the task is.
    """
    row = db.session.execute(
        select(_sessions.c.deleted_at, _sessions.c.task_count)
        .where(_sessions.c.session_id == session_id)
        .with_for_update()
    ).one_or_none()
    if row is None or row.deleted_at is not None:
        raise NoSuchSession(session_id=session_id)
    _all_final(session_id)
    marked = update(_sessions).where(_sessions.c.session_id == session_id)
    db.session.execute(marked.values(deleted_at=now))
    audit.note(by, "delete_session", session_id, now, tasks=row.task_count)


@transaction
def set_aside(session_id: str, take: Callable[[Path], None]) -> None:
    """Have ``take`` move the workspace of a marked session away.

    Under the session's lock: once the session is gone, a new one of the same id makes a directory
    of the same name, which must not be taken.
    """
    if (workspace := _marked(session_id)) is not None:
        take(Path(workspace))


@transaction
def drop_tasks(task_ids: Sequence[str]) -> None:
    """Remove some tasks of a marked session; nobody needs their output any more."""
    moves.drop(task_ids)


@transaction
def drop_rest(session_id: str, limit: int) -> bool:
    """Remove so much of a marked session's log, and at its end the session; true when it is gone.

    Its tasks must have been removed.
    """
    if _marked(session_id) is None:
        return True
    log = _activity.c.session_id == session_id
    oldest = select(_activity.c.message_index).where(log).order_by(_activity.c.message_index)
    piece = db.session.execute(oldest.limit(limit)).scalars().all()
    if piece:
        db.session.execute(delete(_activity).where(log, _activity.c.message_index <= piece[-1]))
    if len(piece) == limit:
        return False
    db.session.execute(delete(_sessions).where(_sessions.c.session_id == session_id))
    return True


def _marked(session_id: str) -> str | None:
    """The workspace of a session that is marked, which is locked; None for any other."""
    workspace: str | None = db.session.execute(
        select(_sessions.c.workspace_dir)
        .where(_sessions.c.session_id == session_id, _sessions.c.deleted_at.is_not(None))
        .with_for_update()
    ).scalar_one_or_none()
    return workspace


def _all_final(session_id: str) -> None:
    task = db.session.execute(
        select(_tasks.c.task_id, _tasks.c.status, _tasks.c.session_id, _tasks.c.started_at)
        .where(_tasks.c.session_id == session_id, is_open(_tasks))
        .order_by(_tasks.c.seq)
        .limit(1)
    ).one_or_none()
    if task is None:
        return
    active = {
        "task_id": task.task_id,
        "status": task.status,
        "session_id": task.session_id,
        "start_time": task.started_at.isoformat() if task.started_at else None,
    }
    raise Conflict(
        "session_not_final",
        extra={"active_task": active},
        task_id=task.task_id,
        status=task.status,
    )
