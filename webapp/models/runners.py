"""Lanes, and the processes that claim tasks from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Float, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import UtcDateTime, db
from webapp.domain.lanes import STATES

_STATES = ", ".join(f"'{state}'" for state in STATES)


class Lane(db.Model):  # type: ignore[name-defined]
    """A queue that runs one task at a time, with how many of its tasks are in each state.

    ``version`` grows with every change of the lane or of a task in it: what a page shows of a
    lane is unchanged for as long as its version is.
    """

    __tablename__ = "lanes"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    pending: Mapped[int] = mapped_column(BigInteger, default=0)
    running: Mapped[int] = mapped_column(BigInteger, default=0)
    paused: Mapped[int] = mapped_column(BigInteger, default=0)
    completed: Mapped[int] = mapped_column(BigInteger, default=0)
    failed: Mapped[int] = mapped_column(BigInteger, default=0)
    stopped: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(8), default="open", server_default="open")
    """Whether its tasks begin (not while paused) and new ones get in (not while draining)."""
    state_reason: Mapped[str | None] = mapped_column(Text)
    state_by: Mapped[str | None] = mapped_column(String(100))
    state_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """From then on it is not there for anybody; finished tasks keep its name."""
    renamed_to: Mapped[str | None] = mapped_column(String(64))
    """The lane that its finished tasks are being moved to, since it got another name."""

    __table_args__ = (CheckConstraint(f"state IN ({_STATES})", name="ck_lanes_state"),)


class Runner(db.Model):  # type: ignore[name-defined]
    """A process that claims tasks. On its own host it is known by boot id, pid and start time."""

    __tablename__ = "runners"

    runner_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    boot_id: Mapped[str] = mapped_column(String(64))
    pid: Mapped[int]
    pid_started: Mapped[float] = mapped_column(Float)
    """Start time of the process as the system tells it, seconds since 1970."""
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    app_version: Mapped[str] = mapped_column(String(32))


class Housekeeping(db.Model):  # type: ignore[name-defined]
    """One row: which process removes what is too old, and what came of it the last time."""

    __tablename__ = "housekeeping"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[str | None] = mapped_column(String(36))
    beat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The holder's latest sign of life."""
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    removed: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What the last pass removed, in numbers."""
    used: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Bytes of database, output and workspaces as the last pass measured them."""

    __table_args__ = (CheckConstraint("id = 1", name="ck_housekeeping_one_row"),)


class Freeze(db.Model):  # type: ignore[name-defined]
    """While its one row is there, nothing new begins to run; what runs goes on."""

    __tablename__ = "freeze"

    only: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(Text)
    frozen_by: Mapped[str] = mapped_column(String(100))
    since: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (CheckConstraint('"only" = 1', name="ck_freeze_only_one"),)
