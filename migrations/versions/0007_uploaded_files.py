"""Room for what people upload, and for which of it a task was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table; no task was given a file yet."""
    op.create_table(
        "files",
        sa.Column("seq", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("file_id", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("original_filename", sa.Text(), nullable=False),
        sa.Column("stored_filename", sa.String(length=255), nullable=False),
        sa.Column("same_name", sa.Text(), nullable=False),
        sa.Column("file_path", sa.Text(), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=False),
        sa.Column("mime_type", sa.String(length=255), nullable=False),
        sa.Column("upload_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uploaded_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.session_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("file_id"),
        sa.UniqueConstraint("session_id", "same_name", name="uq_files_session_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_files_session", "files", ["session_id", "seq"])
    op.create_index("ix_files_stored", "files", ["stored_filename"])
    op.add_column("tasks", sa.Column("upload_files", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget them; the files themselves stay in the workspaces."""
    op.drop_column("tasks", "upload_files")
    op.drop_table("files")
