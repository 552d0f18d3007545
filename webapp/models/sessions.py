"""Sessions and the ordered log of what happened in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import UtcDateTime, db

IS_DELETED = "deleted_at IS NOT NULL"


class WorkSession(db.Model):  # type: ignore[name-defined]
    """A conversation: tasks that share a session id, one workspace and one activity log.

    Counts, last activity and the newest task's status are kept by the writers of tasks.
    """

    __tablename__ = "sessions"

    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_dir: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_activity: Mapped[datetime] = mapped_column(UtcDateTime)
    task_count: Mapped[int] = mapped_column(BigInteger, default=0)
    activity_count: Mapped[int] = mapped_column(BigInteger, default=0)
    last_entry: Mapped[str | None] = mapped_column(String(128))
    """``<task id>:<digest of name, status and message>`` of the latest activity."""
    newest_task_id: Mapped[str | None] = mapped_column(String(36))
    status: Mapped[str | None] = mapped_column(String(16))
    title: Mapped[str | None] = mapped_column(Text)
    """What it is about: how its first task began."""
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """From then on it is not there for anybody; what is left of it is being removed."""
    workspace_removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When retention last removed its files; a later task has a workspace again."""

    __table_args__ = (
        Index("ix_sessions_last_activity", "last_activity", "session_id"),
        Index(
            "ix_sessions_deleted",
            "deleted_at",
            sqlite_where=text(IS_DELETED),
            postgresql_where=text(IS_DELETED),
        ),
    )


class Activity(db.Model):  # type: ignore[name-defined]
    """One entry of a session's log. ``message_index`` counts from 0 without a hole."""

    __tablename__ = "activity"

    session_id: Mapped[str] = mapped_column(
        ForeignKey("sessions.session_id", ondelete="CASCADE"), primary_key=True
    )
    message_index: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    task_id: Mapped[str] = mapped_column(String(36))
    attempt: Mapped[int]
    agent_name: Mapped[str] = mapped_column(String(100))
    agent_status: Mapped[str] = mapped_column(String(32))
    agent_msg: Mapped[str] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(String(64))
    params: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    timestamp: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_activity_task", "task_id", "message_index"),
        {"sqlite_with_rowid": False},
    )
