"""What people ask of a task. A wish is written down; only the worker makes it come true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from uuid_utils import uuid7

from webapp.db import db, transaction
from webapp.domain.errors import Conflict, Refused
from webapp.domain.receipts import UNREAD, Receipt
from webapp.domain.task_state import ACTIVE, FINAL, Status
from webapp.models import Instruction, Task
from webapp.services import activity, audit, claims, moves
from webapp.services.activity import USER, Entry
from webapp.services.moves import Standing

_tasks = Task.__table__
_instructions = Instruction.__table__

MAX_INSTRUCTIONS = 1_000
"""Instructions waiting to be taken by one run."""

Refuses = Callable[[str, str, dict[str, Any]], str | None]
"""(agent, verb, its settings) -> why that can never work, as a message code; or None."""


@dataclass(frozen=True)
class Accepted:
    """A control that was taken: ``code`` says in which words."""

    task_id: str
    operation: str
    code: str


class NothingToActOn(Refused):
    """No task is active where the control was aimed."""

    code = "no_active_task"


@transaction
def pause(
    task_id: str, *, by: str, reason: str | None, now: datetime, refuses: Refuses
) -> Accepted:
    """Ask the running task to pause; the worker makes it so."""
    task = _active(task_id, "pause")
    if task.status is Status.PAUSED:
        raise Conflict("already_paused")
    _may(task, "pause", refuses)
    if task.wish == "stop":
        raise Conflict("being_stopped")
    want(task, "pause", by, reason, now)
    return Accepted(task_id, "pause", "pause_taken")


@transaction
def resume(task_id: str, *, by: str, reason: str | None, now: datetime) -> Accepted:
    """Ask the paused task to go on, or take back a pause that has not happened yet."""
    task = _active(task_id, "resume")
    wish = task.wish
    if wish == "stop":
        raise Conflict("being_stopped")
    if task.status is Status.RUNNING and wish != "pause":
        raise Conflict("not_paused")
    want(task, "resume", by, reason, now)
    return Accepted(task_id, "resume", "resume_taken")


@transaction
def stop(task_id: str, *, by: str, reason: str | None, now: datetime) -> Accepted:
    """Stop a task: at once while it waits, by its worker once it runs."""
    task = moves.look(task_id)
    if task.status in FINAL:
        raise Conflict("already_final", status=str(task.status), operation="stop")
    if task.status is Status.PENDING:
        claims.cancel(task, by, reason, now)
        audit.note(by, "stop", task_id, now, reason=reason)
        return Accepted(task_id, "stop", "cancelled_between" if task.attempt else "cancelled")
    if task.wish == "stop" and reason is None:
        return Accepted(task_id, "stop", "stop_taken")
    want(task, "stop", by, reason, now)
    return Accepted(task_id, "stop", "stop_taken")


@transaction
def instruct(
    task_id: str,
    text: str,
    *,
    by: str,
    now: datetime,
    refuses: Refuses,
    kind: str = "text",
    reason: str | None = None,
) -> str:
    """Queue an instruction (or the end of the input) for the active run; returns its id."""
    task = _active(task_id, "instruct" if kind == "text" else kind)
    now = task.at(now)
    _may(task, "instruct" if kind == "text" else kind, refuses)
    if task.wish == "stop":
        raise Conflict("being_stopped")
    not_taken = _instructions.c.state.in_(UNREAD)
    waiting, ended = db.session.execute(
        select(
            func.count().filter(not_taken),
            func.count().filter(_instructions.c.kind == "end_input"),
        ).where(_instructions.c.task_id == task_id, _instructions.c.attempt == task.attempt)
    ).one()
    if ended:
        raise Conflict("input_ended")
    if kind == "text" and waiting >= MAX_INSTRUCTIONS:
        raise Conflict("too_many_instructions", limit=MAX_INSTRUCTIONS)
    instruction_id = str(uuid7())
    db.session.execute(
        insert(_instructions).values(
            instruction_id=instruction_id,
            task_id=task_id,
            attempt=task.attempt,
            kind=kind,
            instruction=text,
            state=Receipt.QUEUED,
            created_by=by,
            created_at=now,
        )
    )
    if kind == "text":
        entry = Entry(task_id, task.attempt, USER, "additional_request", text=text)
    else:
        entry = claims.asked(task, "end_input", by, reason)
    activity.append(task.session_id, [entry], now)
    moves.touch(task, now)
    audit.note(by, "instruct" if kind == "text" else kind, task_id, now)
    return instruction_id


def _active(task_id: str, operation: str) -> Standing:
    task = moves.look(task_id)
    if task.status not in ACTIVE:
        code = "not_running_yet" if task.status is Status.PENDING else "already_final"
        raise Conflict(code, status=str(task.status), operation=operation)
    return task


def _may(task: Standing, verb: str, refuses: Refuses) -> None:
    settings = db.session.execute(
        select(_tasks.c.agent_settings).where(_tasks.c.task_id == task.task_id)
    ).scalar_one()
    if (code := refuses(task.agent, verb, settings)) is not None:
        raise Conflict(code, agent=task.agent)


def want(task: Standing, wish: str, by: str, reason: str | None, now: datetime) -> None:
    """Write down what is wished of an active task, for verbs that are in their transaction."""
    entry, now = claims.asked(task, wish, by, reason), task.at(now)
    activity.append(task.session_id, [entry], now)
    moves.touch(task, now, wish=wish, wish_reason=reason, wish_by=by, wish_at=now)
    audit.note(by, wish, task.task_id, now, reason=reason)
