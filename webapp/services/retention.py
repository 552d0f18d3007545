"""Removing what is too old, in transactions so short that nobody waits for them.

Files are moved into a trash within the transaction, and removed from there after it: whatever
happens in between, no row speaks of files of somebody else, and the trash is emptied later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import CursorResult, delete, or_, select, update

from webapp.db import db, transaction
from webapp.domain.task_state import FINAL
from webapp.models import (
    AuditEntry,
    Housekeeping,
    Notification,
    Occurrence,
    StoredFile,
    Task,
    WorkSession,
)
from webapp.models.notices import is_told
from webapp.models.tasks import is_open
from webapp.services import audit, counts, locks, moves

_tasks = Task.__table__
_sessions = WorkSession.__table__
_files = StoredFile.__table__
_audit = AuditEntry.__table__
_notices = Notification.__table__
_occurrences = Occurrence.__table__
_turn = Housekeeping.__table__

BY = "retention"
SILENT = timedelta(minutes=5)
"""A process that has the turn and has not shown itself for so long has lost it."""

Take = Callable[[str], None]


@transaction
def take_turn(holder: str, now: datetime, *, unless_since: datetime | None) -> bool:
    """Have the turn alone; false while another process has it, or if it was had since then."""
    free = or_(_turn.c.holder.is_(None), _turn.c.holder == holder, _turn.c.beat_at < now - SILENT)
    due = [] if unless_since is None else [
        or_(_turn.c.finished_at.is_(None), _turn.c.finished_at < unless_since)
    ]  # fmt: skip
    taken = update(_turn).where(free, *due).values(holder=holder, beat_at=now)
    return cast(CursorResult[Any], db.session.execute(taken)).rowcount > 0


@transaction
def give_turn_back(
    holder: str, now: datetime, *, removed: Mapping[str, int], used: Mapping[str, int] | None
) -> None:
    """Let somebody else have it, and say what was done; what was measured, if it was."""
    values: dict[str, Any] = {"holder": None, "finished_at": now, "removed": dict(removed)}
    if used is not None:
        values["used"] = dict(used)
    db.session.execute(update(_turn).where(_turn.c.holder == holder).values(**values))
    if any(removed.values()):
        audit.note(BY, "retention", None, now, **{k: v for k, v in removed.items() if v})


@transaction
def drop_tasks(holder: str, task_ids: Sequence[str], now: datetime, take: Take) -> int:
    """Delete final tasks whose sessions are at rest, with their output; returns how many."""
    locks.lanes_of(_tasks.c.task_id.in_(task_ids))
    going = _at_rest(task_ids)
    for task_id in going:
        take(task_id)
    counts.leave_many(moves.drop(going), going)
    _beat(holder, now)
    return len(going)


@transaction
def drop_output(holder: str, task_ids: Sequence[str], now: datetime, take: Take) -> list[str]:
    """Remove what final tasks have printed, and say so on them; returns which."""
    locks.lanes_of(_tasks.c.task_id.in_(task_ids))
    going = _at_rest(task_ids)
    for task_id in going:
        take(task_id)
    said = {"output_removed_at": now, "version": _tasks.c.version + 1}
    db.session.execute(update(_tasks).where(_tasks.c.task_id.in_(going)).values(**said))
    _beat(holder, now)
    return going


@transaction
def drop_workspace(
    holder: str, session_id: str, since: datetime, now: datetime, take: Callable[[Path], None]
) -> bool:
    """Remove the files of a session that is at rest since then, and say so on it.

    The session's row is locked, as it is by whoever submits to it or sends it a file.
    """
    locks.session(session_id)
    open_task = select(_tasks.c.seq).where(_tasks.c.session_id == session_id, is_open(_tasks))
    row = db.session.execute(
        select(_sessions.c.workspace_dir).where(
            _sessions.c.session_id == session_id,
            _sessions.c.last_activity <= since,
            _sessions.c.deleted_at.is_(None),
            ~open_task.exists(),
        )
    ).one_or_none()
    _beat(holder, now)
    if row is None:
        return False
    take(Path(row.workspace_dir))
    db.session.execute(delete(_files).where(_files.c.session_id == session_id))
    which = update(_sessions).where(_sessions.c.session_id == session_id)
    db.session.execute(which.values(workspace_removed_at=now))
    return True


@transaction
def condemn_empty(holder: str, before: datetime, now: datetime, limit: int) -> int:
    """Mark sessions without a task as deleted: they go as those that people delete."""
    empty = _sessions.c.task_count == 0, _sessions.c.deleted_at.is_(None)
    old = select(_sessions.c.session_id).where(*empty, _sessions.c.last_activity < before)
    chosen = db.session.execute(old.order_by(_sessions.c.last_activity).limit(limit)).scalars()
    which = update(_sessions).where(_sessions.c.session_id.in_(list(chosen)), *empty)
    marked = db.session.execute(which.values(deleted_at=now))
    _beat(holder, now)
    return cast(CursorResult[Any], marked).rowcount


@transaction
def trim_audit(holder: str, before: datetime, now: datetime, limit: int) -> int:
    """Remove the oldest lines of the audit log."""
    old = select(_audit.c.id).where(_audit.c.at < before).order_by(_audit.c.at).limit(limit)
    gone = db.session.execute(delete(_audit).where(_audit.c.id.in_(old)))
    _beat(holder, now)
    return cast(CursorResult[Any], gone).rowcount


@transaction
def trim_notices(holder: str, before: datetime, now: datetime, limit: int) -> int:
    """Remove the oldest of what was told."""
    which = _notices.c.notification_id
    old = select(which).where(is_told(before)).order_by(_notices.c.created_at).limit(limit)
    gone = db.session.execute(delete(_notices).where(which.in_(old)))
    _beat(holder, now)
    return cast(CursorResult[Any], gone).rowcount


@transaction
def trim_occurrences(holder: str, before: datetime, now: datetime, limit: int) -> int:
    """Remove the oldest lines of ledgers: those that were written first, a look at a time."""
    first = select(_occurrences.c.seq, _occurrences.c.recorded_at).order_by(_occurrences.c.seq)
    rows = db.session.execute(first.limit(limit)).all()
    going = [row.seq for row in rows if row.recorded_at < before]
    db.session.execute(delete(_occurrences).where(_occurrences.c.seq.in_(going)))
    _beat(holder, now)
    return len(going)


def _at_rest(task_ids: Sequence[str]) -> list[str]:
    """Those that are final, in whose session nothing waits or runs."""
    other = _tasks.alias()
    active = select(other.c.seq).where(other.c.session_id == _tasks.c.session_id, is_open(other))
    # by nothing but their ids: an index of statuses would mislead
    query = select(_tasks.c.task_id, _tasks.c.status, active.exists().label("busy"))
    rows = db.session.execute(query.where(_tasks.c.task_id.in_(task_ids)).order_by(_tasks.c.seq))
    return [row.task_id for row in rows if row.status in FINAL and not row.busy]


def _beat(holder: str, now: datetime) -> None:
    db.session.execute(update(_turn).where(_turn.c.holder == holder).values(beat_at=now))
