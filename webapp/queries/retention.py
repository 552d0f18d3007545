"""What is old enough to go, oldest first, a page at a time; and what went the last time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, text

from webapp.db import db
from webapp.domain.task_state import FINAL
from webapp.models import (
    AuditEntry,
    Housekeeping,
    Lane,
    Notification,
    Occurrence,
    Task,
    WorkSession,
)
from webapp.models.notices import is_told
from webapp.models.tasks import is_open

_tasks = Task.__table__
_lanes = Lane.__table__
_sessions = WorkSession.__table__
_audit = AuditEntry.__table__
_notices = Notification.__table__
_occurrences = Occurrence.__table__

_of_session = _tasks.c.session_id == _sessions.c.session_id
_at_rest = ~select(_tasks.c.seq).where(_of_session, is_open(_tasks)).exists()

Place = tuple[datetime, int]


def finished(after: Place | None, limit: int) -> Sequence[Any]:
    """Final tasks from ``after`` on, in the order in which they ended."""
    query = select(
        _tasks.c.completed_at, _tasks.c.seq, _tasks.c.task_id, _tasks.c.attempt,
        _tasks.c.output_removed_at,
    ).where(_tasks.c.completed_at.is_not(None), _tasks.c.status.in_(FINAL))  # fmt: skip
    if after is not None:
        at, seq = after
        later = or_(_tasks.c.completed_at > at, _tasks.c.seq > seq)
        query = query.where(_tasks.c.completed_at >= at, later)
    return db.session.execute(
        query.order_by(_tasks.c.completed_at, _tasks.c.seq).limit(limit)
    ).all()


def finals() -> int:
    """How many final tasks there are, by the lanes' own counters."""
    query = select(func.sum(_lanes.c.completed + _lanes.c.failed + _lanes.c.stopped))
    return int(db.session.execute(query).scalar_one() or 0)


def with_open_tasks(task_ids: Sequence[str]) -> set[str]:
    """Those of the tasks in whose session something waits or runs."""
    other = _tasks.alias()
    active = select(other.c.seq).where(other.c.session_id == _tasks.c.session_id, is_open(other))
    query = select(_tasks.c.task_id).where(_tasks.c.task_id.in_(task_ids), active.exists())
    return set(db.session.execute(query).scalars())


def idle_workspaces(
    after: tuple[datetime, str] | None, before: datetime, limit: int
) -> Sequence[Any]:
    """Sessions at rest since ``before`` whose files may still be there, longest at rest first."""
    removed, last = _sessions.c.workspace_removed_at, _sessions.c.last_activity
    query = select(_sessions.c.session_id, _sessions.c.workspace_dir, last).where(
        last < before,
        or_(removed.is_(None), removed < last),
        _sessions.c.deleted_at.is_(None),
        _at_rest,
    )
    if after is not None:
        at, session_id = after
        query = query.where(last >= at, or_(last > at, _sessions.c.session_id > session_id))
    return db.session.execute(query.order_by(last, _sessions.c.session_id).limit(limit)).all()


def empty_sessions(before: datetime) -> int:
    """How many sessions at rest since ``before`` go with their log, since all their tasks do."""
    ended = _tasks.c.completed_at
    stays = select(_tasks.c.seq).where(_of_session, or_(ended.is_(None), ended >= before))
    query = select(func.count()).where(
        ~stays.exists(),
        _sessions.c.last_activity < before,
        _sessions.c.deleted_at.is_(None),
    )
    return int(db.session.execute(query).scalar_one())


def told(before: datetime) -> int:
    """How many notices are older, none of which is still to be sent."""
    query = select(func.count()).select_from(_notices).where(is_told(before))
    return int(db.session.execute(query).scalar_one())


def audited(before: datetime) -> int:
    """How many lines of the audit log are older."""
    query = select(func.count()).select_from(_audit).where(_audit.c.at < before)
    return int(db.session.execute(query).scalar_one())


def occurred(before: datetime) -> int:
    """How many lines of ledgers are older."""
    query = select(func.count()).select_from(_occurrences)
    return int(db.session.execute(query.where(_occurrences.c.recorded_at < before)).scalar_one())


def last_pass() -> Any:
    """The one row: ``holder, beat_at, finished_at, removed, used``."""
    return db.session.execute(select(Housekeeping.__table__)).one()


def database_size() -> int:
    """Bytes of the database."""
    if db.session.get_bind().dialect.name == "sqlite":
        pages = db.session.execute(text("PRAGMA page_count")).scalar_one()
        return int(pages * db.session.execute(text("PRAGMA page_size")).scalar_one())
    size = text("SELECT pg_database_size(current_database())")
    return int(db.session.execute(size).scalar_one())
