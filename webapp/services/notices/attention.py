"""What needed a look and was seen: it is shown no more until there is something newer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update

from webapp.db import db, transaction
from webapp.domain.errors import NotFound
from webapp.models import Channel, Flow, Schedule
from webapp.services import audit

_flows = Flow.__table__
_schedules = Schedule.__table__
_channels = Channel.__table__

_SEEN: dict[str, tuple[Any, Any, Any]] = {
    "failing": (_flows, _flows.c.flow_id, _flows.c.failed_at),
    "missed": (_schedules, _schedules.c.flow_id, _schedules.c.missed_at),
    "paused": (_schedules, _schedules.c.flow_id, _schedules.c.paused_at),
    "lost": (_channels, _channels.c.name, _channels.c.trouble_at),
}
_ALONG: dict[str, dict[str, None]] = {"paused": {"pause_code": None, "pause_params": None}}
"""What goes with it: who leaves a schedule off has switched it off, as anybody does."""
KINDS = tuple(_SEEN)


@transaction
def seen(kind: str, key: str, up_to: datetime, *, by: str, now: datetime) -> None:
    """Somebody has seen what happened up to then; what is newer stays. Again is no mistake."""
    if kind not in _SEEN:
        raise NotFound
    table, which, at = _SEEN[kind]
    values = {at.name: None, **_ALONG.get(kind, {})}
    db.session.execute(update(table).where(which == key, at <= up_to).values(values))
    audit.note(by, "seen", key, now, what=kind)
