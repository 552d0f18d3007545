"""Lanes as they are shown, who must look after them, and the names that lead to their history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, select

from webapp.db import db
from webapp.domain.errors import NotFound
from webapp.models import Flow, Lane, Task
from webapp.queries.board import DETAILED

_lanes = Lane.__table__
_flows = Flow.__table__
_tasks = Task.__table__

_live = _lanes.c.deleted_at.is_(None)
_LIVE = select(_lanes.c.name, _lanes.c.created_at).where(_live).order_by(_lanes.c.created_at)
_EXISTS = select(_lanes.c.name).where(_lanes.c.name == bindparam("lane"), _live)
_ALIASES = select(_lanes.c.name).where(_lanes.c.renamed_to == bindparam("lane"))


def all_of() -> Sequence[Row[Any]]:
    """Every lane with its state, its counts, how many flows name it, and its active task."""
    flows = select(func.count()).where(_flows.c.lane == _lanes.c.name).scalar_subquery()
    return list(db.session.execute(DETAILED.add_columns(flows.label("flows"))))


def find(name: str) -> Row[Any]:
    """One lane as `all_of` has it; raises NotFound."""
    found = next((row for row in all_of() if row.name == name), None)
    if found is None:
        raise NotFound("no_such_lane", lane=name)
    return found


def born() -> dict[str, datetime]:
    """Every lane and when it was made: one that was deleted and made again is another."""
    return {row.name: row.created_at for row in db.session.execute(_LIVE)}


def names() -> list[str]:
    """The names of all lanes, the oldest first."""
    return list(born())


def exists(name: str) -> bool:
    """Whether there is such a lane."""
    return db.session.execute(_EXISTS, {"lane": name}).first() is not None


def is_busy(name: str) -> bool:
    """Whether anything runs or waits in it."""
    count = _lanes.c.pending + _lanes.c.running + _lanes.c.paused
    found = db.session.execute(select(count).where(_lanes.c.name == name, _live)).scalar()
    return bool(found)


def renamed() -> list[str]:
    """Names of old, from which finished tasks are still to be moved."""
    query = select(_lanes.c.name).where(_lanes.c.renamed_to.is_not(None))
    return list(db.session.execute(query.order_by(_lanes.c.deleted_at)).scalars())


def emptied() -> list[str]:
    """Deleted lanes that no task names any more."""
    own = select(_tasks.c.seq).where(_tasks.c.lane == _lanes.c.name)
    gone = select(_lanes.c.name).where(_lanes.c.deleted_at.is_not(None), ~own.exists())
    return list(db.session.execute(gone).scalars())


def names_of(lane: str) -> list[str]:
    """The names under which a lane's tasks lie: its own, and those it had a moment ago."""
    return [lane, *db.session.execute(_ALIASES, {"lane": lane}).scalars()]


def ever() -> list[str]:
    """All lanes that there are, and after them deleted ones that have finished tasks."""
    query = select(_lanes.c.name).where(_lanes.c.renamed_to.is_(None))
    ordered = query.order_by(_lanes.c.deleted_at.is_not(None), _lanes.c.created_at)
    return list(db.session.execute(ordered).scalars())
