"""Lanes that are paused, drained, renamed and deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every lane there is is open."""
    with op.batch_alter_table("lanes") as lanes:
        lanes.add_column(sa.Column("state", sa.String(8), nullable=False, server_default="open"))
        lanes.add_column(sa.Column("state_reason", sa.Text(), nullable=True))
        lanes.add_column(sa.Column("state_by", sa.String(100), nullable=True))
        lanes.add_column(sa.Column("state_since", sa.DateTime(timezone=True), nullable=True))
        lanes.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
        lanes.add_column(sa.Column("renamed_to", sa.String(64), nullable=True))
        lanes.create_check_constraint("ck_lanes_state", "state IN ('open', 'paused', 'draining')")


def downgrade() -> None:
    """Lanes are open again; those that were deleted come back."""
    with op.batch_alter_table("lanes") as lanes:
        lanes.drop_constraint("ck_lanes_state", type_="check")
        for name in (
            *("renamed_to", "deleted_at"),
            *("state_since", "state_by", "state_reason", "state"),
        ):
            lanes.drop_column(name)
