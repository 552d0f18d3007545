"""Flows and schedules made past the doors, row by row: with what a test says, the rest plain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import insert, select, update

from webapp import clock
from webapp.db import db
from webapp.models import Flow, Schedule

_flows = Flow.__table__
_schedules = Schedule.__table__

MakeFlow = Callable[..., str]
MakeSchedule = Callable[..., int]
StoredSchedule = Callable[[int], Any]

_numbers = count(1)


@pytest.fixture
def make_flow(app: APIFlask) -> MakeFlow:
    """Store a flow of the scripted agent; returns its id."""

    def make(name: str | None = None, **fields: Any) -> str:
        name = name or f"flow {next(_numbers)}"
        now = fields.pop("now", None) or clock.now()
        values = {
            "flow_id": f"flow-{next(_numbers)}",
            "name": name,
            "task_description": name,
            "agent": "scripted",
            "agent_settings": {},
            "parameters": [],
            "agent_mode": "thinking",
            "lane": "main",
            "priority": 0,
            "max_retries": 0,
            "rerun_interrupted": False,
            "failures_in_row": 0,
            "created_by": "tests",
            "created_at": now,
            "updated_at": now,
            "version": 1,
        }
        values.update(fields)
        with app.app_context(), db.engines[None].begin() as connection:
            connection.execute(insert(_flows).values(**values))
        return str(values["flow_id"])

    return make


@pytest.fixture
def make_schedule(app: APIFlask, make_flow: MakeFlow) -> MakeSchedule:
    """Store a schedule, of a new flow unless one is named; returns its id.

    ``due`` is the due time it waits for, which is also when it is to be fired unless ``fire_at``
    says else.
    """

    def make(due: datetime | None = None, **fields: Any) -> int:
        now = fields.pop("now", None) or min(due or clock.now(), clock.now())
        values = {
            "flow_id": fields.pop("flow_id", None) or make_flow(now=now),
            "cron_expression": "* * * * *",
            "is_enabled": True,
            "timezone": "UTC",
            "overlap": "queue_one",
            "catch_up": "skip",
            "catch_up_limit": 100,
            "catch_up_window_s": 86400.0,
            "grace_s": 300.0,
            "jitter_s": 0.0,
            "next_execution_at": due,
            "fire_at": due,
            "execution_count": 0,
            "created_at": now,
            "updated_at": now,
            "version": 1,
        }
        values.update(fields)
        with app.app_context(), db.engines[None].begin() as connection:
            made = connection.execute(
                insert(_schedules).values(**values).returning(_schedules.c.id)
            )
            return int(made.scalar_one())

    return make


@pytest.fixture
def change_schedule(app: APIFlask) -> Callable[..., None]:
    """Write columns of a schedule, as an edit does that knows no rules."""

    def change(schedule_id: int, **columns: Any) -> None:
        values = {"version": _schedules.c.version + 1, **columns}
        with app.app_context(), db.engines[None].begin() as connection:
            which = _schedules.c.id == schedule_id
            connection.execute(update(_schedules).where(which).values(**values))

    return change


@pytest.fixture
def stored_schedule(app: APIFlask) -> StoredSchedule:
    """A schedule's row as it is in the database now."""

    def find(schedule_id: int) -> Any:
        with app.app_context(), db.engines[None].connect() as connection:
            which = _schedules.c.id == schedule_id
            return connection.execute(select(_schedules).where(which)).one()

    return find
