"""A schedule whose rule cannot be read any more is switched off, and says why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from webapp.db import UtcDateTime, db, lock, transaction
from webapp.domain.notices import LONGEST_ERROR
from webapp.domain.policies import cut
from webapp.domain.schedules.fates import SKIPPED
from webapp.domain.schedules.firing import Fate
from webapp.models import Schedule
from webapp.services import audit
from webapp.services.firing import ledger
from webapp.services.notices import aftermath

_schedules = Schedule.__table__

BY = "lineup"
PAUSE_CODE = "paused_unusable"

_at = bindparam("at", type_=UtcDateTime())
_of_id = _schedules.c.id == bindparam("of_id")
_LOCK = select(_schedules.c.id).where(_of_id).with_for_update()
_SWITCH_OFF = (
    update(_schedules)
    .where(_of_id, _schedules.c.version == bindparam("seen"))
    .values(
        is_enabled=False,
        next_execution_at=None,
        fire_at=None,
        paused_at=_at,
        updated_at=_at,
        pause_code=PAUSE_CODE,
        pause_params=bindparam("why", type_=_schedules.c.pause_params.type),
        version=_schedules.c.version + 1,
    )
    .returning(_schedules.c.id)
)


@transaction
def switch_off(row: Row[Any], error: str, now: datetime) -> bool:
    """Pause a schedule that can never fire; False if somebody has changed it meanwhile."""
    lock(_LOCK, {"of_id": row.id})
    why = {"error": cut(error, LONGEST_ERROR)}
    values = {"of_id": row.id, "seen": row.version, "at": now, "why": why}
    if db.session.execute(_SWITCH_OFF, values).one_or_none() is None:
        return False
    if row.next_execution_at not in ledger.decided(row.id, row.next_execution_at):
        fate = Fate(row.next_execution_at, SKIPPED, "skipped_broken", why)
        ledger.record([ledger.entry(row.id, fate, None, now)])
    audit.note(BY, "pause_schedule", row.flow_id, now, **why)
    aftermath.unusable(row.flow_id, why, now)
    return True
