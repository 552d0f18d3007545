"""How many tasks lanes and sessions have: kept with every move, and counted anew for repairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import Update, bindparam, func, select, update

from webapp.db import db, lock
from webapp.domain.task_state import Status
from webapp.models import Lane, Task, WorkSession
from webapp.services import locks

_tasks = Task.__table__
_lanes = Lane.__table__
_sessions = WorkSession.__table__

_BUMP = (
    update(_lanes).where(_lanes.c.name == bindparam("of_lane")).values(version=_lanes.c.version + 1)
)
_JOINED = _BUMP.values(pending=_lanes.c.pending + bindparam("more"))
_TOUCH_LANE = select(_lanes.c.name).where(_lanes.c.name == bindparam("of_lane")).with_for_update()
_LEFT = (
    update(_sessions)
    .where(_sessions.c.session_id == bindparam("of_session"))
    .values(task_count=_sessions.c.task_count - bindparam("fewer"))
)


def bump(lane: str) -> None:
    """Tell whoever watches a lane that something in it changed."""
    db.session.execute(_BUMP, {"of_lane": lane})


def moved(lane: str, source: Status | None, target: Status | None) -> None:
    """Count a task where it came to, and no longer where it was; None is outside of the lane."""
    db.session.execute(_counting(source, target), {"of_lane": lane})


def joined(lanes: Counter[str]) -> None:
    """Count so many tasks more that wait in each lane."""
    for lane, count in sorted(lanes.items()):
        db.session.execute(_JOINED, {"of_lane": lane, "more": count})


def dropped(gone: Counter[tuple[str, str]]) -> None:
    """Count so many tasks of a lane and a status no longer."""
    for (lane, status), count in sorted(gone.items()):
        fewer = _BUMP.values({status: _lanes.c[status] - count})
        db.session.execute(fewer, {"of_lane": lane})


def leave(session_id: str, count: int, *, besides: str = "") -> None:
    """Take deleted tasks out of their session's counts; ``besides`` is about to be deleted."""
    locks.session(session_id)
    newest = db.session.execute(
        select(_tasks.c.task_id, _tasks.c.status)
        .where(_tasks.c.session_id == session_id, _tasks.c.task_id != besides)
        .order_by(_tasks.c.seq.desc())
        .limit(1)
    ).one_or_none()
    db.session.execute(
        update(_sessions)
        .where(_sessions.c.session_id == session_id)
        .values(
            task_count=_sessions.c.task_count - count,
            newest_task_id=newest.task_id if newest else None,
            status=newest.status if newest else None,
        )
    )


def leave_many(gone: Mapping[str, int], task_ids: Sequence[str]) -> None:
    """Take many tasks that were dropped out of their sessions' counts, in three statements."""
    chosen, own = _sessions.c.session_id.in_(gone), _tasks.c.session_id == _sessions.c.session_id
    lock(select(_sessions.c.session_id).where(chosen).order_by("session_id").with_for_update())
    if gone:
        db.session.execute(_LEFT, [{"of_session": s, "fewer": n} for s, n in gone.items()])
    last = select(_tasks).where(own).order_by(_tasks.c.seq.desc()).limit(1)
    db.session.execute(
        update(_sessions)
        .where(chosen, _sessions.c.newest_task_id.in_(task_ids))
        .values(
            newest_task_id=last.with_only_columns(_tasks.c.task_id).scalar_subquery(),
            status=last.with_only_columns(_tasks.c.status).scalar_subquery(),
        )
    )


def recount(lane: str) -> None:
    """Count a lane's tasks anew, under the lock of its row that every move waits for."""
    db.session.execute(_TOUCH_LANE, {"of_lane": lane})
    counted = db.session.execute(
        select(_tasks.c.status, func.count()).where(_tasks.c.lane == lane).group_by(_tasks.c.status)
    ).all()
    counts = {**dict.fromkeys(Status, 0), **{Status(s): n for s, n in counted if s in list(Status)}}
    db.session.execute(_BUMP.values(counts), {"of_lane": lane})


def recount_session(session_id: str) -> None:
    """Count a session's tasks anew, and look which of them is the newest."""
    leave(session_id, 0)
    count = select(func.count()).where(_tasks.c.session_id == session_id).scalar_subquery()
    which = _sessions.c.session_id == session_id
    db.session.execute(update(_sessions).where(which).values(task_count=count))


@cache
def _counting(source: Status | None, target: Status | None) -> Update:
    changes = {}
    if source is not None:
        changes[source] = _lanes.c[source] - 1
    if target is not None:
        changes[target] = _lanes.c[target] + 1
    return _BUMP.values(**changes)
