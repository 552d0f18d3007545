"""What agents work with: models and how they are asked, and servers that have tools."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import UtcDateTime, db

IS_DEFAULT = "is_default"


class LlmProfile(db.Model):  # type: ignore[name-defined]
    """A model under a name: where it is, how it is asked, and what a run of it may use up."""

    __tablename__ = "llm_profiles"

    profile_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    profile_name: Mapped[str] = mapped_column(String(100), unique=True)
    provider: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(200))
    base_url: Mapped[str | None] = mapped_column(Text)
    """Where it is asked; null: where its provider is."""
    api_key: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """As the vault sealed it, with the ending it is recognised by."""
    api_key_set_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    temperature: Mapped[float | None] = mapped_column(Float)
    max_tokens: Mapped[int | None]
    top_p: Mapped[float | None] = mapped_column(Float)
    frequency_penalty: Mapped[float | None] = mapped_column(Float)
    seed: Mapped[int | None] = mapped_column(BigInteger)
    provider_config: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What only its provider knows: a region, a version of its API."""
    description: Mapped[str | None] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_default: Mapped[bool] = mapped_column(default=False)
    request_timeout_s: Mapped[float] = mapped_column(Float, default=120.0)
    run_requests: Mapped[int | None]
    """How many times a run may ask it; null: as often as it likes."""
    run_tokens: Mapped[int | None] = mapped_column(BigInteger)
    run_cost: Mapped[float | None] = mapped_column(Float)
    """How many dollars a run may cost."""
    input_price: Mapped[float | None] = mapped_column(Float)
    """Dollars for a million tokens; null: what is known of the model."""
    output_price: Mapped[float | None] = mapped_column(Float)
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    """Counts edits by people; that it was used is none."""

    __table_args__ = (
        Index(
            "ix_llm_profiles_default",
            "is_default",
            unique=True,
            sqlite_where=text(IS_DEFAULT),
            postgresql_where=text(IS_DEFAULT),
        ),
        Index("ix_llm_profiles_provider", "provider", "is_active"),
    )


class McpProfile(db.Model):  # type: ignore[name-defined]
    """A server of the Model Context Protocol that tasks may use the tools of."""

    __tablename__ = "mcp_profiles"

    mcp_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    display_name: Mapped[str] = mapped_column(String(100), unique=True)
    mcp_server_name: Mapped[str] = mapped_column(String(64), unique=True)
    mcp_server_params: Mapped[dict[str, Any]] = mapped_column(JSON(none_as_null=True))
    """How it is started or reached, as `webapp.domain.mcp` checked it; ``env`` and ``headers``
    are sealed."""
    description: Mapped[str | None] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(default=True)
    selected_tools: Mapped[dict[str, bool] | None] = mapped_column(JSON(none_as_null=True))
    """Whether a task may use each tool, by its name; null: all of them."""
    startup_timeout_s: Mapped[float] = mapped_column(Float, default=30.0)
    call_timeout_s: Mapped[float] = mapped_column(Float, default=60.0)
    is_required: Mapped[bool] = mapped_column(default=False)
    """Whether a task fails if it does not start; otherwise the task goes on without it."""
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
