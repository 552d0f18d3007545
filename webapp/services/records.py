"""What a run writes down while it works, each time naming its attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from webapp.db import db, transaction
from webapp.models import Task
from webapp.services import activity, moves
from webapp.services.activity import Entry
from webapp.services.news import News, settle

_tasks = Task.__table__


@transaction
def record(task_id: str, attempt: int, news: News, now: datetime) -> None:
    """Append a run's news; raises LostAttempt if the run is not the task's own any more."""
    task = moves.look(task_id, attempt)
    columns = {} if news.progress is None else {"progress": dict(news.progress)}
    if news.entries:
        activity.append(task.session_id, news.entries, now)
    if news.receipts:
        settle(task_id, news.receipts, now)
    moves.touch(task, now, **columns)


@transaction
def paused(task_id: str, attempt: int, now: datetime) -> None:
    """The agent has really stopped working."""
    task = moves.look(task_id, attempt)
    reason = _reason(task_id)
    code = "paused_because" if reason else "paused"
    entry = Entry(
        task_id, attempt, task.agent, "paused", code, {"reason": reason} if reason else {}
    )
    moves.move(task, "pause", now, [entry], pause_reason=reason, **_granted(task_id, "pause"))


@transaction
def resumed(task_id: str, attempt: int, now: datetime) -> None:
    """The agent works again."""
    task = moves.look(task_id, attempt)
    entry = Entry(task_id, attempt, task.agent, "working", "resumed")
    moves.move(task, "resume", now, [entry], pause_reason=None, **_granted(task_id, "resume"))


@transaction
def withdraw(task_id: str, attempt: int, wish: str, now: datetime) -> None:
    """A wish that needs nothing done any more (resumed before it was paused) is taken back."""
    task = moves.look(task_id, attempt)
    moves.touch(task, now, **_granted(task_id, wish))


@transaction
def abandon(task_id: str, attempt: int, now: datetime) -> None:
    """Note that the run's code may go on although the task is about to be closed."""
    task = moves.look(task_id, attempt)
    moves.touch(task, now, abandoned=True)


def _reason(task_id: str) -> str | None:
    row = db.session.execute(
        select(_tasks.c.wish, _tasks.c.wish_reason).where(_tasks.c.task_id == task_id)
    ).one()
    return row.wish_reason if row.wish == "pause" else None


def _granted(task_id: str, wish: str) -> dict[str, Any]:
    """Clear the wish if it is still this one: another may have come in the meantime."""
    now_wished = db.session.execute(
        select(_tasks.c.wish).where(_tasks.c.task_id == task_id)
    ).scalar_one()
    if now_wished != wish:
        return {}
    return {"wish": None, "wish_reason": None, "wish_by": None, "wish_at": None}
