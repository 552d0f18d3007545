"""What a piece holds while it is written: the lanes and sessions of its runs, and its schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select

from webapp.db import db
from webapp.domain.schedules.firing import Open
from webapp.models import Flow, Schedule, Task
from webapp.models.tasks import is_open
from webapp.services import locks
from webapp.services.firing import circumstances

_flows = Flow.__table__
_schedules = Schedule.__table__
_tasks = Task.__table__

_STILL = (
    select(
        _schedules.c.id,
        _schedules.c.next_execution_at,
        _schedules.c.version,
        _flows.c.version.label("flow_version"),
        *circumstances.OPEN_RUNS,
    )
    .join(_flows, _flows.c.flow_id == _schedules.c.flow_id)
    .where(_schedules.c.id.in_(bindparam("ids", expanding=True)))
    .with_for_update(of=_schedules, skip_locked=True, key_share=True)
)


def lock(rows: Sequence[Row[Any]]) -> None:
    """Lock what their tasks need, in the order that everybody keeps to: schedules come last."""
    if not rows:
        return
    replacing = [row.flow_id for row in rows if row.overlap == "replace"]
    locks.lanes({row.lane for row in rows}, of_flows=replacing)
    if replacing:
        locks.sessions_of(_tasks.c.flow_id.in_(replacing) & is_open(_tasks))
    for session_id in sorted({row.session_id for row in rows if row.session_id is not None}):
        locks.session(session_id)


def still_as_read(rows: Sequence[Row[Any]]) -> dict[int, Open]:
    """Lock the schedules, and count the open runs of their flows.

    Those that others hold, or that are not as they were, are left out.
    """
    seen = {row.id: _standing(row) for row in rows}
    return {
        row.id: Open(row.open_runs - row.waiting_runs, row.waiting_runs)
        for row in db.session.execute(_STILL, {"ids": list(seen)})
        if _standing(row) == seen[row.id]
    }


def _standing(row: Any) -> tuple[Any, ...]:
    """What is another once it was fired, or it or its flow was changed."""
    return row.next_execution_at, row.version, row.flow_version
