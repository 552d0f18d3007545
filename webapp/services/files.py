"""Taking uploaded files in, and deleting them: a row and a file, or neither."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import delete as delete_rows
from sqlalchemy import exists, insert, select, update
from uuid_utils import uuid7

from webapp.db import db, transaction
from webapp.domain import names
from webapp.domain.errors import Conflict, NotFound
from webapp.domain.task_state import OPEN
from webapp.models import StoredFile, Task, WorkSession
from webapp.services import audit, locks
from webapp.services.workspaces import workspace_of

_files = StoredFile.__table__
_tasks = Task.__table__
_sessions = WorkSession.__table__

UPLOADS = "uploads"
PLAIN_NUMBERS = 50
"""How many files of one name are told apart by a number; more by something longer."""
_KIND = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,99}/[a-z0-9][a-z0-9!#$&^_.+-]{0,99}")
UNKNOWN_KIND = "application/octet-stream"


@dataclass(frozen=True)
class Received:
    """A file that has arrived as a whole."""

    file_id: str
    name: str
    size: int
    mime_type: str


class Shelf(Protocol):
    """Where received files get their place."""

    def put(self, workspace: str, file_id: str, name: str) -> bool:
        """Give a file its place; False if something else is called so."""

    def take_back(self) -> None:
        """Undo what was put."""


@dataclass(frozen=True)
class Stored:
    """The session they are in now, and the rows."""

    session_id: str
    upload_directory: str
    files: list[dict[str, Any]]


@transaction
def store(
    received: Sequence[Received],
    session_id: str | None,
    shelf: Shelf,
    *,
    workspaces: Path,
    by: str,
    now: datetime,
) -> Stored:
    """Take files into a session, which is made if there is none.

    The caller has the shelf take its files back where this raises.
    """
    shelf.take_back()  # of a try between which somebody else's transaction came
    session_id, workspace = workspace_of(session_id, workspaces, now)
    rows = []
    for file in received:
        for name in _candidates(names.safe(file.name)):
            if not _is_taken(session_id, name) and shelf.put(workspace, file.file_id, name):
                break
        rows.append(_row(file, session_id, Path(workspace, UPLOADS, name), by, now))
        db.session.execute(insert(_files).values(**rows[-1]))
    db.session.execute(
        update(_sessions).where(_sessions.c.session_id == session_id).values(last_activity=now)
    )
    audit.note(by, "upload", session_id, now, files=[row["file_id"] for row in rows][:100])
    return Stored(session_id, str(Path(workspace, UPLOADS)), rows)


@transaction
def delete(file_id: str, *, by: str, now: datetime) -> str:
    """Delete a file's row, unless a task that is not over was given it; returns its path.

    The file itself is removed by the caller once this has been committed.
    """
    row = db.session.execute(select(_files).where(_files.c.file_id == file_id)).one_or_none()
    if row is None:
        raise NotFound("no_such_file")
    locks.session(row.session_id)  # whoever submits a task with this file holds it, too
    users = db.session.execute(
        select(_tasks.c.task_id, _tasks.c.upload_files).where(
            _tasks.c.session_id == row.session_id,
            _tasks.c.status.in_(OPEN),
            _tasks.c.upload_files.is_not(None),
        )
    )
    for task in users:
        if any(file["file_id"] == file_id for file in task.upload_files):
            raise Conflict("file_in_use", task_id=task.task_id)
    db.session.execute(delete_rows(_files).where(_files.c.file_id == file_id))
    audit.note(by, "delete_file", file_id, now, name=row.original_filename)
    return str(row.file_path)


def _candidates(name: str) -> Any:
    yield name
    for number in range(2, PLAIN_NUMBERS):
        yield names.numbered(name, number)
    while True:
        yield names.numbered(name, uuid7().hex[-12:])


def _is_taken(session_id: str, name: str) -> bool:
    taken = exists().where(
        _files.c.session_id == session_id, _files.c.same_name == names.same(name)
    )
    return bool(db.session.execute(select(taken)).scalar_one())


def _row(file: Received, session_id: str, path: Path, by: str, now: datetime) -> dict[str, Any]:
    given = file.mime_type.lower()
    guessed = mimetypes.guess_type(path.name)[0] or UNKNOWN_KIND
    known = _KIND.fullmatch(given) and given != UNKNOWN_KIND
    return {
        "file_id": file.file_id,
        "session_id": session_id,
        "original_filename": names.shown(file.name),
        "stored_filename": path.name,
        "same_name": names.same(path.name),
        "file_path": str(path),
        "file_size": file.size,
        "mime_type": given if known else guessed,
        "upload_time": now,
        "uploaded_by": by,
    }
