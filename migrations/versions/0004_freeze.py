"""Room for the freeze: one row while nothing new may begin."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; nothing is frozen."""
    op.create_table(
        "freeze",
        sa.Column("only", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("frozen_by", sa.String(length=100), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint('"only" = 1', name="ck_freeze_only_one"),
        sa.PrimaryKeyConstraint("only"),
    )


def downgrade() -> None:
    """Thaw, and drop the table."""
    op.drop_table("freeze")
