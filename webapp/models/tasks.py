"""Tasks, their attempts, and the instructions people gave to them."""

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
    Integer,
    String,
    Text,
    UniqueConstraint,
    and_,
    false,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import UtcDateTime, db
from webapp.domain.task_state import Status

BigId = BigInteger().with_variant(Integer, "sqlite")
STATUSES = ", ".join(f"'{status}'" for status in Status)


# Constants, not bound parameters: only so does SQLite see that its partial indexes apply.
IS_PENDING = "status = 'pending'"
IS_ACTIVE = "status IN ('running', 'paused')"
TALKS = f"{IS_ACTIVE} AND agent IN ('llm', 'browser')"
"""It runs or is paused, and talks to a model: of these a session has one at a time."""
IS_OPEN = "status IN ('pending', 'running', 'paused')"


def is_pending(tasks: FromClause) -> ColumnElement[bool]:
    """The task waits: the condition of the index tasks are claimed by."""
    return tasks.c.status == literal_column("'pending'")


def waits_in_vain(tasks: FromClause, now: datetime) -> ColumnElement[bool]:
    """The time it may wait is over. A task that has begun once waits for what it was promised."""
    return and_(is_pending(tasks), tasks.c.attempt == 0, tasks.c.expires_at <= now)


def is_active(tasks: FromClause) -> ColumnElement[bool]:
    """The task runs or is paused: the condition of the index that allows one per lane."""
    return tasks.c.status.in_([literal_column("'running'"), literal_column("'paused'")])


def is_open(tasks: FromClause) -> ColumnElement[bool]:
    """The task is not final: the condition of the index of a session's open tasks."""
    words = ("'pending'", "'running'", "'paused'")
    return tasks.c.status.in_([literal_column(word) for word in words])


class Task(db.Model):  # type: ignore[name-defined]
    """One piece of work for one agent. ``status`` is written by services/moves.py alone."""

    __tablename__ = "tasks"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    task_id: Mapped[str] = mapped_column(String(36), unique=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.session_id"))
    task_description: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    llm_profile_name: Mapped[str | None] = mapped_column(String(100))
    upload_files_path: Mapped[str | None] = mapped_column(Text)
    upload_files: Mapped[list[dict[str, str]] | None] = mapped_column(JSON(none_as_null=True))
    """``[{file_id, name, path}]``: what it was given of the session's uploads."""
    workspace_dir: Mapped[str] = mapped_column(Text)
    mcp_server_config: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    agent_mode: Mapped[str] = mapped_column(String(20))
    task_result: Mapped[str | None] = mapped_column(Text)
    error_message: Mapped[str | None] = mapped_column(Text)
    report_path: Mapped[str | None] = mapped_column(Text)
    task_metadata: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(BigInteger, default=1)

    flow_id: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(64))
    agent_settings: Mapped[dict[str, Any]] = mapped_column(JSON(none_as_null=True))
    lane: Mapped[str] = mapped_column(ForeignKey("lanes.name"))
    priority: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    """The number of the latest attempt; 0 before the first."""
    max_retries: Mapped[int] = mapped_column(default=0)
    timeout_s: Mapped[float | None] = mapped_column(Float)
    silence_timeout_s: Mapped[float | None] = mapped_column(Float)
    retry_delay_s: Mapped[float | None] = mapped_column(Float)
    """Seconds before the first retry; null: as domain/retry.py has it."""
    rerun_interrupted: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it is run again if a crash or restart interrupts it."""
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Waiting longer than this fails the task."""
    submitted_by: Mapped[str] = mapped_column(String(100))
    rerun_of: Mapped[str | None] = mapped_column(String(36))

    runner_id: Mapped[str | None] = mapped_column(String(36))
    wish: Mapped[str | None] = mapped_column(String(8))
    """What a person asked of the active task: pause, resume or stop. The worker grants it."""
    wish_reason: Mapped[str | None] = mapped_column(Text)
    wish_by: Mapped[str | None] = mapped_column(String(100))
    wish_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pause_reason: Mapped[str | None] = mapped_column(Text)
    stop_reason: Mapped[str | None] = mapped_column(Text)
    abandoned: Mapped[bool] = mapped_column(default=False)
    """The agent ignored its stop; its code may run until the server restarts."""
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_params: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """``{percent?, step?, steps?, message?}`` of the latest attempt."""
    output_removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When retention removed what it had printed."""

    __table_args__ = (
        CheckConstraint(f"status IN ({STATUSES})", name="ck_tasks_status"),
        Index("ix_tasks_status", "status", "seq"),
        Index("ix_tasks_session", "session_id", "seq"),
        Index("ix_tasks_llm_profile", "llm_profile_name", "seq"),
        Index("ix_tasks_flow", "flow_id", "seq"),
        Index(
            "ix_tasks_flow_open",
            "flow_id",
            "seq",
            sqlite_where=text(IS_OPEN + " AND flow_id IS NOT NULL"),
            postgresql_where=text(IS_OPEN + " AND flow_id IS NOT NULL"),
        ),
        Index("ix_tasks_lane", "lane", "seq"),
        Index("ix_tasks_agent", "agent", "seq"),
        Index("ix_tasks_created", "created_at", "seq"),
        Index("ix_tasks_completed", "completed_at"),
        Index(
            "ix_tasks_claim",
            "lane",
            text("priority DESC"),
            "seq",
            sqlite_where=text(IS_PENDING),
            postgresql_where=text(IS_PENDING),
        ),
        Index(
            "ix_tasks_expires",
            "expires_at",
            sqlite_where=text(IS_PENDING + " AND expires_at IS NOT NULL"),
            postgresql_where=text(IS_PENDING + " AND expires_at IS NOT NULL"),
        ),
        Index(
            "ix_tasks_open",
            "session_id",
            "seq",
            sqlite_where=text(IS_OPEN),
            postgresql_where=text(IS_OPEN),
        ),
        Index(
            "uq_tasks_active_lane",
            "lane",
            unique=True,
            sqlite_where=text(IS_ACTIVE),
            postgresql_where=text(IS_ACTIVE),
        ),
        Index(
            "uq_tasks_active_talk",
            "session_id",
            unique=True,
            sqlite_where=text(TALKS),
            postgresql_where=text(TALKS),
        ),
        # a deleted task's number is never given again: pages that ask "what came after" rely on it
        {"sqlite_autoincrement": True},
    )


class Attempt(db.Model):  # type: ignore[name-defined]
    """One run of a task, numbered from 1."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.task_id", ondelete="CASCADE"))
    number: Mapped[int]
    runner_id: Mapped[str] = mapped_column(String(36))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(16))
    """completed, failed or stopped; null while it runs."""
    error: Mapped[str | None] = mapped_column(Text)
    exit_code: Mapped[int | None]
    reports: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    """``[{path, size, time_ns}]`` of the files in reports/ it wrote, the one to show first."""
    model: Mapped[str | None] = mapped_column(String(200))
    """The model it asked; null: none."""
    requests: Mapped[int | None] = mapped_column(BigInteger)
    input_tokens: Mapped[int | None] = mapped_column(BigInteger)
    output_tokens: Mapped[int | None] = mapped_column(BigInteger)
    cost: Mapped[float | None] = mapped_column(Float)
    """USD, of those requests whose price is known."""
    unpriced: Mapped[int | None] = mapped_column(BigInteger)
    """Requests whose price nobody knows."""

    __table_args__ = (UniqueConstraint("task_id", "number", name="uq_attempts_task_number"),)


class Instruction(db.Model):  # type: ignore[name-defined]
    """Text a person added to a running task: queued, delivered, consumed, or never_read."""

    __tablename__ = "instructions"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    instruction_id: Mapped[str] = mapped_column(String(36), unique=True)
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.task_id", ondelete="CASCADE"))
    attempt: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16), default="text")
    """``text``, or ``end_input`` for the end of the input."""
    instruction: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    consumed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    step: Mapped[str | None] = mapped_column(String(200))

    __table_args__ = (Index("ix_instructions_task", "task_id", "seq"),)
