"""Ledgers, written past the clock that a test is not about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIFlask
from sqlalchemy import insert

from webapp.db import db
from webapp.models import Occurrence

HOURLY = "0 * * * *"
Fate = tuple[datetime, str, dict[str, Any]]


def put_fates(app: APIFlask, schedule_id: int, *fates: Fate) -> None:
    """Write lines into the ledger of a schedule: due time, fate, and what else there is."""
    with app.app_context(), db.engines[None].begin() as connection:
        for due_at, fate, more in fates:
            line = {"schedule_id": schedule_id, "due_at": due_at, "fate": fate}
            row = {"count": 1, "recorded_at": due_at, **line, **more}
            connection.execute(insert(Occurrence.__table__).values(**row))
