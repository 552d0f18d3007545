"""What people uploaded; the bytes lie in the workspace of the session."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import UtcDateTime, db
from webapp.models.tasks import BigId


class StoredFile(db.Model):  # type: ignore[name-defined]
    """One uploaded file."""

    __tablename__ = "files"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    file_id: Mapped[str] = mapped_column(String(36), unique=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.session_id", ondelete="CASCADE"))
    original_filename: Mapped[str] = mapped_column(Text)
    """As whoever sent it calls it; shown, and never used as a path."""
    stored_filename: Mapped[str] = mapped_column(String(255))
    same_name: Mapped[str] = mapped_column(Text)
    """Equal for names that some file system takes for one."""
    file_path: Mapped[str] = mapped_column(Text)
    file_size: Mapped[int] = mapped_column(BigInteger)
    mime_type: Mapped[str] = mapped_column(String(255))
    upload_time: Mapped[datetime] = mapped_column(UtcDateTime)
    uploaded_by: Mapped[str] = mapped_column(String(100))

    __table_args__ = (
        UniqueConstraint("session_id", "same_name", name="uq_files_session_name"),
        Index("ix_files_session", "session_id", "seq"),
        Index("ix_files_stored", "stored_filename"),
        {"sqlite_autoincrement": True},
    )
