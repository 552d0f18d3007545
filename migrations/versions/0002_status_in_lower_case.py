"""Write every status in lower case, and refuse any other word from now on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

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
    with _rebuilt() as tasks:
        tasks.create_check_constraint("ck_tasks_status", f"status IN ({STATUSES})")


def downgrade() -> None:
    """Let any word in again; what was repaired stays repaired."""
    with _rebuilt() as tasks:
        tasks.drop_constraint("ck_tasks_status", type_="check")


@contextmanager
def _rebuilt() -> Iterator[BatchOperations]:
    """Change the tasks; on SQLite a new table must not give the numbers of deleted ones again."""
    connection = op.get_bind()
    on_sqlite = connection.dialect.name == "sqlite"
    last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'tasks'"
    given = connection.execute(sa.text(last)).scalar_one() if on_sqlite else 0
    with op.batch_alter_table("tasks", table_kwargs=KEPT) as tasks:
        yield tasks
    if on_sqlite:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'tasks'")
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('tasks', {int(given)})")
