"""A session says what it is about, and lists of sessions have an index to go by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TITLE = """
UPDATE sessions SET title = (
    SELECT substr(tasks.task_description, 1, 300) FROM tasks
    WHERE tasks.session_id = sessions.session_id ORDER BY tasks.seq LIMIT 1
)
"""


def upgrade() -> None:
    """Call every session what its first task was called."""
    op.add_column("sessions", sa.Column("title", sa.Text(), nullable=True))
    op.execute(TITLE)
    op.drop_index("ix_sessions_last_activity", "sessions")
    op.create_index("ix_sessions_last_activity", "sessions", ["last_activity", "session_id"])


def downgrade() -> None:
    """Take the names away."""
    op.drop_index("ix_sessions_last_activity", "sessions")
    op.create_index("ix_sessions_last_activity", "sessions", ["last_activity"])
    op.drop_column("sessions", "title")
