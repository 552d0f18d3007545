"""How far a look into the history goes: a bounded number of tasks, whatever is asked for.

Of the indexes that could lead to what is asked for, the one is followed whose candidates reach
furthest back; every candidate is held against the rest. Where text is asked for and a short walk
does not fill the page, the index of texts is asked. A look that ends early says where it ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, union_all

from webapp.db import db
from webapp.models import Task
from webapp.queries import search

_tasks = Task.__table__
_seq = _tasks.c.seq

EXAMINED = 6_000
"""Candidates that are held against a filter for one page."""
GLANCED = 2_000
"""Candidates that are read for a text before the index of texts is asked."""
HELD = 2_000
"""Candidates of the index of texts that are held against a filter for one page."""
COMMON = 5_000
"""Candidates that PostgreSQL is asked for at most."""
CLOCK = timedelta(days=1)
"""A clock that was set back by more than this may hide tasks from a look between two times."""
CLOSE = 20_000
INDEXES = {
    "status": "ix_tasks_status",
    "session_id": "ix_tasks_session",
    "flow_id": "ix_tasks_flow",
    "llm_profile_name": "ix_tasks_llm_profile",
    "lane": "ix_tasks_lane",
    "agent": "ix_tasks_agent",
}

Conditions = Sequence[ColumnElement[bool]]


@dataclass(frozen=True)
class Range:
    """Numbers between which is looked, both exclusive; downwards unless ``up``."""

    low: int
    high: int
    up: bool = False

    def to(self, end: int | None) -> list[ColumnElement[bool]]:
        """What lies between where the look begins and its end, inclusive."""
        if end is None:
            return [_seq > self.low, _seq < self.high]
        return [_seq > self.low, _seq <= end] if self.up else [_seq >= end, _seq < self.high]

    @property
    def order(self) -> Any:
        """Nearest to the beginning first."""
        return _seq.asc() if self.up else _seq.desc()

    def further(self, one: int | None, other: int | None) -> bool:
        """Whether a look that ended at ``one`` went further; None is the end of all."""
        if one is None or other is None:
            return one is None and other is not None
        return one > other if self.up else one < other


@dataclass(frozen=True)
class Way:
    """An index to follow: its name, and one condition for each part of it that is asked for."""

    name: str | None
    branches: Conditions = ()

    def reach(self, where: Range, bound: int) -> int | None:
        """The number of the bound-th candidate, or None if there are not so many."""
        if not self.branches:
            end = where.low + bound if where.up else where.high - bound
            return end if where.low < end < where.high else None
        ends = []
        for branch in self.branches:
            query = self.hint(select(_seq)).where(branch, *where.to(None)).order_by(where.order)
            nth = query.offset(bound // len(self.branches)).limit(1)
            ends.append(db.session.execute(nth).scalar_one_or_none())
        known = [end for end in ends if end is not None]
        if not known:
            return None
        return int(min(known) if where.up else max(known))

    def hint(self, query: Select[Any]) -> Select[Any]:
        """Have SQLite follow this index; PostgreSQL knows what its tables hold."""
        if self.name is None:
            return query.with_hint(_tasks, "NOT INDEXED", "sqlite")
        return query.with_hint(_tasks, f"INDEXED BY {self.name}", "sqlite")


@dataclass(frozen=True)
class Asked:
    """Conditions with an index by the column's name, others, and text to be found."""

    indexed: Mapping[str, Conditions]
    others: Conditions = ()
    text: str | None = None

    @property
    def all(self) -> list[ColumnElement[bool]]:
        """Everything that must hold of a task."""
        found = [_any(branches) for branches in self.indexed.values()]
        text = [search.holds(self.text)] if self.text else []
        return [*found, *self.others, *text]


def look(
    columns: Sequence[Any], asked: Asked, where: Range, limit: int
) -> tuple[list[Row[Any]], int | None]:
    """Up to ``limit`` tasks, nearest first, and the last number looked at; None: to the end."""
    bound = GLANCED if asked.text else EXAMINED
    name, way, end = _way(asked, where, bound)
    rows = _follow(columns, asked, (name, way), (where, end), limit)
    if len(rows) == limit or end is None or not asked.text:
        return rows, end
    query = search.candidates(asked.text)
    if query is not None:
        by_text = _by_text(columns, asked, query, where, limit)
        if by_text and (len(by_text[0]) == limit or where.further(by_text[1], end)):
            return by_text
    name, way, end = _way(asked, where, EXAMINED)
    return _follow(columns, asked, (name, way), (where, end), limit), end


def between(since: datetime | None, until: datetime | None) -> tuple[int, int | None]:
    """The numbers between which, both exclusive, lie all tasks that were created then."""
    low, high, at = 0, None, _tasks.c.created_at
    if since is not None:
        first = select(at).where(at >= since).order_by(at).limit(1)
        begin = db.session.execute(first).scalar_one_or_none()
        if begin is None:
            return 0, 1
        close = select(_seq).where(at >= since, at <= begin + CLOCK).order_by(at).limit(CLOSE)
        lowest = select(func.min(close.subquery().c.seq))
        low = int(db.session.execute(lowest).scalar_one()) - 1
    if until is not None:
        last = select(at).where(at < until).order_by(at.desc()).limit(1)
        end = db.session.execute(last).scalar_one_or_none()
        if end is None:
            return 0, 1
        close = select(_seq).where(at < until, at >= end - CLOCK).order_by(at.desc()).limit(CLOSE)
        highest = select(func.max(close.subquery().c.seq))
        high = int(db.session.execute(highest).scalar_one()) + 1
    return low, high


def _way(asked: Asked, where: Range, bound: int) -> tuple[str | None, Way, int | None]:
    """The index whose candidates reach furthest, and how far that is."""
    certain = not asked.text and not asked.others
    if certain and len(asked.indexed) == 1:  # every candidate is a match
        [(only, branches)] = asked.indexed.items()
        return only, Way(INDEXES[only], branches), None
    if certain and not asked.indexed:
        return None, Way(None), None
    best: tuple[str | None, Way, int | None] = (None, Way(None), Way(None).reach(where, bound))
    for name, branches in asked.indexed.items():
        way = Way(INDEXES[name], branches)
        if where.further(reached := way.reach(where, bound), best[2]):
            best = (name, way, reached)
        if reached is None:
            break
    return best


def _follow(
    columns: Sequence[Any],
    asked: Asked,
    by: tuple[str | None, Way],
    until: tuple[Range, int | None],
    limit: int,
) -> list[Row[Any]]:
    (name, way), (where, end) = by, until
    rest = Asked({n: c for n, c in asked.indexed.items() if n != name}, asked.others, asked.text)
    query = way.hint(select(*columns)).where(*rest.all, *where.to(end))
    query = query.order_by(where.order).limit(limit)
    if len(way.branches) <= 1:
        return list(db.session.execute(query.where(*way.branches)))
    parts = [query.where(branch).subquery() for branch in way.branches]
    merged = union_all(*(select(part) for part in parts)).subquery()
    order = merged.c.seq.asc() if where.up else merged.c.seq.desc()
    return list(db.session.execute(select(merged).order_by(order).limit(limit)))


def _by_text(
    columns: Sequence[Any], asked: Asked, query: Select[Any], where: Range, limit: int
) -> tuple[list[Row[Any]], int | None] | None:
    held = _held_sqlite(query, where) if search.is_sqlite() else _held_postgresql(query, where)
    if held is None:
        return None
    chosen = Way(None).hint(select(*columns)).where(_seq.in_(held), *asked.all)
    rows = list(db.session.execute(chosen.order_by(where.order).limit(limit)))
    return rows, held[-1] if len(held) == HELD else None


def _held_sqlite(query: Select[Any], where: Range) -> list[int]:
    """The nearest candidates: the index gives them in their order."""
    number = query.selected_columns.seq
    near = query.where(number > where.low, number < where.high)
    ordered = near.order_by(number.asc() if where.up else number.desc())
    return list(db.session.execute(ordered.limit(HELD)).scalars())


def _held_postgresql(query: Select[Any], where: Range) -> list[int] | None:
    """The nearest candidates, or None where so many hold the text that a walk soon meets them.

    The index gives them in no order, and so all of them.
    """
    found = list(db.session.execute(query.limit(COMMON + 1)).scalars())
    if len(found) > COMMON:
        return None
    inside = (number for number in found if where.low < number < where.high)
    return sorted(inside, reverse=not where.up)[:HELD]


def _any(branches: Conditions) -> ColumnElement[bool]:
    first, *more = branches
    for branch in more:
        first = first | branch
    return first
