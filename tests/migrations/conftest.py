"""Databases that are brought up and down by the real migrations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from apiflask import APIFlask
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    DateTime,
    Engine,
    Float,
    Integer,
    String,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.pool import NullPool

from webapp import create_app
from webapp.config import Settings
from webapp.db import dispose
from webapp.schema import MIGRATIONS

FILLINGS = {Boolean: False, Integer: 0, Float: 0, DateTime: "2026-11-01 10:00:00.000000"}
FILLINGS |= {JSON: "{}", String: "x"}
"""What is filled in, by the kind of the column."""


class Database:
    """A database of some revision; rows go in and out without the program."""

    def __init__(self, app: APIFlask) -> None:
        self._app = app
        self.engine = plain_engine(app.config["SQLALCHEMY_DATABASE_URI"])
        self.on_sqlite = self.engine.dialect.name == "sqlite"

    def up(self, revision: str = "head") -> None:
        """Upgrade to a revision."""
        with self._app.app_context():
            flask_migrate.upgrade(str(MIGRATIONS), revision)

    def down(self, revision: str = "base") -> None:
        """Downgrade to a revision."""
        with self._app.app_context():
            flask_migrate.downgrade(str(MIGRATIONS), revision)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement, with ? for each value, and commit; the rows it gives."""
        with self.engine.begin() as connection:
            marked = sql if self.on_sqlite else sql.replace("%", "%%").replace("?", "%s")
            done = connection.exec_driver_sql(marked, values)
            return [tuple(row) for row in done] if done.returns_rows else []

    def insert(self, table: str, **values: Any) -> None:
        """Insert a row; what is not given and may not be null is filled in."""
        for column in inspect(self.engine).get_columns(table):
            name, kind = column["name"], column["type"]
            if not column["nullable"] and name not in values and name not in ("seq", "id"):
                values[name] = next(v for k, v in FILLINGS.items() if isinstance(kind, k))
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

    def orphans(self) -> list[tuple[Any, ...]]:
        """What refers to rows that are not there; PostgreSQL never allows that."""
        return self.query("PRAGMA foreign_key_check") if self.on_sqlite else []

    def described(self) -> dict[str, object]:
        """Every table and index by name, in words that can be compared."""
        return described(self.engine)

    def statuses(self) -> dict[str, str]:
        """Every task's status by its id."""
        return dict(self.query("SELECT task_id, status FROM tasks ORDER BY seq"))


def plain_engine(url: str) -> Engine:
    """An engine without the rules of the program, and without a pool."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda made, _: made.execute("PRAGMA foreign_keys=ON"))
    return engine


def described(engine: Engine) -> dict[str, object]:
    """Every table and index by name: its parts, in no order, without quotes and spacing."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            found = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
                " AND name NOT LIKE 'sqlite%' AND name <> 'alembic_version'"
            )
            return {name: _parts(sql) for name, sql in found}
        return _in_catalogue(connection)


def _in_catalogue(connection: Connection) -> dict[str, object]:
    """What PostgreSQL has written down of columns, constraints and indexes."""
    columns = (
        "SELECT table_name || '.' || column_name, data_type, character_maximum_length,"
        " is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public'"
    )
    constraints = (
        "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND conrelid <> 0"
    )
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    queries = (columns, constraints, indexes)
    rows = [row for query in queries for row in connection.exec_driver_sql(query)]
    return {row[0]: tuple(row[1:]) for row in rows if "alembic_version" not in str(row)}


def _parts(sql: str) -> tuple[str, frozenset[str], str]:
    plain = re.sub(r"\s+", " ", sql.replace('"', "")).replace("( ", "(").replace(" )", ")")
    head, _, rest = plain.partition("(")
    body, tail = _closed(rest)
    return head.strip(), frozenset(_split(body)), tail.strip()


def _closed(text: str) -> tuple[str, str]:
    depth = 1
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[:at], text[at + 1 :]
    raise AssertionError(text)


def _split(body: str) -> Iterator[str]:
    depth, part = 0, ""
    for character in body:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += character
    yield part.strip()


@pytest.fixture
def new_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The address of a database with nothing in it, not even a table."""

    def make(name: str) -> str:
        if backend == "postgresql":
            return str(request.getfixturevalue("new_postgresql")(empty=True))
        return f"sqlite:///{tmp_path / name}"

    return make


@pytest.fixture
def database(new_url: Callable[[str], str], tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it, not even a table."""
    app = create_app(Settings(data=tmp_path / "data", database_url=new_url("lineup.db")))
    yield Database(app)
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
