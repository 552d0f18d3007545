"""The database: one session, two engines, and the rule which of them a piece of code is given.

Outside a service verb ``db.session`` reads: its engine refuses to write. A verb decorated with
`transaction` is given the writing engine for its whole length and is committed once, at its end.
On SQLite the writing engine begins with BEGIN IMMEDIATE and has a single connection, so that the
writers of this process queue up fairly in memory and only other processes meet the file lock.
"""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, DateTime, Engine, event, types
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase

from webapp.gate import GatedPool, gate

READ = "read"
BUSY_TIMEOUT_MS = 30_000
AWAY = (OperationalError, PoolTimeout)
"""What says that the database cannot be used now, but may be later."""

P = ParamSpec("P")
T = TypeVar("T")


class Base(DeclarativeBase):
    """The base of all tables."""


class UtcDateTime(types.TypeDecorator[datetime]):
    """A moment: only aware times go in, and aware UTC times come out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone; SQLite stores UTC without an offset."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give every time its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class RoutedSession(Session):
    """A session that reads, unless a transaction has lent it its connection.

    Our statements know tables, and no mapped objects. They are executed on a connection itself:
    what the ORM does around a short statement costs as much again.
    """

    writing: Connection | None = None
    reading: Connection | None = None

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine:
        """The engine of whatever is read in this session."""
        return db.engines[READ]

    def execute(self, statement: Any, params: Any = None, **_options: Any) -> Any:
        """Execute in the transaction at hand, or in a snapshot that lasts until `close`."""
        if self.writing is not None:
            return self.writing.execute(statement, params)
        if self.reading is None:
            self.reading = db.engines[READ].connect()
        return self.reading.execute(statement, params)

    def close(self) -> None:
        """Let go of what has been read."""
        if self.reading is not None:
            self.reading.close()
            self.reading = None
        if self.in_transaction():
            super().close()


db = SQLAlchemy(model_class=Base, session_options={"class_": RoutedSession})


def transaction(verb: Callable[P, T]) -> Callable[P, T]:
    """Make a service verb one transaction: committed when it returns, undone when it raises."""

    @functools.wraps(verb)
    def in_transaction(*args: P.args, **kwargs: P.kwargs) -> T:
        session = cast(RoutedSession, db.session())
        if session.writing is not None:
            raise RuntimeError(f"{verb.__name__} was called inside another transaction")
        session.close()  # a reader's snapshot must not outlive this write
        with db.engines[None].begin() as session.writing:
            try:
                return verb(*args, **kwargs)
            finally:
                session.writing = None

    return in_transaction


def engine_options(url: str, *, durability: str, threads: int) -> dict[str | None, dict[str, Any]]:
    """What Flask-SQLAlchemy needs to build the two engines of a SQLite database."""
    connect = {"isolation_level": None, "check_same_thread": False, "timeout": 0}
    common = {
        "url": url,
        "connect_args": connect,
        "poolclass": GatedPool,
        "pool_timeout": BUSY_TIMEOUT_MS / 1000,
    }
    return {
        None: {
            **common,
            "pool_size": 1,
            "max_overflow": 0,
            "execution_options": {"lineup_begin": "BEGIN IMMEDIATE", "durability": durability},
        },
        READ: {
            **common,
            "pool_size": threads,
            "max_overflow": threads,
            "pool_use_lifo": True,  # the one used last knows the statements and pages best
            "execution_options": {"lineup_begin": "BEGIN", "durability": durability},
        },
    }


def prepare_sqlite(engine: Engine, *, begin: str, durability: str) -> None:
    """Teach an engine of pysqlite what pysqlite gets wrong: where transactions begin."""

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA synchronous={durability.upper()}")
        if begin == "BEGIN":
            cursor.execute("PRAGMA query_only=ON")
        else:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    def _begin(connection: Any) -> None:
        connection.execute(begin)

    # Costs less than half of what the same statement does in a handler of the event "begin".
    engine.dialect.do_begin = _begin  # type: ignore[assignment, method-assign]


def init_app(app: Flask, url: str, *, durability: str, threads: int) -> None:
    """Give ``app`` its two engines."""
    options = engine_options(url, durability=durability, threads=threads)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options[None]
    app.config["SQLALCHEMY_BINDS"] = {READ: options[READ]}
    db.init_app(app)
    with app.app_context():
        _make_private(db.engine.url.database or "")
        for engine in db.engines.values():
            begin = engine.get_execution_options()["lineup_begin"]
            prepare_sqlite(engine, begin=begin, durability=durability)
            gate.engines.add(engine)


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


def dispose(app: Flask) -> None:
    """Let go of every connection that nobody uses."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
