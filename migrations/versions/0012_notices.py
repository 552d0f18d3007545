"""Channels, what is told through them, and what of flows and schedules needs a look."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
INDEXES = (
    ("ix_flows_failing", "flows", "failed_at"),
    ("ix_schedules_paused", "schedules", "paused_at"),
    ("ix_schedules_missed", "schedules", "missed_at"),
)


def upgrade() -> None:
    """Nobody was told anything yet."""
    op.add_column("flows", sa.Column("failed_at", MOMENT, nullable=True))
    op.add_column("flows", sa.Column("failed_task_id", sa.String(length=36), nullable=True))
    op.add_column("flows", sa.Column("told_at", MOMENT, nullable=True))
    op.add_column("schedules", sa.Column("missed_at", MOMENT, nullable=True))
    op.add_column(
        "schedules",
        sa.Column("missed_count", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.add_column("schedules", sa.Column("missed_from", MOMENT, nullable=True))
    op.add_column("schedules", sa.Column("missed_until", MOMENT, nullable=True))
    for name, table, column in INDEXES:
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
    _channels()
    _notifications()
    _deliveries()


def downgrade() -> None:
    """Forget them."""
    for table in ("deliveries", "notifications", "channels"):
        op.drop_table(table)
    for name, table, _ in INDEXES:
        op.drop_index(name, table)
    for column in ("missed_until", "missed_from", "missed_count", "missed_at"):
        op.drop_column("schedules", column)
    for column in ("told_at", "failed_task_id", "failed_at"):
        op.drop_column("flows", column)


def _channels() -> None:
    op.create_table(
        "channels",
        sa.Column("channel_id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("service", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("shown", sa.String(length=200), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("failed_after", sa.Integer(), nullable=True),
        sa.Column("recovered", sa.Boolean(), nullable=False),
        sa.Column("missed", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("trouble_at", MOMENT, nullable=True),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("failed_after > 0", name="ck_failed_after"),
        sa.PrimaryKeyConstraint("channel_id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )


def _notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("notification_id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("flow_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("event IN ('failed', 'recovered', 'missed', 'paused')", name="ck_event"),
        sa.PrimaryKeyConstraint("notification_id"),
        sqlite_autoincrement=True,
    )
    columns = ["flow_id", "event", "notification_id"]
    op.create_index("ix_notifications_flow", "notifications", columns)
    op.create_index("ix_notifications_created", "notifications", ["created_at"])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("notification_id", BIG_ID, nullable=False),
        sa.Column("channel_id", BIG_ID, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('pending', 'sent', 'failed')", name="ck_state"),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.channel_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notifications.notification_id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery_id"),
        sqlite_autoincrement=True,
    )
    where = sa.text("state = 'pending'")
    op.create_index("ix_deliveries_notification", "deliveries", ["notification_id"])
    op.create_index("ix_deliveries_channel", "deliveries", ["channel_id", "delivery_id"])
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["next_try_at", "delivery_id"],
        sqlite_where=where,
        postgresql_where=where,
    )
