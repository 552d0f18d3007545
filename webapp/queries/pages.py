"""What the pages of one task read, each bounded whatever there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select

from webapp.db import db
from webapp.domain.errors import NoSuchTask
from webapp.domain.task_state import Status
from webapp.models import Activity, Attempt, Instruction, Lane, Task

_tasks = Task.__table__
_attempts = Attempt.__table__
_lanes = Lane.__table__
_activity = Activity.__table__
_instructions = Instruction.__table__

PLACES = 1_000
ENTRIES = 200
STANDING = ("status", "version", "attempt", "lane", "agent", "session_id", "flow_id")


@dataclass(frozen=True)
class Said:
    """One line of a task's transcript: an entry of the log, or an instruction and its receipt."""

    key: str
    at: datetime
    name: str
    status: str
    text: str
    code: str | None = None
    params: Mapping[str, Any] | None = None
    attempt: int = 0
    receipt: Row[Any] | None = None
    task_id: str = ""
    answer: Said | None = None
    """Of the call of a tool: what it gave back, where the page holds that, too."""


def place(task: Row[Any]) -> int:
    """Where a waiting task stands in its lane, the active one being first; up to a bound."""
    ahead = select(_tasks.c.seq).where(
        _tasks.c.lane == task.lane,
        _tasks.c.status == Status.PENDING,
        or_(
            _tasks.c.priority > task.priority,
            (_tasks.c.priority == task.priority) & (_tasks.c.seq < task.seq),
        ),
    )
    waiting = select(func.count()).select_from(ahead.limit(PLACES).subquery()).scalar_subquery()
    row = db.session.execute(
        select(
            waiting.label("waiting"), (_lanes.c.running + _lanes.c.paused).label("active")
        ).where(_lanes.c.name == task.lane)
    ).one()
    return int(row.waiting + row.active + 1)


def standing(task_id: str) -> Row[Any]:
    """Only what tells whether a page of this task shows it as it is; raises NoSuchTask."""
    row = db.session.execute(
        select(*(_tasks.c[name] for name in STANDING)).where(_tasks.c.task_id == task_id)
    ).one_or_none()
    if row is None:
        raise NoSuchTask(task_id=task_id)
    return row


def attempt(task_id: str, number: int) -> Row[Any] | None:
    """One attempt of a task."""
    return db.session.execute(
        select(_attempts).where(_attempts.c.task_id == task_id, _attempts.c.number == number)
    ).one_or_none()


def lane_version(lane: str) -> int:
    """What changes with everything that happens in a lane."""
    return int(
        db.session.execute(select(_lanes.c.version).where(_lanes.c.name == lane)).scalar_one()
    )


def hold(lane: str) -> Row[Any]:
    """Whether tasks of a lane may begin: its state and why."""
    return db.session.execute(
        select(_lanes.c.name, _lanes.c.state, _lanes.c.state_reason).where(_lanes.c.name == lane)
    ).one()


def transcript(task_id: str, *, before: int | None = None) -> tuple[list[Said], int | None]:
    """The newest lines of a task's log below an index, oldest first, and where older ones end.

    Instructions stand in for the entries that only announce them, for they have receipts.
    """
    query = select(_activity).where(
        _activity.c.task_id == task_id,
        _activity.c.agent_status.not_in(("additional_request", "end_input")),
    )
    if before is not None:
        query = query.where(_activity.c.message_index < before)
    rows = list(
        db.session.execute(query.order_by(_activity.c.message_index.desc()).limit(ENTRIES + 1))
    )
    more, rows = len(rows) > ENTRIES, rows[:ENTRIES][::-1]
    said = [entry(row) for row in rows]
    given = select(_instructions).where(_instructions.c.task_id == task_id)
    if rows and more:
        given = given.where(_instructions.c.created_at >= rows[0].timestamp)
    if before is not None:
        given = given.where(_instructions.c.created_at <= rows[-1].timestamp) if rows else given
    newest = db.session.execute(given.order_by(_instructions.c.seq.desc()).limit(ENTRIES))
    said += [_instruction(row) for row in newest]
    said.sort(key=lambda line: line.at)
    return said, rows[0].message_index if more and rows else None


def entry(row: Row[Any]) -> Said:
    """An entry of a log as a line of a transcript."""
    return Said(
        key=f"m{row.message_index}",
        at=row.timestamp,
        name=row.agent_name,
        status=row.agent_status,
        text=row.agent_msg,
        code=row.code,
        params=row.params,
        attempt=row.attempt,
        task_id=row.task_id,
    )


def _instruction(row: Row[Any]) -> Said:
    return Said(
        key=f"i{row.instruction_id}",
        at=row.created_at,
        name=row.created_by,
        status=row.kind,
        text=row.instruction,
        attempt=row.attempt,
        receipt=row,
        task_id=row.task_id,
    )
