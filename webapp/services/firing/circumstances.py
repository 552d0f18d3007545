"""What may stand in the way of a due time: a freeze, a lane that is drained, others that wait."""

from __future__ import annotations

from sqlalchemy import case, func, select

from webapp.db import db
from webapp.domain.lanes import DRAINING
from webapp.domain.schedules.firing import Frozen, Room
from webapp.models import Flow, Freeze, Lane, Task
from webapp.models.tasks import is_open, is_pending

_flows = Flow.__table__
_freeze = Freeze.__table__
_lanes = Lane.__table__
_tasks = Task.__table__

BY = "schedule"
"""Who submits a run that its schedule fired, and who stops the one it takes the place of."""

_FROZEN = select(_freeze.c.since, _freeze.c.reason)
_runs = select(func.count()).where(_tasks.c.flow_id == _flows.c.flow_id, is_open(_tasks))
OPEN_RUNS = (
    _runs.scalar_subquery().label("open_runs"),
    _runs.with_only_columns(func.count(case((is_pending(_tasks), 1))))
    .scalar_subquery()
    .label("waiting_runs"),
)
"""How many runs of a flow are not over, and how many of them wait: beside columns of the flow."""
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
