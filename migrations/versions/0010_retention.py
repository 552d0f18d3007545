"""Room for what retention removed, and the turn that one process takes at it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Nothing was removed yet, and it is nobody's turn."""
    op.add_column("tasks", sa.Column("output_removed_at", MOMENT, nullable=True))
    op.add_column("sessions", sa.Column("workspace_removed_at", MOMENT, nullable=True))
    made = op.create_table(
        "housekeeping",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(length=36), nullable=True),
        sa.Column("beat_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("removed", sa.JSON(), nullable=True),
        sa.Column("used", sa.JSON(), nullable=True),
        sa.CheckConstraint("id = 1", name="ck_housekeeping_one_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(made, [{"id": 1}])


def downgrade() -> None:
    """Take the columns and the table away."""
    op.drop_table("housekeeping")
    op.drop_column("sessions", "workspace_removed_at")
    op.drop_column("tasks", "output_removed_at")
