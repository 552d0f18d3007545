"""What the history and the pages of one task read, each bounded whatever there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, or_, select

from webapp.db import db
from webapp.domain.errors import NoSuchTask
from webapp.domain.task_state import Status
from webapp.models import Activity, Attempt, Instruction, Lane, Task
from webapp.queries.board import headline

_tasks = Task.__table__
_attempts = Attempt.__table__
_lanes = Lane.__table__
_activity = Activity.__table__
_instructions = Instruction.__table__

PAGE = 50
SEARCHED = 100_000
"""Tasks that one search looks through; the page says so and offers to look further back."""
COUNTED = 100
PLACES = 1_000
ENTRIES = 200

_LINE = (
    _tasks.c.seq,
    _tasks.c.task_id,
    headline,
    _tasks.c.status,
    _tasks.c.wish,
    _tasks.c.agent,
    _tasks.c.session_id,
    _tasks.c.lane,
    _tasks.c.attempt,
    _tasks.c.created_at,
    _tasks.c.started_at,
    _tasks.c.completed_at,
)


@dataclass(frozen=True)
class History:
    """A page of tasks, newest first. ``older`` and ``newer`` are the cursors to go on with.

    ``searched_to`` is set where a search ended before the first task: the seq to go on below.
    """

    rows: list[Row[Any]]
    older: int | None
    newer: int | None
    searched_to: int | None = None


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


def history(
    filters: Mapping[str, str], *, before: int | None = None, after: int | None = None
) -> History:
    """The tasks below ``before``, or right above ``after``, or the newest."""
    query = _narrowed(select(*_LINE), filters)
    floor = None
    if after is not None:
        newest_last = query.where(_tasks.c.seq > after).order_by(_tasks.c.seq).limit(PAGE + 1)
        rows = list(db.session.execute(newest_last))
        more, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        older = rows[-1].seq if rows else after + 1
        return History(rows, older, rows[0].seq if more and rows else None)
    if before is not None:
        query = query.where(_tasks.c.seq < before)
    if _is_a_search(filters):
        top = before or newest_seq() + 1
        floor = max(0, top - SEARCHED)
        query = query.where(_tasks.c.seq >= floor)
    rows = list(db.session.execute(query.order_by(_tasks.c.seq.desc()).limit(PAGE + 1)))
    more, rows = len(rows) > PAGE, rows[:PAGE]
    newer = None
    if before is not None:
        newer = rows[0].seq if rows else before - 1
    searched_to = floor if floor and not more else None
    return History(rows, rows[-1].seq if more else None, newer, searched_to)


def window(filters: Mapping[str, str], *, top: int, bottom: int) -> list[Row[Any]]:
    """The tasks of a page that is being looked at, as they are now."""
    query = _narrowed(select(*_LINE), filters)
    query = query.where(_tasks.c.seq <= top, _tasks.c.seq >= bottom)
    return list(db.session.execute(query.order_by(_tasks.c.seq.desc()).limit(PAGE)))


def newer_than(filters: Mapping[str, str], seq: int) -> int:
    """How many matching tasks came after ``seq``, counted up to a bound."""
    query = _narrowed(select(_tasks.c.seq), filters).where(_tasks.c.seq > seq)
    bounded = query.limit(COUNTED + 1).subquery()
    return int(db.session.execute(select(func.count()).select_from(bounded)).scalar_one())


def newest_seq() -> int:
    """The number of the newest task; 0 if there is none."""
    return int(db.session.execute(select(func.max(_tasks.c.seq))).scalar_one() or 0)


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
        select(_tasks.c.status, _tasks.c.version, _tasks.c.attempt, _tasks.c.lane).where(
            _tasks.c.task_id == task_id
        )
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
    said = [_entry(row) for row in rows]
    given = select(_instructions).where(_instructions.c.task_id == task_id)
    if rows and more:
        given = given.where(_instructions.c.created_at >= rows[0].timestamp)
    if before is not None:
        given = given.where(_instructions.c.created_at <= rows[-1].timestamp) if rows else given
    newest = db.session.execute(given.order_by(_instructions.c.seq.desc()).limit(ENTRIES))
    said += [_instruction(row) for row in newest]
    said.sort(key=lambda line: line.at)
    return said, rows[0].message_index if more and rows else None


def _entry(row: Row[Any]) -> Said:
    return Said(
        key=f"m{row.message_index}",
        at=row.timestamp,
        name=row.agent_name,
        status=row.agent_status,
        text=row.agent_msg,
        code=row.code,
        params=row.params,
        attempt=row.attempt,
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
    )


def _narrowed(query: Select[Any], filters: Mapping[str, str]) -> Select[Any]:
    for name in ("status", "session_id", "agent"):
        if value := filters.get(name):
            query = query.where(_tasks.c[name] == value)
    if text := filters.get("q"):
        query = query.where(_tasks.c.task_description.icontains(text, autoescape=True))
    return query


def _is_a_search(filters: Mapping[str, str]) -> bool:
    """Whether no index leads to what is asked for, so that a look may be long."""
    return bool(filters.get("q") or filters.get("agent"))
