"""What was said to models in a session, and what each day's requests to them cost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import UtcDateTime, db
from webapp.models.tasks import BigId


class SessionMessage(db.Model):  # type: ignore[name-defined]
    """One message of a conversation with a model; later tasks of the session are told it."""

    __tablename__ = "session_messages"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(String(64))
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.task_id", ondelete="CASCADE"))
    attempt: Mapped[int]
    number: Mapped[int]
    """Counts from 0 in each attempt."""
    message: Mapped[dict[str, Any]] = mapped_column(JSON(none_as_null=True))
    """As the framework that talks to models writes it."""
    size: Mapped[int] = mapped_column(Integer)
    """Characters of it as JSON."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("task_id", "attempt", "number", name="uq_session_messages_number"),
        Index("ix_session_messages_session", "session_id", "id"),
    )


class SpentDay(db.Model):  # type: ignore[name-defined]
    """What was asked of models on one day, in the zone of the server: by a flow, or overall."""

    __tablename__ = "spent_days"

    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    flow_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger, default=0)
    tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cost: Mapped[float] = mapped_column(Float, default=0.0)
    """USD; what nobody knows the price of counts nothing."""
    warned: Mapped[bool] = mapped_column(default=False)
    """Whether somebody was told that a budget is nearly used up."""
