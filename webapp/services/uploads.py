"""The uploads that a task is given: all of one session, in which it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sqlalchemy import Row, select

from webapp.db import db
from webapp.domain.errors import Invalid
from webapp.models import StoredFile

_files = StoredFile.__table__

IDS, PATH = "upload_file_ids", "upload_files_path"


@dataclass(frozen=True)
class Wanted:
    """Files as a submission names them: by their ids, and one perhaps by its path."""

    file_ids: tuple[str, ...] = ()
    path: str | None = None


def session_of(wanted: Wanted) -> str | None:
    """The session of the first file, which a task that names no session belongs to."""
    found = _found(wanted)
    return found[0].session_id if found else None


def given(wanted: Wanted, session_id: str) -> dict[str, Any]:
    """The columns of a task that is given these files; Invalid names one that cannot be.

    The session is locked, so that none of them is deleted before the task is in.
    """
    rows = _found(wanted)
    for row in rows:
        if row.session_id != session_id:
            name = IDS if row.file_id in wanted.file_ids else PATH
            raise Invalid.field(
                name,
                f"{row.original_filename!r} ({row.file_id}) belongs to the session "
                f"{row.session_id}, and the task to {session_id}",
            )
    if not rows:
        return {"upload_files": None, "upload_files_path": None}
    paths = [PurePath(row.file_path) for row in rows]
    return {
        "upload_files": [
            {"file_id": row.file_id, "name": row.original_filename, "path": row.file_path}
            for row in rows
        ],
        "upload_files_path": str(paths[0] if len(paths) == 1 else paths[0].parent),
    }


def _found(wanted: Wanted) -> list[Row[Any]]:
    rows = [_one(IDS, file_id, _files.c.file_id == file_id) for file_id in wanted.file_ids]
    if wanted.path is not None:
        named = _files.c.stored_filename == PurePath(wanted.path).name
        row = _one(PATH, wanted.path, named, _files.c.file_path == wanted.path)
        if row.file_id not in wanted.file_ids:
            rows.append(row)
    return rows


def _one(name: str, said: str, *conditions: Any) -> Row[Any]:
    row = db.session.execute(select(_files).where(*conditions)).first()
    if row is None:
        raise Invalid.field(name, f"there is no uploaded file {said[:500]!r}")
    return row
