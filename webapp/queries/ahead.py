"""What is due next, as the strip, the first page and its forecast show it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, select, text

from webapp.db import db
from webapp.models import Flow, Schedule
from webapp.models.flows import IS_DUE

_flows = Flow.__table__
_schedules = Schedule.__table__

_AHEAD = (
    select(
        _schedules.c.id,
        _schedules.c.flow_id,
        _schedules.c.cron_expression,
        _schedules.c.timezone,
        _schedules.c.next_execution_at,
        _schedules.c.ends_at,
        _schedules.c.calendar,
        _schedules.c.version,
        _flows.c.name,
        _flows.c.lane,
    )
    .select_from(_schedules.join(_flows, _schedules.c.flow_id == _flows.c.flow_id))
    .where(text(IS_DUE))  # as the index has it, which both databases find by this very condition
    .order_by(_schedules.c.fire_at, _schedules.c.id)
    .limit(bindparam("limit"))
)


def ahead(limit: int) -> list[Row[Any]]:
    """The schedules that are due next, the soonest first, with the names of their flows."""
    return list(db.session.execute(_AHEAD, {"limit": limit}))
