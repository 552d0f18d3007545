"""Schedules and their ledgers as pages and API show them; every list is read in short pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select

from webapp.db import db
from webapp.domain.errors import NotFound
from webapp.domain.messages import sentence
from webapp.models import Flow, Occurrence, Schedule
from webapp.queries.tasks import plain

_flows = Flow.__table__
_schedules = Schedule.__table__
_occurrences = Occurrence.__table__

PAGE = 50
BATCH = 500
SEARCHED = 20_000
"""Rows of a ledger that one look for a fate goes through."""

LINE = (*_schedules.c, _flows.c.name, _flows.c.agent, _flows.c.lane, _flows.c.failures_in_row)
"""A schedule with what is shown of its flow: ``name``, ``agent``, ``lane``, ``failures_in_row``."""
_OF_FLOW = _schedules.c.flow_id == _flows.c.flow_id
_ALL = select(*LINE).join(_flows, _OF_FLOW)
_FIND = _ALL.where(_schedules.c.flow_id == bindparam("flow_id"))
_STANDS = select(_schedules.c.version).where(_schedules.c.flow_id == bindparam("flow_id"))


@dataclass(frozen=True)
class Filter:
    """Which schedules: all that is given must hold."""

    is_enabled: bool | None = None


@dataclass(frozen=True)
class Page:
    """Schedules, newest first; ``older`` is the id to go on below."""

    rows: list[Row[Any]]
    older: int | None


@dataclass(frozen=True)
class Wanted:
    """Which part of a ledger."""

    flow_id: str
    fate: str | None = None


@dataclass(frozen=True)
class Ledger:
    """Due times, newest first; ``older`` and ``newer`` are the due times to go on from.

    A page may be short and not the last: a look for a rare fate goes only so far back.
    """

    rows: list[Row[Any]]
    older: datetime | None
    newer: datetime | None = None


def find(flow_id: str) -> Row[Any]:
    """The schedule of a flow, with what is shown of the flow; raises NotFound."""
    row = db.session.execute(_FIND, {"flow_id": flow_id}).one_or_none()
    if row is None:
        raise NotFound("no_such_schedule", flow_id=flow_id)
    return row


def page(wanted: Filter, *, before: int | None = None, limit: int = PAGE) -> Page:
    """The schedules below an id, or the newest."""
    query = _ALL.where(*_matching(wanted))
    if before is not None:
        query = query.where(_schedules.c.id < before)
    rows = list(db.session.execute(query.order_by(_schedules.c.id.desc()).limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    return Page(rows, rows[-1].id if more else None)


def walk(wanted: Filter) -> Iterator[Row[Any]]:
    """Every matching schedule, newest first: nothing is held while a client is slow."""
    before: int | None = None
    while True:
        found = page(wanted, before=before, limit=BATCH)
        db.session.close()
        yield from found.rows
        before = found.older
        if before is None:
            return


def occurrences(
    wanted: Wanted,
    *,
    before: datetime | None = None,
    after: datetime | None = None,
    limit: int = PAGE,
) -> Ledger:
    """The ledger of a schedule below a due time, or right above one, or its newest.

    Raises NotFound.
    """
    due_at = _occurrences.c.due_at
    upwards, start = after is not None, before if after is None else after
    query = select(_occurrences).where(_occurrences.c.schedule_id == find(wanted.flow_id).id)
    if start is not None:
        query = query.where(due_at > start if upwards else due_at < start)
    query = query.order_by(due_at if upwards else due_at.desc())
    end = None
    if wanted.fate is not None:
        looked_at = query.with_only_columns(due_at).offset(SEARCHED).limit(1)
        end = db.session.execute(looked_at).scalar_one_or_none()
        query = query.where(_occurrences.c.fate == wanted.fate)
    if end is not None:
        query = query.where(due_at <= end if upwards else due_at >= end)
    rows = list(db.session.execute(query.limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    further, back = rows[-1].due_at if more else end, rows[0].due_at if rows else start
    if upwards:
        return Ledger(rows[::-1], older=back, newer=further)
    return Ledger(rows, older=further, newer=back if before is not None else None)


def as_json(row: Row[Any]) -> dict[str, Any]:
    """A schedule as the contract names its parts, and ours."""
    shown = {column.name: plain(row._mapping[column.name]) for column in _schedules.c}
    for ours in ("fire_at", "pause_code", "pause_params"):
        del shown[ours]
    why = row.pause_code and sentence(row.pause_code, row.pause_params or {})
    return {**shown, "flow_name": row.name, "pause_reason": why}


def occurrence_as_json(row: Row[Any]) -> dict[str, Any]:
    """One line of a ledger; ``until`` and ``count`` where it stands for many."""
    shown = {
        "due_at": plain(row.due_at),
        "fate": row.fate,
        "late_ms": row.late_ms,
        "reason": row.code and sentence(row.code, row.params or {}),
        "task_id": row.task_id,
    }
    if row.until is not None:
        shown |= {"until": plain(row.until), "count": row.count}
    return shown


def _matching(wanted: Filter) -> list[Any]:
    if wanted.is_enabled is None:
        return []
    return [_schedules.c.is_enabled.is_(wanted.is_enabled)]
