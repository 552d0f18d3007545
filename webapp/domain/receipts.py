"""What becomes of an instruction."""

from __future__ import annotations

from enum import StrEnum


class Receipt(StrEnum):
    """How far an instruction has come; the database, the API and the pages use these very words."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    CONSUMED = "consumed"
    NEVER_READ = "never_read"


UNREAD = (Receipt.QUEUED, Receipt.DELIVERED)
"""Not read yet, and may still be."""
