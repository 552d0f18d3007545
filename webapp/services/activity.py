"""Appends to a session's log, for verbs that are already in their transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, insert, select, update

from webapp.db import db
from webapp.domain.messages import sentence
from webapp.domain.policies import cut
from webapp.models import Activity, WorkSession

_sessions = WorkSession.__table__
_activity = Activity.__table__

# Built once, as in moves.py.
_of_session = _sessions.c.session_id == bindparam("of_session")
_LAST = (
    select(_sessions.c.activity_count, _sessions.c.last_entry).where(_of_session).with_for_update()
)
_WRITE = insert(_activity)
_APPENDED = update(_sessions).where(_of_session)
_MOVED = _APPENDED.values(
    status=case(
        (_sessions.c.newest_task_id == bindparam("of_task"), bindparam("task_status")),
        else_=_sessions.c.status,
    )
)

USER = "user"
SYSTEM = "lineup"


@dataclass(frozen=True)
class Entry:
    """One thing that happened: who, in which state, and what, as a code or in plain words."""

    task_id: str
    attempt: int
    name: str
    status: str
    code: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None

    @property
    def message(self) -> str:
        """The English text that is stored."""
        return cut(self.text if self.text is not None else sentence(self.code or "", self.params))

    @property
    def digest(self) -> str:
        """Equal for entries that would look alike beside each other."""
        alike = "\0".join((self.name, self.status, self.message))
        return hashlib.sha256(alike.encode("utf-8", "surrogatepass")).hexdigest()


def append(
    session_id: str,
    entries: Sequence[Entry],
    now: datetime,
    *,
    moved: tuple[str, str] | None = None,
) -> None:
    """Write entries at the end of the session's log.

    ``moved`` is the id and new status of the task that moved, which becomes the session's own
    status if no newer task is in it.
    An entry equal to its neighbour is left out; where it belongs to another task, and so says
    something new, it is told apart by that task's id.
    """
    session = db.session.execute(_LAST, {"of_session": session_id}).one()
    last_task, last = (session.last_entry or ":").split(":", 1)
    rows: list[dict[str, Any]] = []
    for entry in entries:
        digest = entry.digest
        if digest == last:
            if entry.task_id == last_task:
                continue
            entry = replace(entry, code=None, text=f"{entry.message} (task {entry.task_id})")
            digest = entry.digest
        rows.append(_row(session_id, session.activity_count + len(rows), entry, now))
        last_task, last = entry.task_id, digest
    if rows:
        db.session.execute(_WRITE, rows)
    values = {
        "of_session": session_id,
        "activity_count": session.activity_count + len(rows),
        "last_entry": f"{last_task}:{last}",
        "last_activity": now,
    }
    if moved is None:
        db.session.execute(_APPENDED, values)
    else:
        task_id, status = moved
        db.session.execute(_MOVED, {**values, "of_task": task_id, "task_status": status})


def _row(session_id: str, index: int, entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "message_index": index,
        "task_id": entry.task_id,
        "attempt": entry.attempt,
        "agent_name": entry.name,
        "agent_status": entry.status,
        "agent_msg": entry.message,
        "code": entry.code,
        "params": dict(entry.params) or None,
        "timestamp": now,
    }
