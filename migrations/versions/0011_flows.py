"""Room for flows, their schedules, and what became of each due time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
IS_DUE = sa.text("is_enabled AND fire_at IS NOT NULL")
OPEN_OF_FLOW = sa.text("status IN ('pending', 'running', 'paused') AND flow_id IS NOT NULL")


def upgrade() -> None:
    """No task came from a flow yet."""
    op.add_column("tasks", sa.Column("retry_delay_s", sa.Float(), nullable=True))
    op.add_column(
        "tasks",
        sa.Column("rerun_interrupted", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_index(
        "ix_tasks_flow_open",
        "tasks",
        ["flow_id", "seq"],
        sqlite_where=OPEN_OF_FLOW,
        postgresql_where=OPEN_OF_FLOW,
    )
    _flows()
    _schedules()
    _occurrences()


def downgrade() -> None:
    """Forget them; their tasks stay."""
    op.drop_table("occurrences")
    op.drop_table("schedules")
    op.drop_table("flows")
    op.drop_index("ix_tasks_flow_open", "tasks")
    op.drop_column("tasks", "rerun_interrupted")
    op.drop_column("tasks", "retry_delay_s")


def _flows() -> None:
    op.create_table(
        "flows",
        sa.Column("seq", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("flow_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("task_description", sa.Text(), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("agent_settings", sa.JSON(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=True),
        sa.Column("llm_profile_name", sa.String(length=100), nullable=True),
        sa.Column("agent_mode", sa.String(length=20), nullable=False),
        sa.Column("mcp_server_config", sa.JSON(), nullable=True),
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("timeout_s", sa.Float(), nullable=True),
        sa.Column("silence_timeout_s", sa.Float(), nullable=True),
        sa.Column("waiting_timeout_s", sa.Float(), nullable=True),
        sa.Column("max_retries", sa.Integer(), nullable=False),
        sa.Column("retry_delay_s", sa.Float(), nullable=True),
        sa.Column("rerun_interrupted", sa.Boolean(), nullable=False),
        sa.Column("budget", sa.JSON(), nullable=True),
        sa.Column("notify", sa.JSON(), nullable=True),
        sa.Column("hook_hash", sa.String(length=64), nullable=True),
        sa.Column("hook_ending", sa.String(length=8), nullable=True),
        sa.Column("hook_created_at", MOMENT, nullable=True),
        sa.Column("failures_in_row", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["lane"], ["lanes.name"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("flow_id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("hook_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_flows_lane", "flows", ["lane"])


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("flow_id", sa.String(length=64), nullable=False),
        sa.Column("cron_expression", sa.String(length=200), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("overlap", sa.String(length=16), nullable=False),
        sa.Column("catch_up", sa.String(length=8), nullable=False),
        sa.Column("catch_up_limit", sa.Integer(), nullable=False),
        sa.Column("catch_up_window_s", sa.Float(), nullable=False),
        sa.Column("grace_s", sa.Float(), nullable=False),
        sa.Column("jitter_s", sa.Float(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("calendar", sa.JSON(), nullable=True),
        sa.Column("pause_after_failures", sa.Integer(), nullable=True),
        sa.Column("paused_at", MOMENT, nullable=True),
        sa.Column("pause_code", sa.String(length=64), nullable=True),
        sa.Column("pause_params", sa.JSON(), nullable=True),
        sa.Column("last_execution_at", MOMENT, nullable=True),
        sa.Column("next_execution_at", MOMENT, nullable=True),
        sa.Column("fire_at", MOMENT, nullable=True),
        sa.Column("execution_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "overlap IN ('skip', 'queue_one', 'queue_all', 'replace')", name="ck_overlap"
        ),
        sa.CheckConstraint("catch_up IN ('skip', 'once', 'all')", name="ck_catch_up"),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.flow_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("flow_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_schedules_due",
        "schedules",
        ["fire_at", "id"],
        sqlite_where=IS_DUE,
        postgresql_where=IS_DUE,
    )
    op.create_index("ix_schedules_enabled", "schedules", ["is_enabled", "next_execution_at"])
    op.create_index("ix_schedules_cron", "schedules", ["cron_expression"])


def _occurrences() -> None:
    op.create_table(
        "occurrences",
        sa.Column("seq", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("schedule_id", BIG_ID, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("fate", sa.String(length=8), nullable=False),
        sa.Column("late_ms", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("params", sa.JSON(), nullable=True),
        sa.Column("task_id", sa.String(length=36), nullable=True),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("fate IN ('fired', 'skipped', 'missed')", name="ck_fate"),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedules.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("schedule_id", "due_at", name="uq_occurrences_due"),
    )
    op.create_index("ix_occurrences_task", "occurrences", ["task_id"])
