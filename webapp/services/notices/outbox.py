"""Writes what is to be told, for verbs that are already in their transaction.

What is written here is sent later, and not before its transaction is committed: an event that is
not undone is told, and one that is undone is not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, true

from webapp.db import db
from webapp.domain.notices import (
    FAILED,
    PAUSED,
    PENDING,
    RECOVERED,
    YES_OR_NO,
    Wishes,
    wishes,
)
from webapp.models import Channel, Delivery, Notification

_channels = Channel.__table__
_notifications = Notification.__table__
_deliveries = Delivery.__table__

CHUNK = 500

_ENABLED = select(
    _channels.c.channel_id,
    _channels.c.name,
    _channels.c.failed_after,
    _channels.c.recovered,
    _channels.c.missed,
    _channels.c.paused,
    _channels.c.budget,
).where(_channels.c.is_enabled == true())
_TELL = insert(_notifications).returning(_notifications.c.notification_id)
_DELIVER = insert(_deliveries)
_about = (
    _notifications.c.flow_id == bindparam("of_flow"),
    _notifications.c.event == RECOVERED,
)
_last_recovery = select(func.max(_notifications.c.notification_id)).where(*_about)
_TOLD_SINCE = (
    select(_deliveries.c.channel_id)
    .distinct()
    .join(_notifications, _notifications.c.notification_id == _deliveries.c.notification_id)
    .where(
        _notifications.c.flow_id == bindparam("of_flow"),
        _notifications.c.event.in_([FAILED, PAUSED]),
        _notifications.c.notification_id > func.coalesce(_last_recovery.scalar_subquery(), 0),
    )
)


@dataclass(frozen=True)
class Notice:
    """Something to tell of a flow, or of the server: a message code with its parameters."""

    event: str
    code: str
    flow: Any
    """Its flow_id, name, notify and failures_in_row; None: it is about the server."""
    params: Mapping[str, Any]
    task_id: str | None = None


def channels() -> Sequence[Any]:
    """The channels that are switched on, with what they want."""
    return db.session.execute(_ENABLED).all()


def told_lately(flow_ids: Sequence[str], event: str, since: datetime) -> set[str]:
    """Those of the flows of which the event has been told since then."""
    told: set[str] = set()
    for start in range(0, len(flow_ids), CHUNK):
        query = select(_notifications.c.flow_id).where(
            _notifications.c.flow_id.in_(flow_ids[start : start + CHUNK]),
            _notifications.c.event == event,
            _notifications.c.created_at > since,
        )
        told.update(db.session.execute(query).scalars())
    return told


def tell(
    notice: Notice,
    now: datetime,
    *,
    among: Sequence[Any] | None = None,
    but: Collection[int] = (),
) -> set[int]:
    """Have a notice sent through every channel that wants it; returns the ids of these channels.

    Nothing is written where nobody wants it.
    """
    found = channels() if among is None else among
    chosen = {row.channel_id for row in found if row.channel_id not in but and _wants(row, notice)}
    if chosen and notice.event == RECOVERED:
        told = db.session.execute(_TOLD_SINCE, {"of_flow": notice.flow.flow_id}).scalars()
        chosen &= set(told)
    if not chosen:
        return chosen
    flow = notice.flow
    values = {
        "event": notice.event,
        "flow_id": flow.flow_id if flow is not None else None,
        "task_id": notice.task_id,
        "code": notice.code,
        "params": {**({"flow": flow.name} if flow is not None else {}), **notice.params},
        "created_at": now,
    }
    notification_id = db.session.execute(_TELL, values).scalar_one()
    waiting = {"notification_id": notification_id, "state": PENDING, "tries": 0, "next_try_at": now}
    db.session.execute(_DELIVER, [{**waiting, "channel_id": one} for one in sorted(chosen)])
    return chosen


def _wants(channel: Any, notice: Notice) -> bool:
    own = Wishes(channel.failed_after, *(getattr(channel, name) for name in YES_OR_NO))
    wanted = wishes(channel.name, own, notice.flow.notify if notice.flow is not None else None)
    if wanted is None:
        return False
    if notice.event == FAILED:
        return bool(wanted.failed_after == notice.flow.failures_in_row)
    return bool(getattr(wanted, notice.event))
