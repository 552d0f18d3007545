"""The session something belongs to: the one that is named, or a new one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import bindparam, insert, select, update
from uuid_utils import uuid7

from webapp.db import db
from webapp.domain.errors import Conflict
from webapp.domain.policies import MAX_TITLE, workspace_name
from webapp.models import WorkSession

_sessions = WorkSession.__table__

_SESSION = (
    select(_sessions.c.workspace_dir, _sessions.c.deleted_at, _sessions.c.title)
    .where(_sessions.c.session_id == bindparam("session"))
    .with_for_update()  # nobody deletes it before what comes is in
)
_NEW_SESSION = insert(_sessions)


def workspace_of(
    session_id: str | None, workspaces: Path, now: datetime, *, about: str | None = None
) -> tuple[str, str]:
    """A session's id and workspace, for verbs that are in their transaction already.

    ``about`` is what its first task is to do; a session that was made for files has no task yet.
    """
    title = about[:MAX_TITLE] if about is not None else None
    if session_id is None:
        session_id = str(uuid7())
    else:
        found = db.session.execute(_SESSION, {"session": session_id}).one_or_none()
        if found is not None:
            if found.deleted_at is not None:
                raise Conflict("session_being_deleted", session_id=session_id)
            if found.title is None and title is not None:
                same = _sessions.c.session_id == session_id
                db.session.execute(update(_sessions).where(same).values(title=title))
            return session_id, found.workspace_dir
    workspace = str(workspaces / workspace_name(session_id))
    values = {"session_id": session_id, "workspace_dir": workspace, "created_at": now}
    first = {"title": title, "last_activity": now, "task_count": 0, "activity_count": 0}
    db.session.execute(_NEW_SESSION, {**values, **first})
    return session_id, workspace
