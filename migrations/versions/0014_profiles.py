"""Models that agents ask, and servers whose tools they use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """There are none yet."""
    _llm_profiles()
    _mcp_profiles()


def downgrade() -> None:
    """Forget them, and their keys."""
    op.drop_table("mcp_profiles")
    op.drop_table("llm_profiles")


def _llm_profiles() -> None:
    op.create_table(
        "llm_profiles",
        sa.Column("profile_id", sa.String(length=36), nullable=False),
        sa.Column("profile_name", sa.String(length=100), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=True),
        sa.Column("api_key", sa.JSON(), nullable=True),
        sa.Column("api_key_set_at", MOMENT, nullable=True),
        sa.Column("temperature", sa.Float(), nullable=True),
        sa.Column("max_tokens", sa.Integer(), nullable=True),
        sa.Column("top_p", sa.Float(), nullable=True),
        sa.Column("frequency_penalty", sa.Float(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("provider_config", sa.JSON(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("request_timeout_s", sa.Float(), nullable=False),
        sa.Column("run_requests", sa.Integer(), nullable=True),
        sa.Column("run_tokens", sa.BigInteger(), nullable=True),
        sa.Column("run_cost", sa.Float(), nullable=True),
        sa.Column("input_price", sa.Float(), nullable=True),
        sa.Column("output_price", sa.Float(), nullable=True),
        *_edits(),
        sa.PrimaryKeyConstraint("profile_id"),
        sa.UniqueConstraint("profile_name"),
    )
    where = sa.text("is_default")
    op.create_index(
        "ix_llm_profiles_default",
        "llm_profiles",
        ["is_default"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_index("ix_llm_profiles_provider", "llm_profiles", ["provider", "is_active"])


def _mcp_profiles() -> None:
    op.create_table(
        "mcp_profiles",
        sa.Column("mcp_id", sa.String(length=36), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("mcp_server_name", sa.String(length=64), nullable=False),
        sa.Column("mcp_server_params", sa.JSON(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("selected_tools", sa.JSON(), nullable=True),
        sa.Column("startup_timeout_s", sa.Float(), nullable=False),
        sa.Column("call_timeout_s", sa.Float(), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        *_edits(),
        sa.PrimaryKeyConstraint("mcp_id"),
        sa.UniqueConstraint("display_name"),
        sa.UniqueConstraint("mcp_server_name"),
    )


def _edits() -> Iterator[sa.Column[Any]]:
    yield sa.Column("created_by", sa.String(length=100), nullable=False)
    yield sa.Column("created_at", MOMENT, nullable=False)
    yield sa.Column("updated_at", MOMENT, nullable=False)
    yield sa.Column("last_used_at", MOMENT, nullable=True)
    yield sa.Column("version", sa.BigInteger(), nullable=False)
