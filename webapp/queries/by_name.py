"""Pages of what is ordered by the names of flows: a page of them at any depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select

from webapp.db import db
from webapp.models import Flow

_flows = Flow.__table__

PAGE = 50
SEARCHED = 20_000
"""Flows that one search looks through; the page says so and offers to look further."""


@dataclass(frozen=True)
class Page:
    """Rows by the names of flows; ``before`` and ``after`` lead on from both ends.

    ``searched_to`` is set where a search ended before the last flow: the name to go on after.
    """

    rows: list[Row[Any]]
    before: str | None = None
    after: str | None = None
    searched_to: str | None = None


def page(
    query: Select[Any], *, before: str | None = None, after: str | None = None, bounded: bool
) -> Page:
    """The first rows, or those whose flows' names come after one or right before one.

    ``bounded``: a row may be hard to find, so the look ends somewhere.
    """
    if before is not None:
        above = query.where(_flows.c.name < before).order_by(_flows.c.name.desc())
        rows = list(db.session.execute(above.limit(PAGE + 1)))
        more, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        return Page(rows, rows[0].name if more else None, rows[-1].name if rows else None)
    if after is not None:
        query = query.where(_flows.c.name > after)
    floor = _floor(after) if bounded else None
    if floor is not None:
        query = query.where(_flows.c.name <= floor)
    rows = list(db.session.execute(query.order_by(_flows.c.name).limit(PAGE + 1)))
    more, rows = len(rows) > PAGE, rows[:PAGE]
    first = None if after is None else rows[0].name if rows else None
    return Page(rows, first, rows[-1].name if more else None, None if more else floor)


def _floor(after: str | None) -> str | None:
    """The last name that a search from there may look at."""
    query = select(_flows.c.name).order_by(_flows.c.name)
    if after is not None:
        query = query.where(_flows.c.name > after)
    return db.session.execute(query.offset(SEARCHED).limit(1)).scalar_one_or_none()
