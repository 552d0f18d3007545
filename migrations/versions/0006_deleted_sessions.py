"""A session can be marked as deleted, and its open tasks are found at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = sa.text("status IN ('pending', 'running', 'paused')")
DELETED = sa.text("deleted_at IS NOT NULL")


def upgrade() -> None:
    """Room for the mark, and the two indexes that deleting needs."""
    op.add_column("sessions", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_sessions_deleted",
        "sessions",
        ["deleted_at"],
        sqlite_where=DELETED,
        postgresql_where=DELETED,
    )
    op.create_index(
        "ix_tasks_open", "tasks", ["session_id", "seq"], sqlite_where=OPEN, postgresql_where=OPEN
    )


def downgrade() -> None:
    """Forget the marks; what was not removed yet is a session again."""
    op.drop_index("ix_tasks_open", "tasks")
    op.drop_index("ix_sessions_deleted", "sessions")
    op.drop_column("sessions", "deleted_at")
