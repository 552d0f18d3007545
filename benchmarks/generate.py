"""``python -m benchmarks.generate --data DIR``: fill a new database with a year of tasks.

A million tasks in about 20,000 sessions and five million entries of their logs, written directly,
with every counter as the program would have kept it. ``--database-url`` fills another database.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.engine import make_url

from benchmarks.past import LANES, Past, Row, new_session_row, session_row
from webapp import create_app, schema
from webapp.config import Settings
from webapp.db import dispose

BATCH = 20_000
TASK = (
    *("task_id", "session_id", "task_description", "status", "llm_profile_name", "workspace_dir"),
    *("agent_mode", "task_result", "error_message", "created_at", "updated_at", "started_at"),
    *("completed_at", "version", "flow_id", "agent", "agent_settings", "lane", "priority"),
    *("attempt", "max_retries", "not_before", "submitted_by", "abandoned"),
)
ATTEMPT = (
    *("task_id", "number", "runner_id", "started_at", "ended_at", "outcome", "error"),
    "exit_code",
)
ACTIVITY = (
    *("session_id", "message_index", "task_id", "attempt", "agent_name", "agent_status"),
    *("agent_msg", "code", "params", "timestamp"),
)
SESSION = (
    *("session_id", "workspace_dir", "created_at", "last_activity", "task_count"),
    "activity_count",
)
COUNTERS = (
    *("last_activity", "task_count", "activity_count", "last_entry", "newest_task_id"),
    *("status", "title", "session_id"),
)
STATUSES = ("pending", "running", "paused", "completed", "failed", "stopped")


class Target(Protocol):
    """A database that takes many rows at once."""

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Append rows to a table."""

    def each(self, statement: str, rows: Iterable[Row]) -> None:
        """Execute a statement with ``?`` for every row."""

    def commit(self) -> None:
        """Make it last."""


class Sqlite:
    """A SQLite file, without a sync until the end."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path)
        for pragma in ("synchronous=OFF", "cache_size=-600000", "wal_autocheckpoint=100000"):
            self.connection.execute(f"PRAGMA {pragma}")

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Append rows to a table."""
        marks = ", ".join("?" * len(columns))
        self.each(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def each(self, statement: str, rows: Iterable[Row]) -> None:
        """Execute a statement with ``?`` for every row."""
        self.connection.executemany(statement, rows)

    def commit(self) -> None:
        """Make it last."""
        self.connection.commit()

    def close(self) -> None:
        """Tidy up as the program would over time."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()


class Postgres:
    """A PostgreSQL database, filled by COPY."""

    def __init__(self, url: str) -> None:
        import psycopg

        plain = make_url(url).set(drivername="postgresql")
        self.connection: Any = psycopg.connect(plain.render_as_string(hide_password=False))
        self.connection.execute("SET timezone = 'UTC'")

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Append rows to a table."""
        with self.connection.cursor() as cursor:
            statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)

    def each(self, statement: str, rows: Iterable[Row]) -> None:
        """Execute a statement with ``?`` for every row."""
        with self.connection.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s"), list(rows))

    def commit(self) -> None:
        """Make it last."""
        self.connection.commit()

    def close(self) -> None:
        """Tidy up as the program would over time."""
        self.connection.commit()
        self.connection.autocommit = True
        self.connection.execute("VACUUM ANALYZE")
        self.connection.close()


def generate(data: Path, *, tasks: int, database_url: str = "", quiet: bool = True) -> Past:
    """Migrate a new database and fill it; returns what it holds."""
    settings = Settings(data=data, durability="normal", database_url=database_url)
    app = create_app(settings)
    schema.prepare(app)
    dispose(app)
    url = make_url(settings.sqlalchemy_url)
    past = Past(tasks, datetime.now(UTC), str(settings.data / "workspaces"))
    made = Sqlite(url.database or "") if url.drivername == "sqlite" else Postgres(str(url))
    with closing(made) as target:
        _fill(target, past, quiet)
    return past


def _fill(target: Target, past: Past, quiet: bool) -> None:
    began, done = time.monotonic(), 0
    now = f"{past.end:%Y-%m-%d %H:%M:%S}"
    zeros = (0,) * (len(STATUSES) + 1)
    lanes = [(name, now, *zeros) for name in LANES if name != "main"]
    target.load("lanes", ("name", "created_at", "version", *STATUSES), lanes)
    every = past.tasks()
    while batch := list(islice(every, BATCH)):
        opened = [session for *_, session in batch if session is not None]
        rows = (new_session_row(session, past.workspaces) for session in opened)
        target.load("sessions", SESSION, rows)
        target.load("tasks", TASK, (task for task, *_ in batch))
        target.load("attempts", ATTEMPT, (run for _, run, *_ in batch if run is not None))
        entries = sorted(entry for _, _, log, _ in batch for entry in log)
        target.load("activity", ACTIVITY, entries)
        target.commit()
        done += len(batch)
        if not quiet:
            print(f"{done:,} tasks after {time.monotonic() - began:.0f} s", flush=True)
    counted = ", ".join(f"{name} = ?" for name in COUNTERS[:-1])
    update = f"UPDATE sessions SET {counted} WHERE session_id = ?"
    target.each(update, (session_row(session) for session in past.sessions.values()))
    counted = ", ".join(f"{name} = ?" for name in STATUSES)
    update = f"UPDATE lanes SET version = version + 1, {counted} WHERE name = ?"
    target.each(update, _lanes(past))
    target.commit()


def _lanes(past: Past) -> Iterator[Row]:
    for name, counted in past.lanes.items():
        yield (*(counted[status] for status in STATUSES), name)


def main() -> None:
    """Fill what is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a new data directory")
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--database-url", default="", help="default: SQLite in the directory")
    chosen = parser.parse_args()
    past = generate(chosen.data, tasks=chosen.tasks, database_url=chosen.database_url, quiet=False)
    entries = sum(session.entries for session in past.sessions.values())
    print(f"{past.count:,} tasks, {len(past.sessions):,} sessions, {entries:,} entries")


if __name__ == "__main__":
    main()
