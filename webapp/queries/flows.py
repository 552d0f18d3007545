"""Flows as the API and the pages show them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, func, or_, select

from webapp.db import db
from webapp.domain.errors import NoSuchFlow
from webapp.domain.secrets import masked
from webapp.models import Flow, Schedule
from webapp.queries.tasks import plain

_flows = Flow.__table__
_schedules = Schedule.__table__

_FIND = select(_flows).where(_flows.c.flow_id == bindparam("flow_id"))
_HOOKED = select(_flows.c.flow_id).where(_flows.c.hook_hash == bindparam("hook_hash"))
_SCHEDULED = select(_schedules.c.flow_id).where(_schedules.c.flow_id == bindparam("flow_id"))
_SETTINGS = select(_flows.c.agent, _flows.c.agent_settings).where(
    _flows.c.name == bindparam("flow_name")
)
_TAKEN = select(_flows.c.name).where(_flows.c.name.in_(bindparam("names", expanding=True)))
_NAMES = select(_flows.c.flow_id, _flows.c.name).where(
    _flows.c.flow_id.in_(bindparam("flow_ids", expanding=True))
)


SEARCHED = (_flows.c.name, _flows.c.description, _flows.c.task_description)


@dataclass(frozen=True)
class Wanted:
    """Which flows."""

    q: str | None = None


@dataclass(frozen=True)
class Page:
    """Some flows, newest first; ``older`` is the number to go on below, if there are more."""

    rows: list[Row[Any]]
    older: int | None


def find(flow_id: str) -> Row[Any]:
    """Every column of one flow; raises NoSuchFlow."""
    row = db.session.execute(_FIND, {"flow_id": flow_id}).one_or_none()
    if row is None:
        raise NoSuchFlow(flow_id=flow_id)
    return row


def page(wanted: Wanted, *, before: int | None, limit: int) -> Page:
    """The newest flows below a number, whose name or description holds a text."""
    query = select(_flows).order_by(_flows.c.seq.desc()).limit(limit + 1)
    if "\0" in (wanted.q or ""):
        return Page([], None)  # no text that is stored has one, and databases stop at it
    if wanted.q:
        # the database lowers both, each in its own way, so that they are alike
        pattern = func.lower("%" + re.sub("([%_/])", r"/\1", wanted.q) + "%")
        query = query.where(
            or_(*(func.lower(column).like(pattern, escape="/") for column in SEARCHED))
        )
    if before is not None:
        query = query.where(_flows.c.seq < before)
    rows = list(db.session.execute(query))
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].seq if more else None)


def names(flow_ids: Sequence[str]) -> dict[str, str]:
    """What those of these flows are called that exist."""
    found = db.session.execute(_NAMES, {"flow_ids": list(flow_ids)}) if flow_ids else ()
    return {row.flow_id: row.name for row in found}


def hooked(digest: str) -> str | None:
    """The flow whose web hook has this secret."""
    found: str | None = db.session.execute(_HOOKED, {"hook_hash": digest}).scalar_one_or_none()
    return found


def taken(names: Iterable[str]) -> list[str]:
    """Those of these names that a flow has."""
    return list(db.session.execute(_TAKEN, {"names": list(names)}).scalars())


def settings_of(name: str, agent: Any) -> dict[str, Any]:
    """The settings of the flow of that name, if its agent is this one."""
    row = db.session.execute(_SETTINGS, {"flow_name": name}).one_or_none()
    return {} if row is None or row.agent != agent else dict(row.agent_settings)


def is_scheduled(flow_id: str) -> bool:
    """Whether it has a schedule, switched on or off."""
    return db.session.execute(_SCHEDULED, {"flow_id": flow_id}).first() is not None


def as_json(row: Row[Any]) -> dict[str, Any]:
    """A flow with every stored column by its name, but for its hook's secret; settings masked."""
    flow = {name: plain(value) for name, value in row._mapping.items() if name != "hook_hash"}
    flow["agent_settings"] = masked(flow["agent_settings"])
    flow["has_hook"] = row.hook_hash is not None
    return flow
