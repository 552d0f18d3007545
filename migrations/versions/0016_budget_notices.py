"""Notices of budgets that are nearly used up; that of the server is about no flow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KEPT = {"sqlite_autoincrement": True}
"""What rebuilding the table on SQLite would otherwise lose."""
BEFORE = "event IN ('failed', 'recovered', 'missed', 'paused')"
SINCE = "event IN ('failed', 'recovered', 'missed', 'paused', 'budget')"
OF_BUDGETS = "SELECT notification_id FROM notifications WHERE event = 'budget'"


def upgrade() -> None:
    """Every channel there is is told of them."""
    op.add_column(
        "channels", sa.Column("budget", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    with _rebuilt() as notifications:
        notifications.alter_column("flow_id", existing_type=sa.String(64), nullable=True)
        notifications.drop_constraint("ck_event", type_="check")
        notifications.create_check_constraint("ck_event", SINCE)


def downgrade() -> None:
    """Forget them."""
    op.execute(f"DELETE FROM deliveries WHERE notification_id IN ({OF_BUDGETS})")
    op.execute("DELETE FROM notifications WHERE event = 'budget'")
    with _rebuilt() as notifications:
        notifications.drop_constraint("ck_event", type_="check")
        notifications.create_check_constraint("ck_event", BEFORE)
        notifications.alter_column("flow_id", existing_type=sa.String(64), nullable=False)
    op.drop_column("channels", "budget")


@contextmanager
def _rebuilt() -> Iterator[BatchOperations]:
    """Change the notices; on SQLite a new table must not give the numbers of deleted ones again."""
    connection = op.get_bind()
    on_sqlite = connection.dialect.name == "sqlite"
    last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'notifications'"
    given = connection.execute(sa.text(last)).scalar_one() if on_sqlite else 0
    with op.batch_alter_table("notifications", table_kwargs=KEPT) as notifications:
        yield notifications
    if on_sqlite:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'notifications'")
        row = f"('notifications', {int(given)})"
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES {row}")
