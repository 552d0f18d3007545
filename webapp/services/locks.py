"""What verbs lock before they look: lanes, by name, then tasks, sessions, flows, schedules.

Always in this order, so that nobody waits in a circle. What is read in a statement after the lock
is as those left it who had it before. Only where the database locks rows: SQLite's verbs have all
of it to themselves.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, bindparam, or_, select

from webapp.db import lock
from webapp.models import Lane, Task, WorkSession
from webapp.models.tasks import is_open

_tasks = Task.__table__
_lanes = Lane.__table__
_sessions = WorkSession.__table__

_LANES = select(_lanes.c.name).order_by(_lanes.c.name).with_for_update()
_LANE = _LANES.where(_lanes.c.name == bindparam("lane"))
_LANE_OF = _LANES.where(
    _lanes.c.name
    == select(_tasks.c.lane).where(_tasks.c.task_id == bindparam("task_id")).scalar_subquery()
)
_SESSION = (
    select(_sessions.c.session_id)
    .where(_sessions.c.session_id == bindparam("session_id"))
    .with_for_update()
)


def lane(name: str) -> None:
    """Have a lane to oneself: nothing in it is submitted, moved or told meanwhile."""
    lock(_LANE, {"lane": name})


def lane_of(task_id: str) -> None:
    """Have the lane of a task to oneself."""
    lock(_LANE_OF, {"task_id": task_id})


def lanes_of(tasks: ColumnElement[bool]) -> None:
    """Have every lane to oneself that has such tasks."""
    lock(_LANES.where(_lanes.c.name.in_(select(_tasks.c.lane).where(tasks))))


def lanes(names: Collection[str], *, of_flows: Collection[str] = ()) -> None:
    """Have these lanes to oneself, and those in which runs of these flows are not over."""
    chosen = _lanes.c.name.in_(names)
    if of_flows:
        runs = select(_tasks.c.lane).where(_tasks.c.flow_id.in_(of_flows), is_open(_tasks))
        chosen = or_(chosen, _lanes.c.name.in_(runs))
    lock(_LANES.where(chosen))


def all_lanes() -> None:
    """Have all lanes to oneself."""
    lock(_LANES)


def sessions_of(tasks: ColumnElement[bool]) -> None:
    """Have the counts and logs of every session to oneself that has such tasks."""
    own = _sessions.c.session_id.in_(select(_tasks.c.session_id).where(tasks))
    lock(select(_sessions.c.session_id).where(own).order_by("session_id").with_for_update())


def session(session_id: str) -> None:
    """Have a session's counts and log to oneself."""
    lock(_SESSION, {"session_id": session_id})
