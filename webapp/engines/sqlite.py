"""SQLite: a file with one writer at a time, whose driver must be told where transactions begin.

The writing engine begins with BEGIN IMMEDIATE and has a single connection, so that the writers of
this process queue up fairly in memory and only other processes meet the file lock.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from webapp.engines import Wanted
from webapp.gate import GatedPool


class SQLite:
    """The database of a single machine."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._common = {
            "url": wanted.url,
            "connect_args": {"isolation_level": None, "check_same_thread": False, "timeout": 0},
            "execution_options": {"locks_rows": False},
            "poolclass": GatedPool,
            "pool_timeout": wanted.patience_ms / 1000,
        }

    def writing(self) -> dict[str, Any]:
        """One connection for all who write."""
        return {**self._common, "pool_size": 1, "max_overflow": 0}

    def reading(self) -> dict[str, Any]:
        """A connection for everybody who reads."""
        threads = self._wanted.threads
        # the one used last knows the statements and pages best
        return {
            **self._common,
            "pool_size": threads,
            "max_overflow": threads,
            "pool_use_lifo": True,
        }

    def prepare(self, engine: Engine, *, reads: bool) -> None:
        """Teach an engine of pysqlite what pysqlite gets wrong: where transactions begin."""
        _make_private(engine.url.database or "")
        pragmas = [
            f"busy_timeout={self._wanted.patience_ms}",
            "foreign_keys=ON",
            f"synchronous={self._wanted.durability.upper()}",
            "query_only=ON" if reads else "journal_mode=WAL",
        ]

        @event.listens_for(engine, "connect")
        def _connected(connection: sqlite3.Connection, _record: object) -> None:
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
            # SQLite itself knows the lower case of ASCII alone
            connection.create_function("lineup_holds", 2, _holds, deterministic=True)

        begin = "BEGIN" if reads else "BEGIN IMMEDIATE"

        def _begin(connection: Any) -> None:
            connection.execute(begin)

        # Costs less than half of what the same statement does in a handler of the event "begin".
        engine.dialect.do_begin = _begin  # type: ignore[assignment, method-assign]


def _holds(text: str, wanted: str) -> bool:
    """Whether a text holds what is wanted, which is in lower case."""
    return wanted in text.lower()


def _make_private(database: str) -> None:
    """Have a SQLite file that its owner alone can read, before anybody connects.

    SQLite gives the files it makes beside it the same mode.
    """
    if not database or database.startswith((":", "file:")):
        return  # in memory, or by an address that is no path
    # Where this is refused, SQLite will say so, and better.
    with suppress(OSError):
        os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            Path(database + suffix).chmod(0o600)
