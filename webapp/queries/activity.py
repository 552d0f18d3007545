"""The log of a session, by its dense index, and the sessions themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, Select, func, select

from webapp.db import db
from webapp.models import Activity, Task, WorkSession

_activity = Activity.__table__
_sessions = WorkSession.__table__
_tasks = Task.__table__

BATCH = 500

_there = _sessions.c.deleted_at.is_(None)


def total(session_id: str) -> int:
    """How many entries the session's log has; 0 for an unknown session."""
    query = select(_sessions.c.activity_count).where(_sessions.c.session_id == session_id, _there)
    return db.session.execute(query).scalar_one_or_none() or 0


def entry(session_id: str, index: int) -> Row[Any] | None:
    """One entry by its index from 0."""
    return db.session.execute(
        select(_activity).where(
            _activity.c.session_id == session_id, _activity.c.message_index == index
        )
    ).one_or_none()


def newest(session_id: str, limit: int) -> list[Row[Any]]:
    """The newest ``limit`` entries, oldest first."""
    query = select(_activity).where(_activity.c.session_id == session_id)
    rows = list(db.session.execute(query.order_by(_activity.c.message_index.desc()).limit(limit)))
    return rows[::-1]


def between(session_id: str, first: int, end: int) -> Iterator[Row[Any]]:
    """The entries from index ``first`` up to, not with, ``end``, in short reads of their own."""
    query = select(_activity).where(_activity.c.session_id == session_id)
    while first < end:
        index = _activity.c.message_index
        piece = query.where(index >= first, index < min(end, first + BATCH)).order_by(index)
        rows = list(db.session.execute(piece))
        db.session.close()
        yield from rows
        first += BATCH


def sessions(limit: int, offset: int) -> tuple[list[Row[Any]], int]:
    """A page of sessions, last active first, and how many there are."""
    order = _sessions.c.last_activity.desc(), _sessions.c.session_id.desc()
    deleted = select(_sessions.c.session_id).where(_sessions.c.deleted_at.is_not(None))
    # Index entries are skipped and counted, not rows: the last page comes as quickly as the first.
    chosen = select(_sessions.c.session_id).where(_sessions.c.session_id.not_in(deleted))
    chosen = chosen.order_by(*order).limit(limit).offset(offset)
    query = select(_sessions).where(_sessions.c.session_id.in_(chosen)).order_by(*order)
    rows = list(db.session.execute(query))
    every = select(func.count()).select_from(_sessions).scalar_subquery()
    gone = select(func.count()).select_from(deleted.subquery()).scalar_subquery()
    return rows, db.session.execute(select(every - gone)).scalar_one()


def tasks_of(session_id: str) -> Iterator[Row[Any]]:
    """The session's tasks, oldest first, in short reads of their own."""
    query = _tasks_there(session_id).order_by(_tasks.c.seq)
    after = 0
    while rows := list(db.session.execute(query.where(_tasks.c.seq > after).limit(BATCH))):
        db.session.close()
        yield from rows
        after = rows[-1].seq


def latest_task(session_id: str) -> Row[Any] | None:
    """The session's newest task."""
    query = _tasks_there(session_id).order_by(_tasks.c.seq.desc())
    return db.session.execute(query.limit(1)).one_or_none()


def as_json(row: Row[Any]) -> dict[str, Any]:
    """An entry as the API gives it."""
    return {
        "agent_name": row.agent_name,
        "agent_status": row.agent_status,
        "agent_msg": row.agent_msg,
        "timestamp": row.timestamp.isoformat(),
        "message_index": row.message_index,
        "task_id": row.task_id,
        "attempt": row.attempt,
        "code": row.code,
        "params": row.params,
    }


def _tasks_there(session_id: str) -> Select[Any]:
    """The tasks of a session; none if it was deleted and they are about to be."""
    there = select(_sessions.c.session_id).where(_sessions.c.session_id == session_id, _there)
    return select(_tasks).where(_tasks.c.session_id == session_id, there.exists())
