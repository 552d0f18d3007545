"""What was uploaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select

from webapp.db import db
from webapp.domain.errors import NotFound
from webapp.models import StoredFile, WorkSession
from webapp.queries.tasks import plain

_files = StoredFile.__table__
_sessions = WorkSession.__table__

_deleted = select(_sessions.c.session_id).where(_sessions.c.deleted_at.is_not(None))
_there = _files.c.session_id.not_in(_deleted)


def find(file_id: str) -> Row[Any]:
    """One file; raises NotFound."""
    found = select(_files).where(_files.c.file_id == file_id, _there)
    row = db.session.execute(found).one_or_none()
    if row is None:
        raise NotFound("no_such_file")
    return row


def some(file_ids: Sequence[str]) -> list[Row[Any]]:
    """Those of these files that are there, in this order."""
    if not file_ids:
        return []
    found = db.session.execute(select(_files).where(_files.c.file_id.in_(file_ids), _there))
    rows = {row.file_id: row for row in found}
    return [rows[file_id] for file_id in file_ids if file_id in rows]


def is_stored(file_id: str) -> bool:
    """Whether there is a file of that id."""
    found = select(_files.c.seq).where(_files.c.file_id == file_id)
    return db.session.execute(found).first() is not None


def page(session_id: str | None, *, limit: int, offset: int = 0) -> list[Row[Any]]:
    """Files, newest first, of one session or of all."""
    query = select(_files).where(_there).order_by(_files.c.seq.desc()).limit(limit).offset(offset)
    if session_id is not None:
        query = query.where(_files.c.session_id == session_id)
    return list(db.session.execute(query))


def count(session_id: str | None) -> int:
    """How many files there are in one session, or in all."""
    query = select(func.count()).select_from(_files).where(_there)
    if session_id is not None:
        query = query.where(_files.c.session_id == session_id)
    return int(db.session.execute(query).scalar_one())


def workspace(session_id: str) -> str | None:
    """The directory of a session; None if there is no such session."""
    query = select(_sessions.c.workspace_dir).where(
        _sessions.c.session_id == session_id, _sessions.c.deleted_at.is_(None)
    )
    found: str | None = db.session.execute(query).scalar_one_or_none()
    return found


def as_json(row: Any) -> dict[str, Any]:
    """A file as the contract names its parts."""
    names = (
        *("file_id", "original_filename", "stored_filename", "session_id"),
        *("file_size", "mime_type", "upload_time", "file_path"),
    )
    shown = row if isinstance(row, dict) else row._mapping
    return {name: plain(shown[name]) for name in names}
