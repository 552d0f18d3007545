"""What tests of firing share: one look at a moment, and the ledger of a schedule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from webapp.config import Settings
from webapp.db import db
from webapp.models import Occurrence, Task
from webapp.services.firing import rounds
from webapp.services.firing.writing import Fired, Terms
from webapp.services.submissions import Bounds

_occurrences = Occurrence.__table__
_tasks = Task.__table__

FireDue = Callable[..., Fired]
Ledger = Callable[[int], list[Any]]


@pytest.fixture
def fire_due(app: APIFlask, settings: Settings) -> FireDue:
    """Fire what is due at a moment."""

    def fire(now: datetime, *, limit: int = 1000, **how: Any) -> Fired:
        terms = Terms(
            Bounds(limit, settings.data / "workspaces"), how.pop("agents", frozenset({"scripted"}))
        )
        with app.app_context():
            return rounds.fire_due(now, terms, **how)

    return fire


@pytest.fixture
def ledger(app: APIFlask) -> Ledger:
    """The rows of a schedule's ledger, oldest first."""

    def read(schedule_id: int) -> list[Any]:
        query = select(_occurrences).where(_occurrences.c.schedule_id == schedule_id)
        with app.app_context(), db.engines[None].connect() as connection:
            return list(connection.execute(query.order_by(_occurrences.c.due_at)).all())

    return read


@pytest.fixture
def tasks_of(app: APIFlask) -> Callable[[str], list[Any]]:
    """The tasks of a flow, oldest first."""

    def read(flow_id: str) -> list[Any]:
        query = select(_tasks).where(_tasks.c.flow_id == flow_id)
        with app.app_context(), db.engines[None].connect() as connection:
            return list(connection.execute(query.order_by(_tasks.c.seq)).all())

    return read


def codes(rows: list[Any]) -> list[tuple[str, str | None]]:
    """Fates with their reasons."""
    return [(row.fate, row.code) for row in rows]
