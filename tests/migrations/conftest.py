"""Databases that are brought up and down by the real migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from apiflask import APIFlask

from webapp import create_app
from webapp.config import Settings
from webapp.db import dispose
from webapp.schema import MIGRATIONS

AT = "2026-11-01 10:00:00.000000"


class Database:
    """A database file of some revision; rows go in and out without the program."""

    def __init__(self, app: APIFlask, path: Path) -> None:
        self._app = app
        self.path = path

    def up(self, revision: str = "head") -> None:
        """Upgrade to a revision."""
        with self._app.app_context():
            flask_migrate.upgrade(str(MIGRATIONS), revision)

    def down(self, revision: str = "base") -> None:
        """Downgrade to a revision."""
        with self._app.app_context():
            flask_migrate.downgrade(str(MIGRATIONS), revision)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and commit; the rows it gives."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("PRAGMA foreign_keys=ON")
            return connection.execute(sql, values).fetchall()

    def insert(self, table: str, **values: Any) -> None:
        """Insert a row; what is not given and may not be null is filled in."""
        columns = self.query(f"PRAGMA table_info({table})")
        for _, name, kind, needed, *_ in columns:
            if needed and name not in values and name not in ("seq", "id"):
                values[name] = 0 if kind in ("INTEGER", "BIGINT", "BOOLEAN", "FLOAT") else AT
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        self.query(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())

    def task(self, task_id: str, status: str, *, lane: str = "main", session: str = "s") -> None:
        """Insert a task with an attempt, an instruction and an activity."""
        self.insert(
            "tasks", task_id=task_id, status=status, lane=lane, session_id=session,
            agent_settings="{}", runner_id="gone", wish="stop",
        )  # fmt: skip
        self.query("UPDATE sessions SET status = ?, newest_task_id = ? WHERE session_id = ?",
                   status, task_id, session)  # fmt: skip
        self.insert("attempts", task_id=task_id, number=1)
        self.insert("instructions", task_id=task_id, instruction_id=f"{task_id}-i")
        index = self.query("SELECT count(*) FROM activity WHERE session_id = ?", session)[0][0]
        self.insert("activity", session_id=session, message_index=index, task_id=task_id)

    def statuses(self) -> dict[str, str]:
        """Every task's status by its id."""
        return dict(self.query("SELECT task_id, status FROM tasks ORDER BY seq"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it, not even a table."""
    app = create_app(Settings(data=tmp_path / "data"))
    yield Database(app, tmp_path / "data" / "lineup.db")
    dispose(app)


@pytest.fixture
def filled(database: Database) -> Callable[[], Database]:
    """A database of the first revision, with statuses as older programs wrote them."""

    def fill() -> Database:
        database.up("0001")
        for lane in ("main", "other"):
            database.insert("lanes", name=lane, pending=7, running=7)
        for session in ("s", "t"):
            database.insert("sessions", session_id=session)
        for number, status in enumerate(
            (
                "RUNNING",
                "Completed",
                " failed ",
                "PENDING",
                "Stopped",
                "paused",
                "pending",
                "Running",
            )
        ):
            database.task(f"task-{number}", status)
        database.task("elsewhere", "RUNNING", lane="other", session="t")
        return database

    return fill
