"""What a run writes down while it works, each time naming its attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from webapp.db import transaction
from webapp.services import activity, moves
from webapp.services.activity import Entry
from webapp.services.moves import Standing
from webapp.services.news import News, settle


@transaction
def record(task_id: str, attempt: int, news: News, now: datetime) -> None:
    """Append a run's news; raises LostAttempt if the run is not the task's own any more."""
    task = moves.look(task_id, attempt)
    now = task.at(now)
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
    reason = task.wish_reason if task.wish == "pause" else None
    code = "paused_because" if reason else "paused"
    entry = Entry(
        task_id, attempt, task.agent, "paused", code, {"reason": reason} if reason else {}
    )
    moves.move(task, "pause", now, [entry], pause_reason=reason, **_granted(task, "pause"))


@transaction
def resumed(task_id: str, attempt: int, now: datetime) -> None:
    """The agent works again."""
    task = moves.look(task_id, attempt)
    entry = Entry(task_id, attempt, task.agent, "working", "resumed")
    moves.move(task, "resume", now, [entry], pause_reason=None, **_granted(task, "resume"))


@transaction
def withdraw(task_id: str, attempt: int, wish: str, now: datetime) -> None:
    """A wish that needs nothing done any more (resumed before it was paused) is taken back."""
    task = moves.look(task_id, attempt)
    moves.touch(task, now, **_granted(task, wish))


@transaction
def abandon(task_id: str, attempt: int, now: datetime) -> None:
    """Note that the run's code may go on although the task is about to be closed."""
    task = moves.look(task_id, attempt)
    moves.touch(task, now, abandoned=True)


def _granted(task: Standing, wish: str) -> dict[str, Any]:
    """Clear the wish if it is still this one: another may have come in the meantime."""
    if task.wish != wish:
        return {}
    return {"wish": None, "wish_reason": None, "wish_by": None, "wish_at": None}
