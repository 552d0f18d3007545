"""The history of tasks: what is asked for, a page of it at any depth, and how much there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from webapp.db import db
from webapp.domain.task_state import Status
from webapp.models import Lane, Task, WorkSession
from webapp.queries.board import headline
from webapp.queries.lanes import names_of
from webapp.queries.looking import Asked, Range, between, look

_tasks = Task.__table__
_lanes = Lane.__table__
_sessions = WorkSession.__table__

PAGE = 50
BATCH = 500
END = 2**63 - 1
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
    low, high = between(wanted.since, wanted.until)
    where = Range(max(low, after or 0), min(high or END, before or END), up=after is not None)
    if where.high == END:
        where = replace(where, high=newest_seq() + 1)
    rows, end = look(_tasks.c if whole else LINE, _asked(wanted), where, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if after is not None:
        newer = rows[-1].seq if more else end
        return Page(rows[::-1], rows[0].seq if rows else after + 1, newer)
    newer = None
    if before is not None:
        newer = rows[0].seq if rows else before - 1
    return Page(rows, rows[-1].seq if more else None, newer, None if more else end)


def window(wanted: Filter, *, top: int, bottom: int) -> list[Row[Any]]:
    """The tasks of a page that is being looked at, as they are now."""
    where = Range(max(0, bottom - 1), top + 1)
    return look(LINE, _asked(wanted), where, PAGE)[0]


def newer_than(wanted: Filter, seq: int) -> int:
    """How many matching tasks came after ``seq``, counted up to a bound."""
    where = Range(seq, newest_seq() + 1)
    return len(look((_tasks.c.seq,), _asked(wanted), where, ANNOUNCED + 1)[0])


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
    low, high = between(wanted.since, wanted.until)
    where = Range(low, high or newest_seq() + 1)
    rows, end = look((_tasks.c.seq,), _asked(wanted), where, COUNTED + 1)
    return Count(min(len(rows), COUNTED), exact=len(rows) <= COUNTED and end is None)


def _in_lanes(wanted: Filter) -> int:
    names = wanted.status or tuple(Status)
    query = select(*(_lanes.c[name] for name in set(names)))
    if wanted.lane is not None:
        query = query.where(_lanes.c.name.in_(names_of(wanted.lane)))
    return sum(sum(row) for row in db.session.execute(query))


def _asked(wanted: Filter) -> Asked:
    given = {name: getattr(wanted, name) for name in EQUALS}
    indexed = {
        name: [_tasks.c[name] == value] for name, value in given.items() if value is not None
    }
    if wanted.lane is not None:
        indexed["lane"] = [_tasks.c.lane == name for name in names_of(wanted.lane)]
    if wanted.status:
        indexed["status"] = [_tasks.c.status == name for name in dict.fromkeys(wanted.status)]
    others = []
    if wanted.since is not None:
        others.append(_tasks.c.created_at >= wanted.since)
    if wanted.until is not None:
        others.append(_tasks.c.created_at < wanted.until)
    return Asked(indexed, others, wanted.q or None)
