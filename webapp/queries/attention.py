"""What needs a look besides single tasks, found by indexes of what is so, however much is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import FromClause, Select, func, select, text

from webapp.db import db
from webapp.models import Channel, Flow, Schedule, Task
from webapp.models.flows import HAS_MISSED, IS_FAILING, IS_PAUSED

_flows = Flow.__table__
_schedules = Schedule.__table__
_channels = Channel.__table__
_tasks = Task.__table__

SHOWN = 5
"""Of each kind; how many more there are is counted up to MANY."""
MANY = 100
LONGEST = 300
"""Characters of a reason."""


@dataclass(frozen=True)
class Some:
    """The newest of a kind, and how many there are of it."""

    rows: Sequence[Any]
    count: int

    @property
    def more(self) -> int:
        """How many are not among the rows."""
        return self.count - len(self.rows)


@dataclass(frozen=True)
class Attention:
    """Everything that needs a look; ``version`` is another one when it changes."""

    failing: Some
    """Flows whose last run failed: name, failures_in_row, and the run with its reason."""
    paused: Some
    """Schedules that were switched off by themselves: name and why."""
    missed: Some
    """Schedules that missed due times lately: name, count, the first and the last."""
    lost: Some
    """Channels through which a notice could not be sent."""
    version: str

    def __bool__(self) -> bool:
        """Whether anything does."""
        return self.count > 0

    @property
    def count(self) -> int:
        """How many things need a look."""
        return sum(some.count for some in (self.failing, self.paused, self.missed, self.lost))


def version() -> str:
    """What becomes another one whenever something here does; one statement."""
    return _version(db.session.execute(_PULSE).one())


def count() -> int:
    """How many things need a look; one statement."""
    pulse = db.session.execute(_PULSE).one()
    return int(pulse.failing + pulse.paused + pulse.missed + pulse.lost)


def attention() -> Attention:
    """What needs a look, the newest of each kind; kinds of which there is nothing cost nothing."""
    pulse = db.session.execute(_PULSE).one()
    counts = (pulse.failing, pulse.paused, pulse.missed, pulse.lost)
    queries = (_FAILING, _PAUSED, _MISSED, _LOST)
    failing, paused, missed, lost = (
        Some(db.session.execute(query).all() if count else (), count)
        for query, count in zip(queries, counts, strict=True)
    )
    return Attention(failing, paused, missed, lost, _version(pulse))


def _version(pulse: Any) -> str:
    newest: list[datetime | None] = [
        pulse.failing_at,
        pulse.paused_at,
        pulse.missed_at,
        pulse.lost_at,
    ]
    counts = (pulse.failing, pulse.paused, pulse.missed, pulse.lost)
    if not any(counts):
        return "0"
    marks = [f"{at.timestamp():.6f}" if at is not None else "" for at in newest]
    return "-".join(f"{count}{mark}" for count, mark in zip(counts, marks, strict=True))


def _some(table: FromClause, where: str) -> Any:
    """How many rows there are, counted up to a bound."""
    few = select(text("1")).select_from(table).where(text(where)).limit(MANY).subquery()
    return select(func.count()).select_from(few).scalar_subquery()


def _newest(table: FromClause, column: str) -> Any:
    return select(func.max(table.c[column])).where(table.c[column].is_not(None)).scalar_subquery()


_WHERE_LOST = "trouble_at IS NOT NULL"
_PULSE: Select[Any] = select(
    _some(_flows, IS_FAILING).label("failing"),
    _newest(_flows, "failed_at").label("failing_at"),
    _some(_schedules, IS_PAUSED).label("paused"),
    _newest(_schedules, "paused_at").label("paused_at"),
    _some(_schedules, HAS_MISSED).label("missed"),
    _newest(_schedules, "missed_at").label("missed_at"),
    _some(_channels, _WHERE_LOST).label("lost"),
    _newest(_channels, "trouble_at").label("lost_at"),
)
_FAILING = (
    select(
        _flows.c.flow_id,
        _flows.c.name,
        _flows.c.failures_in_row,
        _flows.c.failed_at,
        _tasks.c.task_id,
        func.substr(_tasks.c.error_message, 1, LONGEST).label("error"),
        _tasks.c.error_code,
        _tasks.c.error_params,
    )
    .outerjoin(_tasks, _tasks.c.task_id == _flows.c.failed_task_id)
    .where(_flows.c.failed_at.is_not(None))
    .order_by(_flows.c.failed_at.desc())
    .limit(SHOWN)
)
_of_flow = _schedules.join(_flows, _flows.c.flow_id == _schedules.c.flow_id)
_PAUSED = (
    select(
        _flows.c.flow_id,
        _flows.c.name,
        _tasks.c.task_id,
        _schedules.c.paused_at,
        _schedules.c.pause_code,
        _schedules.c.pause_params,
    )
    .select_from(_of_flow)
    .outerjoin(_tasks, _tasks.c.task_id == _flows.c.failed_task_id)
    .where(_schedules.c.paused_at.is_not(None))
    .order_by(_schedules.c.paused_at.desc())
    .limit(SHOWN)
)
_MISSED = (
    select(
        _flows.c.flow_id,
        _flows.c.name,
        _schedules.c.timezone,
        _schedules.c.missed_at,
        _schedules.c.missed_count,
        _schedules.c.missed_from,
        _schedules.c.missed_until,
    )
    .select_from(_of_flow)
    .where(_schedules.c.missed_at.is_not(None))
    .order_by(_schedules.c.missed_at.desc())
    .limit(SHOWN)
)
_LOST = (
    select(_channels.c.channel_id, _channels.c.name, _channels.c.trouble_at)
    .where(_channels.c.trouble_at.is_not(None))
    .order_by(_channels.c.trouble_at.desc())
    .limit(SHOWN)
)
