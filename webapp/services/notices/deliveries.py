"""A notice on its way: taken by one process at a time, tried again, and given up in the end.

It is told at least once: whoever is killed between sending a notice and writing that down leaves
it to be sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, select, update

from webapp.db import db, transaction
from webapp.domain.errors import Conflict, NotFound
from webapp.domain.notices import GIVEN_UP, PENDING, SENT, retry_after
from webapp.models import Channel, Delivery, Notification
from webapp.models.notices import is_waiting
from webapp.services import audit

_channels = Channel.__table__
_notifications = Notification.__table__
_deliveries = Delivery.__table__

HELD = timedelta(seconds=90)
"""So long a notice is its taker's; one that was not told of by then was taken by a dead process."""
TOGETHER = 20
"""Notices that wait for the same channel are sent as one message, so many at most."""
_NOTICE = (
    _notifications.c.event,
    _notifications.c.flow_id,
    _notifications.c.task_id,
    _notifications.c.code,
    _notifications.c.params,
    _notifications.c.created_at,
)


@dataclass(frozen=True)
class Item:
    """A notice and how often it has been tried, this time included."""

    delivery_id: int
    tries: int
    event: str
    flow_id: str | None
    task_id: str | None
    code: str
    params: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Parcel:
    """What waits for a channel, to be sent as one message, and the channel's sealed address."""

    channel_id: int
    name: str
    sealed: str
    items: Sequence[Item]
    held_until: datetime


@transaction
def take(channel_id: int, now: datetime) -> Parcel | None:
    """Have what is due for a channel, oldest first; None if nothing is, or others have it."""
    channel = db.session.execute(
        select(_channels.c.name, _channels.c.sealed).where(_channels.c.channel_id == channel_id)
    ).one_or_none()
    if channel is None:
        return None
    due = db.session.execute(
        select(_deliveries.c.delivery_id, _deliveries.c.tries, *_NOTICE)
        .join(_notifications, _notifications.c.notification_id == _deliveries.c.notification_id)
        .where(
            _deliveries.c.channel_id == channel_id,
            is_waiting(_deliveries),
            _deliveries.c.next_try_at <= now,
        )
        .order_by(_deliveries.c.delivery_id)
        .limit(TOGETHER)
        .with_for_update(of=_deliveries, skip_locked=True)
    ).all()
    if not due:
        return None
    until = now + HELD
    db.session.execute(
        update(_deliveries)
        .where(_deliveries.c.delivery_id.in_([row.delivery_id for row in due]))
        .values(next_try_at=until, tries=_deliveries.c.tries + 1)
    )
    items = [Item(row.delivery_id, row.tries + 1, *row[2:]) for row in due]
    return Parcel(channel_id, channel.name, channel.sealed, items, until)


@transaction
def arrived(parcel: Parcel, now: datetime) -> None:
    """A parcel was sent, whoever holds it by now."""
    db.session.execute(
        _of(parcel).values(state=SENT, sent_at=now, next_try_at=None, last_error=None)
    )
    which = update(_channels).where(_channels.c.channel_id == parcel.channel_id)
    db.session.execute(which.values(trouble_at=None))


@transaction
def came_back(parcel: Parcel, said: str, now: datetime) -> int:
    """A parcel was not taken: it is tried again later; returns how many notices are given up.

    Nothing is written where somebody else holds it by now.
    """
    given_up = 0
    for item in parcel.items:
        wait = retry_after(item.tries)
        state = {"state": GIVEN_UP, "next_try_at": None} if wait is None else {
            "next_try_at": now + wait
        }  # fmt: skip
        which = _deliveries.c.delivery_id == item.delivery_id
        mine = _deliveries.c.next_try_at == parcel.held_until
        done = update(_deliveries).where(which, mine, is_waiting(_deliveries))
        written = db.session.execute(done.values(last_error=said, **state))
        given_up += cast(CursorResult[Any], written).rowcount if wait is None else 0
    if given_up:
        which = update(_channels).where(_channels.c.channel_id == parcel.channel_id)
        db.session.execute(which.values(trouble_at=now))
    return given_up


@transaction
def again(delivery_id: int, *, by: str, now: datetime) -> None:
    """Have a notice sent again that was given up, or at once where it waits for its next try."""
    row = db.session.execute(
        select(_deliveries.c.state, _channels.c.is_enabled, _channels.c.name)
        .join(_channels, _channels.c.channel_id == _deliveries.c.channel_id)
        .where(_deliveries.c.delivery_id == delivery_id)
        .with_for_update(of=_deliveries)
    ).one_or_none()
    if row is None:
        raise NotFound("no_such_notice")
    if not row.is_enabled:
        raise Conflict("channel_is_off", name=row.name)
    which = update(_deliveries).where(_deliveries.c.delivery_id == delivery_id)
    db.session.execute(which.values(state=PENDING, tries=0, next_try_at=now, sent_at=None))
    audit.note(by, "send_again", str(delivery_id), now)


def give_up(channel_id: int, said: str) -> None:
    """Send nothing more that waits for a channel; for verbs that are already in a transaction."""
    db.session.execute(
        update(_deliveries)
        .where(_deliveries.c.channel_id == channel_id, is_waiting(_deliveries))
        .values(state=GIVEN_UP, next_try_at=None, last_error=said)
    )


def _of(parcel: Parcel) -> Any:
    ids = [item.delivery_id for item in parcel.items]
    return update(_deliveries).where(_deliveries.c.delivery_id.in_(ids), is_waiting(_deliveries))
