"""Toolkits of a service that calls tools for us, and the keys by which services know us."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import UtcDateTime, db


class Toolkit(db.Model):  # type: ignore[name-defined]
    """Tools of one application, as Composio told us of them, and which of them tasks may use."""

    __tablename__ = "toolkits"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    slug: Mapped[str] = mapped_column(String(100), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    logo: Mapped[str | None] = mapped_column(Text)
    app_url: Mapped[str | None] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=False)
    """Whether tasks are given its tools, once it is connected."""
    tools: Mapped[dict[str, bool]] = mapped_column(JSON(none_as_null=True), default=dict)
    """Whether a task may use each tool that is known of, by its name; a new one it may."""
    connection_status: Mapped[str] = mapped_column(String(40))
    """A status of Composio's in lower case, or ``not_connected`` or ``not_needed``."""
    connection_id: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_toolkits_enabled", "enabled", "slug"),)


class Credential(db.Model):  # type: ignore[name-defined]
    """The key by which a service outside knows this server."""

    __tablename__ = "credentials"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    sealed: Mapped[dict[str, Any]] = mapped_column(JSON(none_as_null=True))
    """As the vault sealed it, with the ending it is recognised by."""
    set_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
