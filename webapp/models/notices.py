"""Notifications: the channels people are told through, what is told, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    FromClause,
    Index,
    String,
    Text,
    and_,
    exists,
    literal_column,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import UtcDateTime, db
from webapp.domain.notices import EVENTS, STATES
from webapp.models.flows import one_of
from webapp.models.tasks import BigId

IS_WAITING = "state = 'pending'"


def is_waiting(deliveries: FromClause) -> ColumnElement[bool]:
    """The delivery is still to be made: the condition of the index they are found by."""
    return deliveries.c.state == literal_column("'pending'")


class Channel(db.Model):  # type: ignore[name-defined]
    """Where notices go: an apprise address, sealed, and which events it wants of all flows."""

    __tablename__ = "channels"

    channel_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    service: Mapped[str] = mapped_column(String(40))
    """The scheme of its address, which is no secret: ``tgram``, ``mailto``, ``json``."""
    sealed: Mapped[str] = mapped_column(Text)
    """The address, as the vault sealed it."""
    shown: Mapped[str] = mapped_column(String(200))
    """The address without what may be secret in it."""
    is_enabled: Mapped[bool] = mapped_column(default=True)
    failed_after: Mapped[int | None]
    """It is told when a flow has failed so many times in a row; null: never."""
    recovered: Mapped[bool] = mapped_column(default=True)
    missed: Mapped[bool] = mapped_column(default=True)
    paused: Mapped[bool] = mapped_column(default=True)
    budget: Mapped[bool] = mapped_column(default=True, server_default=true())
    trouble_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a notice was given up that it should have carried; null since it carried one, or since
    somebody has seen it."""
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(BigInteger, default=1)

    __table_args__ = (
        CheckConstraint("failed_after > 0", name="ck_failed_after"),
        {"sqlite_autoincrement": True},
    )


class Notification(db.Model):  # type: ignore[name-defined]
    """One thing to tell, written in the transaction in which it happened."""

    __tablename__ = "notifications"

    notification_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    event: Mapped[str] = mapped_column(String(16))
    flow_id: Mapped[str | None] = mapped_column(String(64))
    """No foreign key: what was told stays told, whatever becomes of the flow. Null: it is about
    the server."""
    task_id: Mapped[str | None] = mapped_column(String(36))
    code: Mapped[str] = mapped_column(String(64))
    params: Mapped[dict[str, Any]] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        one_of("event", EVENTS),
        Index("ix_notifications_flow", "flow_id", "event", "notification_id"),
        Index("ix_notifications_created", "created_at"),
        {"sqlite_autoincrement": True},
    )


class Delivery(db.Model):  # type: ignore[name-defined]
    """A notice on its way through one channel, and what became of it."""

    __tablename__ = "deliveries"

    delivery_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    notification_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("notifications.notification_id", ondelete="CASCADE")
    )
    channel_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("channels.channel_id", ondelete="CASCADE")
    )
    state: Mapped[str] = mapped_column(String(8), default="pending")
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it may be tried again; while it is being tried, when it is taken for lost."""
    last_error: Mapped[str | None] = mapped_column(Text)
    """What the last try was answered, without what is secret in the channel's address."""
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        one_of("state", STATES),
        Index("ix_deliveries_notification", "notification_id"),
        Index("ix_deliveries_channel", "channel_id", "delivery_id"),
        Index(
            "ix_deliveries_waiting",
            "next_try_at",
            "delivery_id",
            sqlite_where=text(IS_WAITING),
            postgresql_where=text(IS_WAITING),
        ),
        {"sqlite_autoincrement": True},
    )


def is_told(before: datetime) -> ColumnElement[bool]:
    """The notice is older, and on its way through no channel any more."""
    notices, deliveries = Notification.__table__, Delivery.__table__
    open_ones = exists().where(
        deliveries.c.notification_id == notices.c.notification_id, is_waiting(deliveries)
    )
    return and_(notices.c.created_at < before, ~open_ones)
