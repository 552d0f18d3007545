"""Upload files, list them, download them, delete them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import request
from flask.typing import ResponseReturnValue
from pydantic import Field

from webapp import clock
from webapp.api.bodies import Answer, Body, answers
from webapp.domain.errors import Invalid
from webapp.domain.messages import sentence
from webapp.doors import receiving, sending
from webapp.doors.intake import check_session_id
from webapp.doors.principal import principal
from webapp.files import listing
from webapp.files.listing import Entry
from webapp.queries import files
from webapp.services import files as verbs

bp = APIBlueprint("api_files", __name__, url_prefix="/api/files", tag="Files")

KNOWN_FIELDS = {"session_id", "csrf_token"}
ANY_KIND = "*/*"
"""What a download is: whatever kind the file is of."""


class UploadedFile(Answer):
    """A file as it is stored."""

    file_id: str
    original_filename: str
    stored_filename: str
    session_id: str
    file_size: int
    mime_type: str
    upload_time: str
    file_path: str


class UploadAnswer(Answer):
    """All files are stored."""

    message: str
    files: list[UploadedFile]
    upload_directory: str


class FileQuery(Body):
    """Which files."""

    session_id: str | None = None
    limit: int = Field(50, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=2**31)


class FilePage(Answer):
    """A page of files, newest first."""

    files: list[UploadedFile]
    total_count: int
    limit: int
    offset: int
    has_more: bool
    session_id: str | None


class DownloadQuery(Body):
    """Which file: an id, or a path."""

    file_id: str | None = None
    file_path: str | None = Field(
        None, description="A whole path, as `file_path` gave it, or one as `path` gave it."
    )
    session_id: str | None = Field(
        None, description="Needed with a path as `path` gave it: it begins in this workspace."
    )


class FileDeleted(Answer):
    """It is gone."""

    message: str
    file_id: str


class SessionFilesQuery(Body):
    """Whether directories are listed, too."""

    include_directories: bool = False


class WorkspaceEntry(Answer):
    """A file or a directory of a workspace; ``path`` begins in the workspace."""

    name: str
    path: str
    size: int
    mime_type: str | None
    modified_time: str
    type: Literal["file", "directory"]


class SessionFiles(Answer):
    """What there is in a workspace; ``truncated`` if that is not all."""

    session_id: str
    files: list[WorkspaceEntry]
    directories: list[WorkspaceEntry]
    total_files: int
    total_directories: int
    truncated: bool


@bp.post("/upload")
@receiving.takes_files
@bp.doc(responses=answers(UploadAnswer, refusals=(400, 409, 413, 415, 507)))
def upload() -> ResponseReturnValue:
    """Store files (multipart field "files") in a session, which is made if none is named."""
    for name in request.form:
        if name not in KNOWN_FIELDS:
            raise Invalid.field(name, "there is no such field")
    session_id = request.form.get("session_id") or None
    if session_id is not None:
        session_id = check_session_id(session_id)
    stored = receiving.store(session_id)
    if stored is None:
        raise Invalid.field("files", "send at least one file")
    code = "uploaded_one" if len(stored.files) == 1 else "uploaded"
    return {
        "message": sentence(code, {"count": len(stored.files)}),
        "files": [files.as_json(row) for row in stored.files],
        "upload_directory": stored.upload_directory,
    }


@bp.get("")
@bp.input(FileQuery, location="query")
@bp.doc(responses=answers(FilePage, refusals=(400,)))
def list_files(query_data: FileQuery) -> ResponseReturnValue:
    """List what was uploaded, newest first."""
    limit, offset, session_id = query_data.limit, query_data.offset, query_data.session_id
    rows = files.page(session_id, limit=limit, offset=offset)
    total = files.count(session_id)
    return {
        "files": [files.as_json(row) for row in rows],
        "total_count": total,
        "limit": limit,
        "offset": offset,
        "has_more": offset + len(rows) < total,
        "session_id": session_id,
    }


@bp.get("/download")
@bp.input(DownloadQuery, location="query")
@bp.doc(responses=answers(None, refusals=(400, 404), kind=ANY_KIND))
def download(query_data: DownloadQuery) -> ResponseReturnValue:
    """Download a file by its id, or by its path in a workspace."""
    if (query_data.file_id is None) == (query_data.file_path is None):
        raise Invalid.field("file_id", "send either file_id or file_path")
    if query_data.file_id is not None:
        return sending.send_upload(query_data.file_id)
    return sending.send_path(query_data.file_path or "", query_data.session_id)


@bp.get("/session/<session_id>")
@bp.input(SessionFilesQuery, location="query")
@bp.doc(responses=answers(SessionFiles, refusals=(400,)))
def session_files(session_id: str, query_data: SessionFilesQuery) -> ResponseReturnValue:
    """List the files in a session's workspace; of an unknown session there are none."""
    workspace = files.workspace(session_id)
    found = listing.look(Path(workspace)) if workspace is not None else listing.Listing()
    shown = found.directories if query_data.include_directories else []
    return {
        "session_id": session_id,
        "files": [_entry(entry, "file") for entry in found.files],
        "directories": [_entry(entry, "directory") for entry in shown],
        "total_files": len(found.files),
        "total_directories": len(found.directories),
        "truncated": found.cut,
    }


@bp.get("/<file_id>")
@bp.doc(responses=answers(None, refusals=(404,), kind=ANY_KIND))
def show(file_id: str) -> ResponseReturnValue:
    """Download an uploaded file."""
    return sending.send_upload(file_id)


@bp.delete("/<file_id>")
@bp.doc(responses=answers(FileDeleted, refusals=(404, 409)))
def delete(file_id: str) -> ResponseReturnValue:
    """Delete an uploaded file, unless a task that is not over was given it."""
    sending.forget(verbs.delete(file_id, by=principal().name, now=clock.now()))
    return {"message": sentence("file_deleted_done", {}), "file_id": file_id}


def _entry(entry: Entry, kind: str) -> dict[str, Any]:
    path = listing.printable(entry.path)
    is_file = kind == "file"
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "size": entry.size if is_file else 0,
        "mime_type": sending.kind_of(path) if is_file else None,
        "modified_time": entry.modified.isoformat(),
        "type": kind,
    }
