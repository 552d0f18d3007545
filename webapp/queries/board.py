"""What the state of the world is: lanes, what rides in them, what waits, and what needs a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, func, select, text

from webapp.db import db
from webapp.domain.lanes import OPEN
from webapp.domain.task_state import Status
from webapp.models import Activity, Attempt, Flow, Freeze, Lane, Runner, Task
from webapp.models.tasks import is_active

_tasks = Task.__table__
_lanes = Lane.__table__
_attempts = Attempt.__table__
_activity = Activity.__table__
_runners = Runner.__table__
_flows = Flow.__table__

HEADLINE = 300
"""Characters of a description that lists show: enough for its first line."""
LANES_SHOWN = 8
WAITING_SHOWN = 12
LOOKED_BACK = 400
"""Tasks that are looked at for troubles and the day's picture, however many there were."""
DAY = timedelta(hours=24)

headline = func.substr(_tasks.c.task_description, 1, HEADLINE).label("headline")
_of_flow = select(_flows.c.name).where(_flows.c.flow_id == _tasks.c.flow_id).scalar_subquery()
called = func.coalesce(_of_flow, headline.element).label("headline")
"""By what people know a task at a glance: its flow's name, or what it is to do."""

_own_active = and_(_tasks.c.lane == _lanes.c.name, is_active(_tasks))
_own_attempt = and_(_attempts.c.task_id == _tasks.c.task_id, _attempts.c.number == _tasks.c.attempt)

# What every poll asks is built once: putting a statement together costs more than running it.
_FREEZE = select(Freeze.__table__)
_live = _lanes.c.deleted_at.is_(None)
_VERSION = select(func.sum(_lanes.c.version)).where(_live)
_PULSE = (
    select(_lanes.c.version, _tasks.c.task_id, _tasks.c.attempt)
    .select_from(_lanes)
    .outerjoin(_tasks, _own_active)
    .where(_live)
    .order_by(_lanes.c.created_at, _lanes.c.name)
)
DETAILED = (
    select(
        _lanes,
        _tasks.c.task_id,
        _tasks.c.status,
        _tasks.c.wish,
        _tasks.c.attempt,
        called,
        _attempts.c.started_at.label("since"),
    )
    .select_from(_lanes)
    .outerjoin(_tasks, _own_active)
    .outerjoin(_attempts, _own_attempt)
    .where(_live)
    .order_by(_lanes.c.created_at, _lanes.c.name)
)
"""Every lane with its active task."""


@dataclass(frozen=True)
class Board:
    """All lanes at one moment, each row with its active task if it has one.

    ``version`` changes whenever a lane or a task in it does; both come from one statement.
    """

    lanes: Sequence[Row[Any]]
    freeze: Row[Any] | None = None
    """Since when, by whom and why nothing new begins; None if it does."""

    @property
    def version(self) -> int:
        return sum(lane.version for lane in self.lanes)

    @property
    def active(self) -> list[Row[Any]]:
        """The lanes in which something rides."""
        return [lane for lane in self.lanes if lane.task_id is not None]

    @property
    def held(self) -> list[Row[Any]]:
        """The lanes that are paused or being drained."""
        return [lane for lane in self.lanes if lane.state != OPEN]

    @property
    def waiting(self) -> int:
        return sum(lane.pending for lane in self.lanes)

    @property
    def ever(self) -> int:
        """How many tasks there are in all."""
        return sum(
            lane.pending + lane.running + lane.paused + lane.completed + lane.failed + lane.stopped
            for lane in self.lanes
        )

    @property
    def state(self) -> str:
        """One word for all: running, paused, waiting or idle."""
        states = {lane.status for lane in self.active}
        if Status.RUNNING in states:
            return "running"
        if Status.PAUSED in states:
            return "paused"
        return "waiting" if self.waiting else "idle"


def board() -> Board:
    """The state of the world: one query over the lanes, and whether they are frozen."""
    rows: Sequence[Any] = db.session.execute(DETAILED).all()
    return Board(rows, freeze())


def freeze() -> Row[Any] | None:
    """The freeze, if there is one: ``reason, frozen_by, since``."""
    return db.session.execute(_FREEZE).one_or_none()


def version() -> int:
    """The board's version alone: all that a poll needs to learn that nothing changed."""
    return int(db.session.execute(_VERSION).scalar_one() or 0)


def pulse() -> list[Row[Any]]:
    """Of each lane its version and its active task and attempt: what polls compare."""
    return list(db.session.execute(_PULSE))


def riding(task_ids: Sequence[str]) -> list[Row[Any]]:
    """The active tasks as their cards show them."""
    query = select(
        _tasks.c.task_id,
        called,
        _tasks.c.status,
        _tasks.c.wish,
        _tasks.c.agent,
        _tasks.c.agent_settings,
        _tasks.c.session_id,
        _tasks.c.lane,
        _tasks.c.attempt,
        _tasks.c.max_retries,
        _tasks.c.progress,
        _tasks.c.pause_reason,
        _attempts.c.started_at.label("since"),
    )
    query = query.select_from(_tasks).join(_attempts, _own_attempt)
    chosen = _tasks.c.task_id.in_(task_ids[:LANES_SHOWN])
    return list(db.session.execute(query.where(chosen).order_by(_tasks.c.lane)))


def paused_at(task_id: str) -> datetime | None:
    """When a task was last paused."""
    return db.session.execute(
        select(_activity.c.timestamp)
        .where(_activity.c.task_id == task_id, _activity.c.agent_status == "paused")
        .order_by(_activity.c.message_index.desc())
        .limit(1)
    ).scalar_one_or_none()


def waiting(lane: str) -> list[Row[Any]]:
    """The first few tasks that wait in a lane, in the order in which they will be taken."""
    query = select(
        _tasks.c.task_id,
        called,
        _tasks.c.status,
        _tasks.c.wish,
        _tasks.c.agent,
        _tasks.c.session_id,
        _tasks.c.flow_id,
        _tasks.c.priority,
        _tasks.c.attempt,
        _tasks.c.not_before,
        _tasks.c.expires_at,
        _tasks.c.created_at,
    ).where(_tasks.c.lane == lane, _tasks.c.status == Status.PENDING)
    ordered = query.order_by(_tasks.c.priority.desc(), _tasks.c.seq)
    return list(db.session.execute(ordered.limit(WAITING_SHOWN)))


def recent(now: datetime) -> list[Row[Any]]:
    """The newest tasks of the last day, newest first, as far back as is looked."""
    query = select(
        _tasks.c.task_id,
        called,
        _tasks.c.status,
        _tasks.c.agent,
        _tasks.c.lane,
        _tasks.c.flow_id,
        _tasks.c.abandoned,
        _tasks.c.attempt,
        _tasks.c.created_at,
        _tasks.c.started_at,
        _tasks.c.completed_at,
        func.substr(_tasks.c.error_message, 1, HEADLINE).label("error"),
        _tasks.c.error_code,
        _tasks.c.error_params,
    ).order_by(_tasks.c.seq.desc())
    rows: Sequence[Any] = db.session.execute(query.limit(LOOKED_BACK)).all()
    return [row for row in rows if (row.completed_at or now) >= now - DAY]


def runners(alive_since: datetime) -> list[Row[Any]]:
    """The runners that have not signed out and have shown that they live since then."""
    return list(
        db.session.execute(
            select(_runners)
            .where(_runners.c.ended_at.is_(None), _runners.c.heartbeat_at >= alive_since)
            .order_by(_runners.c.started_at)
        )
    )


def database() -> dict[str, Any]:
    """What the database is, how large it is and whether it keeps a write-ahead log."""
    if db.session.get_bind().dialect.name == "postgresql":
        asked = select(func.pg_database_size(func.current_database()), func.version())
        size, version = db.session.execute(asked).one()
        return {"kind": " ".join(version.split()[:2]), "size": size}
    pragma = {
        name: db.session.execute(text(f"PRAGMA {name}")).scalar_one()
        for name in ("page_count", "page_size", "journal_mode", "synchronous")
    }
    return {
        "kind": "SQLite",
        "size": pragma["page_count"] * pragma["page_size"],
        "journal": pragma["journal_mode"],
        "synchronous": {1: "normal", 2: "full"}.get(pragma["synchronous"], "other"),
    }
