"""Many tasks at once, by their ids: what somebody is about to act on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select

from webapp.db import db
from webapp.models import Task
from webapp.queries.board import headline

_tasks = Task.__table__

MOST = 1_000
"""Tasks that one request acts on."""
_CHUNK = 500

_NAMED = select(_tasks.c.seq, _tasks.c.task_id, _tasks.c.status, headline).where(
    _tasks.c.task_id.in_(bindparam("task_ids", expanding=True))
)


def named(task_ids: Sequence[str]) -> list[Row[Any]]:
    """Number, id, status and first line of those of these tasks that exist, newest first."""
    found: list[Row[Any]] = []
    for start in range(0, len(task_ids), _CHUNK):
        found += db.session.execute(_NAMED, {"task_ids": list(task_ids[start : start + _CHUNK])})
    return sorted(found, key=lambda row: row.seq, reverse=True)
