"""The files of a session, as its own page and those of its tasks show them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from sqlalchemy import Row

from webapp import clock
from webapp.domain.errors import Invalid
from webapp.doors import receiving, sending
from webapp.doors.principal import principal
from webapp.files import listing
from webapp.files.listing import Entry
from webapp.queries import files, sessions, tasks
from webapp.services import files as verbs
from webapp.web import sessions as session_pages
from webapp.web import tasks as task_pages
from webapp.web.addresses import is_local_path
from webapp.web.fragments import is_fragment

bp = Blueprint("files", __name__)

SHOWN = 200


@dataclass(frozen=True)
class Files:
    """What a page shows of a session's files; ``back`` is that page."""

    session_id: str
    back: str
    uploads: list[Row[Any]]
    uploaded: int
    made: list[Entry]
    cut: bool
    given: frozenset[str] = frozenset()
    """The uploads that the task of the page was given."""


@bp.get("/tasks/<task_id>/files")
def of_task(task_id: str) -> ResponseReturnValue:
    """What the session of a task has, and which of it the task was given."""
    row = tasks.find(task_id)
    given = frozenset(file["file_id"] for file in row.upload_files or ())
    found = look(row.session_id, url_for(".of_task", task_id=task_id), given)
    return task_pages.page(row, "files", files=found)


@bp.get("/sessions/<session:session_id>/files")
def of_session(session_id: str) -> ResponseReturnValue:
    """What was uploaded to a session, and what its tasks made."""
    row = sessions.find(session_id)
    found = look(session_id, url_for(".of_session", session_id=session_id))
    return session_pages.page(row, "files", files=found)


@bp.post("/sessions/<session:session_id>/files")
@receiving.takes_files
def upload(session_id: str) -> ResponseReturnValue:
    """Store files in this session."""
    sessions.find(session_id)
    stored = receiving.store(session_id)
    if stored is None:
        raise Invalid.field("files", gettext("choose a file first"))
    count = len(stored.files)
    flash(ngettext("%(num)s file is uploaded.", "%(num)s files are uploaded.", count), "done")
    return _back(session_id)


@bp.get("/sessions/<session:session_id>/files/download")
def download(session_id: str) -> ResponseReturnValue:
    """A file of the workspace, by its path within it."""
    return sending.send_path(request.args.get("path", "").lstrip("/"), session_id)


@bp.get("/files/<file_id>/ask/delete")
def ask(file_id: str) -> ResponseReturnValue:
    """Ask once, and name what goes."""
    template = "files/_ask.html" if is_fragment() else "files/ask.html"
    back = request.args.get("back", "")
    back = back if is_local_path(back) else ""
    return render_template(template, active="sessions", file=files.find(file_id), back=back)


@bp.post("/files/<file_id>/delete")
def delete(file_id: str) -> ResponseReturnValue:
    """Delete an uploaded file."""
    row = files.find(file_id)
    sending.forget(verbs.delete(file_id, by=principal().name, now=clock.now()))
    flash(gettext("“%(name)s” is deleted.", name=row.original_filename), "done")
    return _back(row.session_id)


def look(session_id: str, back: str, given: frozenset[str] = frozenset()) -> Files:
    """The newest uploads of a session, and the newest files of its workspace besides them."""
    workspace = files.workspace(session_id)
    found = listing.look(Path(workspace)) if workspace is not None else listing.Listing()
    uploads = files.page(session_id, limit=SHOWN)
    known = {f"uploads/{row.stored_filename}" for row in uploads}
    made = sorted(
        (entry for entry in found.files if entry.path not in known),
        key=lambda entry: entry.modified,
        reverse=True,
    )
    cut = found.cut or len(made) > SHOWN
    return Files(session_id, back, uploads, files.count(session_id), made[:SHOWN], cut, given)


def _back(session_id: str) -> ResponseReturnValue:
    back = request.form.get("back", "")
    if not is_local_path(back):
        back = url_for(".of_session", session_id=session_id)
    return redirect(back, 303)
