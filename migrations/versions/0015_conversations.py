"""What was said to models and what they used; one task of a session talks to one at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TALKS = "status IN ('running', 'paused') AND agent IN ('llm', 'browser')"
USED = (
    ("model", sa.String(length=200)),
    ("requests", sa.BigInteger()),
    ("input_tokens", sa.BigInteger()),
    ("output_tokens", sa.BigInteger()),
    ("cost", sa.Float()),
    ("unpriced", sa.BigInteger()),
)


def upgrade() -> None:
    """Nothing was said yet."""
    op.create_table(
        "session_messages",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("message", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.task_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id", "attempt", "number", name="uq_session_messages_number"),
    )
    op.create_index("ix_session_messages_session", "session_messages", ["session_id", "id"])
    op.create_table(
        "spent_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("flow_id", sa.String(length=64), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("warned", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("day", "flow_id"),
    )
    for name, kind in USED:
        op.add_column("attempts", sa.Column(name, kind, nullable=True))
    op.create_index(
        "uq_tasks_active_talk",
        "tasks",
        ["session_id"],
        unique=True,
        sqlite_where=sa.text(TALKS),
        postgresql_where=sa.text(TALKS),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_index("uq_tasks_active_talk", "tasks")
    for name, _ in reversed(USED):
        op.drop_column("attempts", name)
    op.drop_table("spent_days")
    op.drop_table("session_messages")
