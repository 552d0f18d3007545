"""What the runtime needs to read: the wishes for a run, what waits, and who runs what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, func, select

from webapp.db import DatabaseTime, db
from webapp.domain.receipts import Receipt
from webapp.domain.runner import Identity
from webapp.domain.task_state import Status
from webapp.models import Instruction, Runner, Task
from webapp.models.tasks import is_active, is_pending

_tasks = Task.__table__
_runners = Runner.__table__
_instructions = Instruction.__table__


# Every run asks this eight times a second: it is built once.
_WISHES = (
    select(
        _tasks.c.status,
        _tasks.c.wish,
        _instructions.c.seq,
        _instructions.c.instruction_id,
        _instructions.c.instruction,
        _instructions.c.kind,
    )
    .outerjoin(
        _instructions,
        and_(
            _instructions.c.task_id == _tasks.c.task_id,
            _instructions.c.attempt == _tasks.c.attempt,
            _instructions.c.state == Receipt.QUEUED,
            _instructions.c.seq > bindparam("after"),
        ),
    )
    .where(
        _tasks.c.task_id == bindparam("task_id"),
        _tasks.c.attempt == bindparam("attempt"),
        is_active(_tasks),
    )
    .order_by(_instructions.c.seq)
)


@dataclass(frozen=True)
class Wishes:
    """What is asked of an attempt that is under way."""

    status: Status
    wish: str | None
    instructions: Sequence[tuple[int, str, str, str]]
    """Queued ones, oldest first: (number, id, text, kind)."""


@dataclass(frozen=True)
class ActiveRun:
    """An attempt that is under way, and its runner (None: the database does not know it)."""

    task_id: str
    attempt: int
    runner: Identity | None
    heartbeat_at: datetime | None
    at: datetime | None
    """What time it was then by a database that several machines share."""


def wishes(task_id: str, attempt: int, *, after: int = 0) -> Wishes | None:
    """What is asked of this attempt, or None if it is not the task's running one any more.

    Instructions up to number ``after`` are in the agent's hands already.
    """
    asked_of = {"task_id": task_id, "attempt": attempt, "after": after}
    rows = db.session.execute(_WISHES, asked_of).all()
    if not rows:
        return None
    asked = [(r.seq, r.instruction_id, r.instruction, r.kind) for r in rows if r.instruction_id]
    return Wishes(Status(rows[0].status), rows[0].wish, asked)


def active_runs() -> list[ActiveRun]:
    """Every attempt under way and who has it, for the one who looks for the dead."""
    rows = db.session.execute(
        select(_tasks.c.task_id, _tasks.c.attempt, _runners, DatabaseTime().label("at"))
        .outerjoin(_runners, _runners.c.runner_id == _tasks.c.runner_id)
        .where(is_active(_tasks))
    ).all()
    return [ActiveRun(r.task_id, r.attempt, _identity(r), r.heartbeat_at, r.at) for r in rows]


def next_due(lane: str, now: datetime) -> datetime | None:
    """When the first waiting task of the lane that may not start yet may start."""
    return db.session.execute(
        select(func.min(_tasks.c.not_before)).where(
            _tasks.c.lane == lane, is_pending(_tasks), _tasks.c.not_before > now
        )
    ).scalar_one_or_none()


def oldest_waiting() -> datetime | None:
    """Since when the task has waited that has waited longest."""
    return db.session.execute(
        select(_tasks.c.created_at).where(is_pending(_tasks)).order_by(_tasks.c.seq).limit(1)
    ).scalar_one_or_none()


def _identity(row: object) -> Identity | None:
    found = row._mapping  # type: ignore[attr-defined]
    if found["runner_id"] is None:
        return None
    return Identity(
        found["runner_id"], found["host"], found["boot_id"], found["pid"], found["pid_started"]
    )
