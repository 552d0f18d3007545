"""Sessions as lists and their own pages show them; one that was deleted is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, literal, or_, select, tuple_

from webapp.db import UtcDateTime, db
from webapp.domain.errors import NoSuchSession
from webapp.models import Activity, Lane, Task, WorkSession
from webapp.models.tasks import is_active, is_open, is_pending
from webapp.queries.board import headline

_sessions = WorkSession.__table__
_tasks = Task.__table__
_activity = Activity.__table__
_lanes = Lane.__table__

PAGE = 50
SEARCHED = 20_000
"""Sessions that one search looks through; the page says so and offers to look further back."""
ANNOUNCED = 100
PENDING_COUNTED = 1_000
PENDING_SHOWN = 12

_there = _sessions.c.deleted_at.is_(None)
_place = tuple_(_sessions.c.last_activity, _sessions.c.session_id)
_by_place = (_sessions.c.last_activity.desc(), _sessions.c.session_id.desc())

_FIND = select(_sessions).where(_sessions.c.session_id == bindparam("session_id"), _there)
_of_session = _tasks.c.session_id == _sessions.c.session_id
_active = select(func.coalesce(func.sum(_tasks.c.version), 0)).where(_of_session, is_active(_tasks))
_riding = select(func.min(_tasks.c.status)).where(_of_session, is_active(_tasks))
_open = select(_tasks.c.seq).where(_of_session, is_open(_tasks))
_taken = select(func.sum(_lanes.c.pending + _lanes.c.running + _lanes.c.paused))
_PULSE = select(
    _sessions.c.task_count,
    _sessions.c.activity_count,
    _sessions.c.status,
    _sessions.c.last_activity,
    _active.scalar_subquery().label("active"),
    _riding.scalar_subquery().label("riding"),
    _open.exists().label("open"),
    _taken.scalar_subquery().label("taken"),
).where(_sessions.c.session_id == bindparam("session_id"), _there)


@dataclass(frozen=True)
class Place:
    """Where a session stands in the list: the cursor of pages of it."""

    last_activity: datetime
    session_id: str


@dataclass(frozen=True)
class Page:
    """Sessions, last active first. ``older`` and ``newer`` are the cursors to go on with.

    ``searched_to`` is set where a search ended before the first session: the place to go on below.
    """

    rows: list[Row[Any]]
    older: Place | None = None
    newer: Place | None = None
    searched_to: Place | None = None


@dataclass(frozen=True)
class Part:
    """Some of a conversation, oldest first, and those of its tasks that are there, by id."""

    entries: list[Row[Any]]
    tasks: dict[str, Row[Any]]


def find(session_id: str) -> Row[Any]:
    """Every column of one session; raises NoSuchSession."""
    row = db.session.execute(_FIND, {"session_id": session_id}).one_or_none()
    if row is None:
        raise NoSuchSession(session_id=session_id)
    return row


def pulse(session_id: str) -> Row[Any]:
    """What changes with everything a page of a session shows; raises NoSuchSession.

    ``riding`` is the status of what is active in it, ``open`` whether anything runs or waits, and
    ``taken`` how much does in all lanes.
    """
    row = db.session.execute(_PULSE, {"session_id": session_id}).one_or_none()
    if row is None:
        raise NoSuchSession(session_id=session_id)
    return row


def page(q: str = "", *, before: Place | None = None, after: Place | None = None) -> Page:
    """The sessions that were active before a place, or right after one, or last."""
    query = select(_sessions).where(_there, *_matching(q))
    if after is not None:
        ascending = (_sessions.c.last_activity, _sessions.c.session_id)
        above = query.where(_place > _bound(after)).order_by(*ascending).limit(PAGE + 1)
        rows = list(db.session.execute(above))
        more, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        older = place(rows[-1]) if rows else after
        return Page(rows, older, place(rows[0]) if more and rows else None)
    if before is not None:
        query = query.where(_place < _bound(before))
    floor = _floor(before) if q else None
    if floor is not None:
        query = query.where(_place >= _bound(floor))
    rows = list(db.session.execute(query.order_by(*_by_place).limit(PAGE + 1)))
    more, rows = len(rows) > PAGE, rows[:PAGE]
    newer = (place(rows[0]) if rows else before) if before is not None else None
    return Page(rows, place(rows[-1]) if more else None, newer, None if more else floor)


def these(session_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Some sessions by their ids, as they are now."""
    query = select(_sessions).where(_there, _sessions.c.session_id.in_(session_ids[:PAGE]))
    return {row.session_id: row for row in db.session.execute(query)}


def newer_than(q: str, top: Place, besides: Sequence[str]) -> int:
    """How many other matching sessions were active after a place, counted up to a bound."""
    others = _sessions.c.session_id.not_in(besides[:PAGE])
    above = select(_sessions.c.session_id).where(_there, *_matching(q), others)
    bounded = above.where(_place > _bound(top)).limit(ANNOUNCED + 1).subquery()
    return int(db.session.execute(select(func.count()).select_from(bounded)).scalar_one())


def place(row: Row[Any]) -> Place:
    """Where a session stands in the list."""
    return Place(row.last_activity, row.session_id)


def conversation(session_id: str, first: int, end: int) -> Part:
    """The entries of a session's log from ``first`` up to, not with, ``end``, and their tasks."""
    index = _activity.c.message_index
    query = select(_activity).where(
        _activity.c.session_id == session_id, index >= first, index < end
    )
    entries = list(db.session.execute(query.order_by(index)))
    return Part(entries, _tasks_of(entries))


def waiting(session_id: str) -> tuple[list[Row[Any]], int]:
    """The first few tasks of a session that wait, oldest first, and how many there are."""
    mine = (_tasks.c.session_id == session_id, is_open(_tasks), is_pending(_tasks))
    query = select(_tasks.c.task_id, headline, _tasks.c.status, _tasks.c.wish, _tasks.c.created_at)
    first = query.where(*mine).order_by(_tasks.c.seq).limit(PENDING_SHOWN)
    rows: Sequence[Any] = db.session.execute(first).all()
    if len(rows) < PENDING_SHOWN:
        return list(rows), len(rows)
    bounded = select(_tasks.c.seq).where(*mine).limit(PENDING_COUNTED).subquery()
    return list(rows), db.session.execute(select(func.count()).select_from(bounded)).scalar_one()


def newest_agent(session_id: str) -> str | None:
    """Who did the newest task."""
    query = select(_tasks.c.agent).where(_tasks.c.session_id == session_id)
    return db.session.execute(query.order_by(_tasks.c.seq.desc()).limit(1)).scalar_one_or_none()


def deleted() -> list[str]:
    """The sessions that are marked as deleted, and of which something may be left."""
    query = select(_sessions.c.session_id).where(_sessions.c.deleted_at.is_not(None))
    return list(db.session.execute(query.order_by(_sessions.c.deleted_at)).scalars())


def some_tasks(session_id: str, limit: int) -> list[str]:
    """The ids of a few tasks of a session that is marked as deleted."""
    query = select(_tasks.c.task_id).join(_sessions, _of_session)
    marked = query.where(_tasks.c.session_id == session_id, _sessions.c.deleted_at.is_not(None))
    return list(db.session.execute(marked.order_by(_tasks.c.seq).limit(limit)).scalars())


def _tasks_of(entries: Sequence[Row[Any]]) -> dict[str, Row[Any]]:
    columns = ("task_id", "status", "wish", "agent", "submitted_by", "started_at", "completed_at")
    query = select(headline, *(_tasks.c[name] for name in columns))
    about = _tasks.c.task_id.in_(sorted({entry.task_id for entry in entries}))
    return {row.task_id: row for row in db.session.execute(query.where(about))}


def _bound(at: Place) -> Any:
    return tuple_(literal(at.last_activity, UtcDateTime()), literal(at.session_id))


def _matching(q: str) -> list[Any]:
    if not q:
        return []
    named = _sessions.c.session_id.icontains(q, autoescape=True)
    return [or_(named, _sessions.c.title.icontains(q, autoescape=True))]


def _floor(before: Place | None) -> Place | None:
    """The last place that a search from there may look at."""
    query = select(_sessions.c.last_activity, _sessions.c.session_id)
    if before is not None:
        query = query.where(_place < _bound(before))
    row = db.session.execute(query.order_by(*_by_place).offset(SEARCHED).limit(1)).one_or_none()
    return None if row is None else Place(row.last_activity, row.session_id)
