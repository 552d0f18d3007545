"""What may stand in the way of a due time: a freeze, a lane that is drained, others that wait."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from webapp.db import db
from webapp.domain.lanes import DRAINING
from webapp.domain.schedules.firing import Frozen, Open, Room
from webapp.domain.task_state import Status
from webapp.models import Freeze, Lane, Task
from webapp.models.tasks import is_open, is_pending

_freeze = Freeze.__table__
_lanes = Lane.__table__
_tasks = Task.__table__

BY = "schedule"
"""Who submits a run that its schedule fired, and who stops the one it takes the place of."""

_FROZEN = select(_freeze.c.since, _freeze.c.reason)
_OPEN = (
    select(_tasks.c.flow_id, _tasks.c.status, func.count())
    .where(_tasks.c.flow_id.in_(bindparam("flow_ids", expanding=True)), is_open(_tasks))
    .group_by(_tasks.c.flow_id, _tasks.c.status)
)
_WAITING = select(func.sum(_lanes.c.pending))
_SCHEDULED_WAITING = select(func.count()).where(
    _tasks.c.flow_id.is_not(None), _tasks.c.submitted_by == BY, is_open(_tasks), is_pending(_tasks)
)
_DRAINING = select(_lanes.c.name).where(_lanes.c.state == DRAINING)
_MOST_AT_ONCE = 20_000
"""More than one transaction ever makes."""


def frozen() -> Frozen | None:
    """The freeze, if there is one."""
    row = db.session.execute(_FROZEN).one_or_none()
    return None if row is None else Frozen(row.since, row.reason)


def open_runs(flow_ids: Sequence[str]) -> dict[str, Open]:
    """How many runs of each flow are not over; flows that have none are left out."""
    if not flow_ids:
        return {}
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for flow_id, status, count in db.session.execute(_OPEN, {"flow_ids": flow_ids}):
        counted[flow_id]["waiting" if status == Status.PENDING else "active"] += count
    return {flow_id: Open(**counts) for flow_id, counts in counted.items()}


def room(limit: int) -> Room:
    """How many more scheduled tasks may wait; they are counted only where all come near."""
    waiting = db.session.execute(_WAITING).scalar_one()
    if waiting + _MOST_AT_ONCE > limit:
        waiting = db.session.execute(_SCHEDULED_WAITING).scalar_one()
    return Room(limit, limit - waiting)


def scheduled_waiting() -> int:
    """How many tasks wait that schedules made: a look at each, for bounds that are near."""
    return int(db.session.execute(_SCHEDULED_WAITING).scalar_one())


def draining() -> set[str]:
    """The lanes that take nothing new."""
    return set(db.session.execute(_DRAINING).scalars())
