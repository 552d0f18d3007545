"""Write every status in lower case, and refuse any other word from now on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEPT = {"sqlite_autoincrement": True}
"""What rebuilding the table on SQLite would otherwise lose."""
STATUSES = "'pending', 'running', 'paused', 'completed', 'failed', 'stopped'"


def upgrade() -> None:
    """Repair the case in tasks, and in the sessions that repeat their newest task's status."""
    for table in ("tasks", "sessions"):
        op.execute(
            sa.text(
                f"UPDATE {table} SET status = lower(trim(status))"
                " WHERE status <> lower(trim(status))"
            )
        )
    with op.batch_alter_table("tasks", table_kwargs=KEPT) as tasks:
        tasks.create_check_constraint("ck_tasks_status", f"status IN ({STATUSES})")


def downgrade() -> None:
    """Let any word in again; what was repaired stays repaired."""
    with op.batch_alter_table("tasks", table_kwargs=KEPT) as tasks:
        tasks.drop_constraint("ck_tasks_status", type_="check")
