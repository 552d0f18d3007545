"""What a piece holds while it is written: the lanes and sessions of its runs, and its schedules.

These are let go one due time further on, if they are still as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Row, bindparam, func, select, update

from webapp.db import UtcDateTime, db
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
_ADVANCE = (
    update(_schedules)
    .where(
        _schedules.c.id == bindparam("of_id"),
        _schedules.c.next_execution_at == bindparam("was", type_=UtcDateTime()),
        _schedules.c.version == bindparam("seen"),
    )
    .values(
        next_execution_at=bindparam("next", type_=UtcDateTime()),
        fire_at=bindparam("next_at", type_=UtcDateTime()),
        execution_count=_schedules.c.execution_count + bindparam("more"),
        last_execution_at=func.coalesce(
            bindparam("fired_at", type_=UtcDateTime()), _schedules.c.last_execution_at
        ),
        updated_at=bindparam("at", type_=UtcDateTime()),
    )
)


class Overtaken(Exception):
    """Somebody changed a schedule although it was locked: nothing of the piece is written."""


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


def advance(rows: Sequence[Mapping[str, Any]]) -> None:
    """Have each schedule wait for its next due time; raises Overtaken, so that nothing is written.

    Rows have the parameters of ``_ADVANCE``; ``fired_at`` is null where nothing was fired.
    """
    if not rows:
        return
    done = cast(CursorResult[Any], db.session.execute(_ADVANCE, rows))
    if done.rowcount != len(rows):
        raise Overtaken


def rehearse(now: datetime) -> None:
    """Have the statements compiled, with schedules that are not there.

    One row and several are different statements.
    """
    still_as_read([])
    nobody = {"of_id": 0, "was": now, "seen": 0, "more": 0, "at": now}
    row = {**nobody, "next": None, "next_at": None, "fired_at": None}
    for rows in ([row], [row, row]):
        db.session.execute(_ADVANCE, rows)
