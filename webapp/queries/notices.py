"""Channels and what was told through them, as pages, scripts and the messenger see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, select

from webapp.db import UtcDateTime, db
from webapp.domain.errors import NotFound
from webapp.models import Channel, Delivery, Notification
from webapp.models.notices import is_waiting

_channels = Channel.__table__
_notifications = Notification.__table__
_deliveries = Delivery.__table__

_DUE = (
    select(_deliveries.c.channel_id)
    .where(is_waiting(_deliveries), _deliveries.c.next_try_at <= bindparam("now", UtcDateTime()))
    .distinct()
)
_SHOWN = [column for column in _channels.c if column.name != "sealed"]
_LOG = (
    select(
        _deliveries.c.delivery_id,
        _deliveries.c.channel_id,
        _channels.c.name.label("channel"),
        _notifications.c.event,
        _notifications.c.flow_id,
        _notifications.c.task_id,
        _notifications.c.code,
        _notifications.c.params,
        _notifications.c.created_at,
        _deliveries.c.state,
        _deliveries.c.tries,
        _deliveries.c.next_try_at,
        _deliveries.c.last_error,
        _deliveries.c.sent_at,
    )
    .join(_notifications, _notifications.c.notification_id == _deliveries.c.notification_id)
    .join(_channels, _channels.c.channel_id == _deliveries.c.channel_id)
    .order_by(_deliveries.c.delivery_id.desc())
)


@dataclass(frozen=True)
class Wanted:
    """Which part of the log is wanted."""

    channel_id: int | None = None
    state: str | None = None


@dataclass(frozen=True)
class Page:
    """Some of the log; ``older`` is the id to go on below, if there is more."""

    rows: Sequence[Any]
    older: int | None


def due_channels(now: datetime) -> list[int]:
    """The channels for which something waits that may be tried now."""
    return list(db.session.execute(_DUE, {"now": now}).scalars())


def channels() -> Sequence[Row[Any]]:
    """All channels by name, without their addresses."""
    return db.session.execute(select(*_SHOWN).order_by(_channels.c.name)).all()


def names() -> frozenset[str]:
    """The names that rules of flows may use."""
    return frozenset(db.session.execute(select(_channels.c.name)).scalars())


def channel(channel_id: int) -> Row[Any]:
    """One channel, without its address; raises NotFound."""
    return _one(select(*_SHOWN).where(_channels.c.channel_id == channel_id))


def sealed(channel_id: int) -> Row[Any]:
    """A channel's name, and its address as it was sealed; raises NotFound."""
    query = select(_channels.c.name, _channels.c.sealed)
    return _one(query.where(_channels.c.channel_id == channel_id))


def newest(channel_ids: Sequence[int]) -> dict[int, Any]:
    """The newest delivery of each channel that has one."""
    found: dict[int, Any] = {}
    for channel_id in channel_ids:  # there are few, and each is one step in an index
        row = db.session.execute(_LOG.where(_of(channel_id)).limit(1)).one_or_none()
        if row is not None:
            found[channel_id] = row
    return found


def waiting() -> dict[int, int]:
    """How many notices are still to be sent, of each channel for which any is."""
    query = select(_deliveries.c.channel_id, func.count()).where(is_waiting(_deliveries))
    rows = db.session.execute(query.group_by(_deliveries.c.channel_id))
    return {row[0]: row[1] for row in rows}


def log(wanted: Wanted, *, below: int | None, limit: int) -> Page:
    """What was told or is to be, newest first, below a delivery's id."""
    query = _LOG.limit(limit + 1)
    if wanted.channel_id is not None:
        query = query.where(_of(wanted.channel_id))
    if wanted.state is not None:
        query = query.where(_deliveries.c.state == wanted.state)
    if below is not None:
        query = query.where(_deliveries.c.delivery_id < below)
    rows = db.session.execute(query).all()
    older = rows[limit - 1].delivery_id if len(rows) > limit else None
    return Page(rows[:limit], older)


def _of(channel_id: int) -> Any:
    return _deliveries.c.channel_id == channel_id


def _one(query: Any) -> Row[Any]:
    row: Row[Any] | None = db.session.execute(query).one_or_none()
    if row is None:
        raise NotFound("no_such_channel")
    return row
