"""An attempt remembers the reports it wrote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No attempt so far is known to have written one."""
    op.add_column("attempts", sa.Column("reports", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget which they were; the files stay in the workspaces."""
    op.drop_column("attempts", "reports")
