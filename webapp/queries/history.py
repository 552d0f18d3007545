"""The history of tasks: what is asked for, a page of it at any depth, and how much there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from webapp.db import db
from webapp.models import Lane, Task, WorkSession
from webapp.queries.board import headline

_tasks = Task.__table__
_lanes = Lane.__table__
_sessions = WorkSession.__table__

PAGE = 50
BATCH = 500
SEARCHED = 100_000
"""Tasks that one search looks through; the page says so and offers to look further back."""
ANNOUNCED = 100
"""New tasks that are counted one by one for whoever looks at a page."""
COUNTED = 1_000
"""Tasks that are counted where no counter is kept; beyond that it is "1,000+"."""
EQUALS = ("session_id", "flow_id", "llm_profile_name", "lane", "agent")

LINE = (
    _tasks.c.seq,
    _tasks.c.task_id,
    headline,
    _tasks.c.status,
    _tasks.c.wish,
    _tasks.c.agent,
    _tasks.c.session_id,
    _tasks.c.flow_id,
    _tasks.c.lane,
    _tasks.c.attempt,
    _tasks.c.created_at,
    _tasks.c.started_at,
    _tasks.c.completed_at,
)


@dataclass(frozen=True)
class Filter:
    """Which tasks are asked for: all that is given must hold; of several statuses, one."""

    status: tuple[str, ...] = ()
    session_id: str | None = None
    flow_id: str | None = None
    llm_profile_name: str | None = None
    lane: str | None = None
    agent: str | None = None
    q: str | None = None
    """Text that the description contains, in any case."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Page:
    """Tasks, newest first. ``older`` and ``newer`` are the cursors to go on with.

    ``searched_to`` is set where the look ended before the first task: the seq to go on below.
    """

    rows: list[Row[Any]]
    older: int | None = None
    newer: int | None = None
    searched_to: int | None = None


@dataclass(frozen=True)
class Count:
    """How many there are; where it is not ``exact``, there are at least so many."""

    number: int
    exact: bool


def page(
    wanted: Filter,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
    whole: bool = False,
) -> Page:
    """The tasks below seq ``before``, or right above ``after``, or the newest.

    A line of each as lists show it, or the ``whole`` row.
    """
    query = select(*(_tasks.c if whole else LINE)).where(*_conditions(wanted))
    if after is not None:
        newest_last = query.where(_tasks.c.seq > after).order_by(_tasks.c.seq).limit(limit + 1)
        rows = list(db.session.execute(newest_last))
        more, rows = len(rows) > limit, rows[:limit][::-1]
        older = rows[-1].seq if rows else after + 1
        return Page(rows, older, rows[0].seq if more and rows else None)
    if before is not None:
        query = query.where(_tasks.c.seq < before)
    floor = None
    if wanted.q or wanted.agent:
        floor = max(0, (before or newest_seq() + 1) - SEARCHED)
        query = query.where(_tasks.c.seq >= floor)
    rows = list(db.session.execute(query.order_by(_tasks.c.seq.desc()).limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    newer = None
    if before is not None:
        newer = rows[0].seq if rows else before - 1
    return Page(rows, rows[-1].seq if more else None, newer, floor if floor and not more else None)


def window(wanted: Filter, *, top: int, bottom: int) -> list[Row[Any]]:
    """The tasks of a page that is being looked at, as they are now."""
    query = select(*LINE).where(*_conditions(wanted))
    query = query.where(_tasks.c.seq <= top, _tasks.c.seq >= bottom)
    return list(db.session.execute(query.order_by(_tasks.c.seq.desc()).limit(PAGE)))


def newer_than(wanted: Filter, seq: int) -> int:
    """How many matching tasks came after ``seq``, counted up to a bound."""
    return _counted([*_conditions(wanted), _tasks.c.seq > seq], ANNOUNCED + 1)


def newest_seq() -> int:
    """The number of the newest task; 0 if there is none."""
    return int(db.session.execute(select(func.max(_tasks.c.seq))).scalar_one() or 0)


def walk(wanted: Filter) -> Iterator[Row[Any]]:
    """Every matching task, newest first, in short reads: nothing is held while a client is slow."""
    before: int | None = None
    while True:
        found = page(wanted, before=before, limit=BATCH, whole=True)
        db.session.close()
        yield from found.rows
        before = found.older or found.searched_to
        if before is None:
            return


def count(wanted: Filter) -> Count:
    """How many tasks match: from the kept counters, or counted up to a bound."""
    given = {name for name, value in vars(wanted).items() if value not in (None, "", ())}
    if given <= {"status", "lane"}:
        return Count(_in_lanes(wanted), exact=True)
    if given == {"session_id"}:
        kept = select(_sessions.c.task_count).where(_sessions.c.session_id == wanted.session_id)
        return Count(db.session.execute(kept).scalar_one_or_none() or 0, exact=True)
    number = _counted(_conditions(wanted), COUNTED + 1)
    return Count(min(number, COUNTED), exact=number <= COUNTED)


def _in_lanes(wanted: Filter) -> int:
    names = wanted.status or ("pending", "running", "paused", "completed", "failed", "stopped")
    query = select(*(_lanes.c[name] for name in set(names)))
    if wanted.lane is not None:
        query = query.where(_lanes.c.name == wanted.lane)
    return sum(sum(row) for row in db.session.execute(query))


def _counted(conditions: list[ColumnElement[bool]], bound: int) -> int:
    bounded = select(_tasks.c.seq).where(*conditions).limit(bound).subquery()
    return int(db.session.execute(select(func.count()).select_from(bounded)).scalar_one())


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found = [
        _tasks.c[name] == value for name in EQUALS if (value := getattr(wanted, name)) is not None
    ]
    if wanted.status:
        found.append(_tasks.c.status.in_(wanted.status))
    if wanted.q:
        found.append(_tasks.c.task_description.icontains(wanted.q, autoescape=True))
    if wanted.since is not None:
        found.append(_tasks.c.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(_tasks.c.created_at < wanted.until)
    return found
