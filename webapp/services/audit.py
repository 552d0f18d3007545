"""The record of who did what, for verbs that are already in their transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert

from webapp.db import db
from webapp.models import AuditEntry

_NOTE = insert(AuditEntry.__table__)


def note(principal: str, action: str, target: str | None, now: datetime, **detail: Any) -> None:
    """Write one line of the audit log."""
    values = {"at": now, "principal": principal, "action": action, "target": target}
    db.session.execute(_NOTE, {**values, "detail": detail or None})
