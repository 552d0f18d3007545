"""Flows of an agent that does nothing, and schedules that are due at one moment or far away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.lineup import Home
from webapp import create_app, schema
from webapp.config import Settings
from webapp.db import db, dispose
from webapp.models import Flow, Schedule

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
AT_ONCE = 5_000


def expression(number: int, due: datetime) -> str:
    """One of many rules that all name this second, in every zone of whole hours."""
    second = due.second
    minutes = sorted({due.minute, (due.minute + 20 + number % 30) % 60})  # none comes again soon
    listed = ",".join(map(str, minutes))
    hours = ("*", "*/1", "0-23")[number % 3]
    days = ("* * *", "*/1 * *", "* * 0-6", "1-31 * *")[number // 3 % 4]
    return f"{second} {listed} {hours} {days}"


def fill(home: Home, count: int, due: datetime | None) -> None:
    """Have so many enabled schedules in the database; without ``due``, next year's."""
    app = create_app(Settings(data=home.data, durability="normal"))
    schema.prepare(app)
    with app.app_context():
        for start in range(0, count, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, count))
            with db.engines[None].begin() as connection:
                connection.execute(Flow.__table__.insert(), [_flow(n) for n in numbers])
                rows = [_schedule(n, due) for n in numbers]
                connection.execute(Schedule.__table__.insert(), rows)
    dispose(app)


def _flow(number: int) -> dict[str, Any]:
    return {
        "flow_id": f"flow-{number}",
        "name": f"flow {number}",
        "task_description": f"nothing, for the {number}th time",
        "agent": "noop",
        "agent_settings": {},
        "parameters": [],
        "agent_mode": "thinking",
        "lane": "main",
        "created_by": "benchmark",
        **_made(),
    }


def _schedule(number: int, due: datetime | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    later = datetime(now.year + 1, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    rule = f"{later.second} {later.minute} {later.hour} {later.day} 1 *"
    return {
        "flow_id": f"flow-{number}",
        "cron_expression": expression(number, due) if due else rule,
        "timezone": ZONES[number % len(ZONES)] if due else "UTC",
        "next_execution_at": due or later,
        "fire_at": due or later,
        **_made(),
    }


def _made() -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"created_at": now, "updated_at": now, "version": 1}
