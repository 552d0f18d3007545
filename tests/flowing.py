"""Flows, their schedules and channels, put into the database past the doors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import insert, select, update

from tests.conftest import NOON
from webapp.db import db, transaction
from webapp.models import Channel, Delivery, Flow, Notification, Schedule, Task

FLOW = {
    "task_description": "nothing",
    "agent": "scripted",
    "agent_settings": {},
    "parameters": [],
    "agent_mode": "thinking",
    "lane": "main",
    "created_by": "tester",
}
SCHEDULE = {"cron_expression": "0 9 * * *", "timezone": "Europe/Berlin"}
CHANNEL = {"service": "json", "sealed": "sealed", "shown": "json://…", "created_by": "tester"}
MADE = {"created_at": NOON, "updated_at": NOON}


class Rows:
    """Puts rows into an application's database, and reads them back."""

    def __init__(self, app: APIFlask) -> None:
        self._app = app

    def flow(self, flow_id: str = "nightly", **columns: Any) -> str:
        """A flow of that id, and that name unless it is given one; returns the id."""
        values = {"flow_id": flow_id, "name": flow_id, **FLOW, **MADE, **columns}
        self.write(insert(Flow.__table__).values(values))
        return flow_id

    def schedule(self, flow_id: str = "nightly", **columns: Any) -> None:
        """A schedule of a flow."""
        self.write(
            insert(Schedule.__table__).values({"flow_id": flow_id, **SCHEDULE, **MADE, **columns})
        )

    def channel(self, name: str = "phone", **columns: Any) -> int:
        """A channel that wants everything, failures from the first on; returns its id."""
        values = {"name": name, "failed_after": 1, **CHANNEL, **MADE, **columns}
        self.write(insert(Channel.__table__).values(values))
        (row,) = self.read(select(Channel.channel_id).where(Channel.name == name))
        return int(row.channel_id)

    def belongs(self, task_id: str, flow_id: str = "nightly") -> None:
        """Make a task a run of a flow."""
        self.write(update(Task.__table__).where(Task.task_id == task_id).values(flow_id=flow_id))

    def write(self, statement: Any) -> None:
        """Execute a statement that writes, and commit."""
        with self._app.app_context():
            transaction(db.session.execute)(statement)

    def read(self, query: Any) -> list[Any]:
        """What a query finds."""
        with self._app.app_context():
            return list(db.session.execute(query).all())

    def one(self, table: Any) -> Any:
        """The only row of a table."""
        (row,) = self.read(select(table.__table__))
        return row

    def told(self) -> list[tuple[str, str]]:
        """Every notice on its way: the channel's name and the event, in the order they happened."""
        query = (
            select(Channel.name, Notification.event)
            .join(Delivery, Delivery.channel_id == Channel.channel_id)
            .join(Notification, Notification.notification_id == Delivery.notification_id)
            .order_by(Notification.notification_id, Channel.name)
        )
        return [(row.name, row.event) for row in self.read(query)]


@pytest.fixture
def rows(app: APIFlask) -> Rows:
    """What puts rows into the test's database."""
    return Rows(app)


@pytest.fixture
def run(submit: Callable[..., Any], claim: Any, conclude: Any, rows: Rows) -> Callable[..., str]:
    """Have a run of a flow end with an outcome; returns the task's id."""

    def end(outcome: Any, flow_id: str = "nightly", **fields: Any) -> str:
        task_id = submit(**fields).task_id
        rows.belongs(task_id, flow_id)
        conclude(claim(), outcome)
        return str(task_id)

    return end
