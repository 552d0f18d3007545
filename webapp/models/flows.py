"""Flows: saved tasks with parameters; their schedules, and what became of each due time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Float,
    ForeignKey,
    FromClause,
    Index,
    String,
    Text,
    UniqueConstraint,
    and_,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import UtcDateTime, db
from webapp.domain.schedules.fates import CATCH_UPS, FATES, OVERLAPS
from webapp.models.tasks import BigId

IS_DUE = "is_enabled AND fire_at IS NOT NULL"


def is_due(schedules: FromClause) -> ColumnElement[bool]:
    """The schedule waits for a due time: the condition of the index they are fired by."""
    return and_(text("schedules.is_enabled"), schedules.c.fire_at.is_not(None))


IS_FAILING = "failed_at IS NOT NULL"
IS_PAUSED = "paused_at IS NOT NULL"
HAS_MISSED = "missed_at IS NOT NULL"


def one_of(column: str, words: tuple[str, ...]) -> CheckConstraint:
    """A column holds one of these words, and nothing else."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"ck_{column}")


def _only_where(condition: str, name: str, *columns: str) -> Index:
    """An index of the few rows for which the condition holds."""
    where = text(condition)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


class Flow(db.Model):  # type: ignore[name-defined]
    """A saved, named task: what a run of it is submitted with, unless its parameters say else."""

    __tablename__ = "flows"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    flow_id: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    task_description: Mapped[str] = mapped_column(Text)
    agent: Mapped[str] = mapped_column(String(64))
    agent_settings: Mapped[dict[str, Any]] = mapped_column(JSON(none_as_null=True))
    parameters: Mapped[list[dict[str, Any]]] = mapped_column(JSON(none_as_null=True))
    """``[{name, type, default?, required?, description?, choices?}]``, in the order of the form."""
    session_id: Mapped[str | None] = mapped_column(String(64))
    """The session all runs share; null: each run has one of its own."""
    llm_profile_name: Mapped[str | None] = mapped_column(String(100))
    agent_mode: Mapped[str] = mapped_column(String(20), default="thinking")
    mcp_server_config: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    lane: Mapped[str] = mapped_column(ForeignKey("lanes.name"))
    priority: Mapped[int] = mapped_column(default=0)
    timeout_s: Mapped[float | None] = mapped_column(Float)
    silence_timeout_s: Mapped[float | None] = mapped_column(Float)
    waiting_timeout_s: Mapped[float | None] = mapped_column(Float)
    max_retries: Mapped[int] = mapped_column(default=0)
    retry_delay_s: Mapped[float | None] = mapped_column(Float)
    """Seconds before the first retry; each further one waits twice as long."""
    rerun_interrupted: Mapped[bool] = mapped_column(default=False)
    """Whether a run that a crash or restart interrupted is run again."""
    budget: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    notify: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What of it is told to whom, where that differs from what is told of all flows."""
    hook_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    """The hash of the secret in its web hook's address; null: it has none."""
    hook_ending: Mapped[str | None] = mapped_column(String(8))
    hook_created_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures_in_row: Mapped[int] = mapped_column(default=0)
    """Runs that failed since the last one that completed; a stopped one changes nothing."""
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the last of them did; null since one completed, or since somebody has seen it."""
    failed_task_id: Mapped[str | None] = mapped_column(String(36))
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When somebody was told that it fails; null since its recovery could be told."""
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    """Counts edits by people; what its runs write here is none."""

    __table_args__ = (
        Index("ix_flows_lane", "lane"),
        _only_where(IS_FAILING, "ix_flows_failing", "failed_at"),
        {"sqlite_autoincrement": True},
    )


class Schedule(db.Model):  # type: ignore[name-defined]
    """The cron rule of one flow, and when it is due next.

    ``next_execution_at`` is the due time the rule gives; ``fire_at`` is when it is to be fired:
    the due time and its jitter. Both are null while the schedule is disabled or has no rule.
    """

    __tablename__ = "schedules"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    flow_id: Mapped[str] = mapped_column(
        ForeignKey("flows.flow_id", ondelete="CASCADE"), unique=True
    )
    cron_expression: Mapped[str | None] = mapped_column(String(200))
    is_enabled: Mapped[bool] = mapped_column(default=True)
    description: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(String(64))
    overlap: Mapped[str] = mapped_column(String(16), default="queue_one")
    catch_up: Mapped[str] = mapped_column(String(8), default="skip")
    catch_up_limit: Mapped[int] = mapped_column(default=100)
    """With ``catch_up`` all: the newest so many are fired."""
    catch_up_window_s: Mapped[float] = mapped_column(Float, default=86400.0)
    """With ``catch_up`` all: only what was due so many seconds ago or less is fired."""
    grace_s: Mapped[float] = mapped_column(Float, default=300.0)
    jitter_s: Mapped[float] = mapped_column(Float, default=0.0)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    calendar: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Days it must not run, in its zone: ``2026-12-25``, ``2026-12-24/2027-01-02``, ``12-25``."""
    pause_after_failures: Mapped[int | None]
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its flow's failures switched it off; null once a person switched it on, or saw it."""
    pause_code: Mapped[str | None] = mapped_column(String(64))
    pause_params: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    missed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was found last that due times were missed; null once somebody has seen it."""
    missed_count: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """How many since then, the first and the last of them."""
    missed_from: Mapped[datetime | None] = mapped_column(UtcDateTime)
    missed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_execution_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_execution_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fire_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    execution_count: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    """Counts edits and pauses; that it was fired shows in ``next_execution_at``."""

    __table_args__ = (
        one_of("overlap", OVERLAPS),
        one_of("catch_up", CATCH_UPS),
        _only_where(IS_DUE, "ix_schedules_due", "fire_at", "id"),
        _only_where(IS_PAUSED, "ix_schedules_paused", "paused_at"),
        _only_where(HAS_MISSED, "ix_schedules_missed", "missed_at"),
        Index("ix_schedules_enabled", "is_enabled", "next_execution_at"),
        Index("ix_schedules_cron", "cron_expression"),
        {"sqlite_autoincrement": True},
    )


class Occurrence(db.Model):  # type: ignore[name-defined]
    """One due time of a schedule and its one fate; a row with ``until`` stands for many."""

    __tablename__ = "occurrences"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    schedule_id: Mapped[int] = mapped_column(BigId, ForeignKey("schedules.id", ondelete="CASCADE"))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The last due time of a range; its first is ``due_at``."""
    count: Mapped[int] = mapped_column(BigInteger, default=1)
    fate: Mapped[str] = mapped_column(String(8))
    late_ms: Mapped[int | None] = mapped_column(BigInteger)
    """How much later than due (and its jitter) it was fired."""
    code: Mapped[str | None] = mapped_column(String(64))
    """Why it was skipped or missed: a code of domain/messages.py, with ``params``."""
    params: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    task_id: Mapped[str | None] = mapped_column(String(36))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        one_of("fate", FATES),
        UniqueConstraint("schedule_id", "due_at", name="uq_occurrences_due"),
        Index("ix_occurrences_task", "task_id"),
    )
