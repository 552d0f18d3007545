"""Which task of a lane is next: one statement, asked whenever a lane is free."""

from __future__ import annotations

from sqlalchemy import BindParameter, Float, and_, bindparam, exists, or_, select

from webapp.db import UtcDateTime
from webapp.domain.lanes import PAUSED
from webapp.domain.policies import TALKERS
from webapp.domain.spending import OVERALL
from webapp.models import Flow, Freeze, Lane, SpentDay, Task
from webapp.models.tasks import is_active, is_pending
from webapp.services.moves import STANDING

_tasks = Task.__table__
_lanes = Lane.__table__
_flows = Flow.__table__
_days = SpentDay.__table__
_others = Task.__table__.alias("others")

_lane: BindParameter[str] = bindparam("of_lane")
_now = bindparam("now", type_=UtcDateTime())
_TALKS_ALREADY = (
    exists()
    .where(
        _others.c.session_id == _tasks.c.session_id,
        is_active(_others),
        _others.c.agent.in_(TALKERS),
    )
    .correlate(_tasks)
)
"""Another task of the session talks to a model: it would not know what is said there."""
_KINDS = (_days.c.requests, _days.c.tokens, _days.c.cost)
_TODAY = _days.c.day == bindparam("day")
_SPENT_OUT = or_(
    exists()
    .where(
        _TODAY,
        _days.c.flow_id == OVERALL,
        or_(*(used >= bindparam(used.name, type_=Float()) for used in _KINDS)),
    )
    .correlate(None),
    exists()
    .where(
        _TODAY,
        _days.c.flow_id == _tasks.c.flow_id,
        _flows.c.flow_id == _tasks.c.flow_id,
        or_(*(used >= _flows.c.budget[used.name].as_float() for used in _KINDS)),
    )
    .correlate(_tasks),
)
"""A budget of this day is used up: the server's, or that of the task's flow."""
NEXT = (
    select(
        *STANDING,
        _tasks.c.agent_settings,
        _tasks.c.workspace_dir,
        _tasks.c.upload_files,
        _tasks.c.task_metadata,
        _tasks.c.timeout_s,
        _tasks.c.silence_timeout_s,
    )
    .where(
        _tasks.c.lane == _lane,
        is_pending(_tasks),
        or_(_tasks.c.not_before.is_(None), _tasks.c.not_before <= _now),
        or_(_tasks.c.expires_at.is_(None), _tasks.c.expires_at > _now, _tasks.c.attempt > 0),
        ~exists().where(_tasks.c.lane == _lane, is_active(_tasks)).correlate(None),
        ~exists(select(Freeze.__table__.c.only)),
        ~exists().where(_lanes.c.name == _lane, _lanes.c.state == PAUSED).correlate(None),
        or_(_tasks.c.agent.not_in(TALKERS), and_(~_TALKS_ALREADY, ~_SPENT_OUT)),
    )
    .order_by(_tasks.c.priority.desc(), _tasks.c.seq)
    .limit(1)
    .with_for_update()
)
