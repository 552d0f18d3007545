"""The database: one session, two engines, and the rule which of them a piece of code is given.

Outside a service verb ``db.session`` reads: its engine refuses to write. A verb decorated with
`transaction` is given the writing engine for its whole length and is committed once, at its end.
What SQLite and PostgreSQL do differently is said in webapp/engines/.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar, cast

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, DateTime, Engine, types
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.functions import FunctionElement

from webapp import engines
from webapp.engines import Wanted
from webapp.gate import gate

READ = "read"
BUSY_TIMEOUT_MS = 30_000
AWAY = (OperationalError, PoolTimeout)
"""What says that the database cannot be used now, but may be later."""
TRIES = 5
CAME_BETWEEN = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "23505",  # unique: what was looked for and not found has been made since
    "23503",  # foreign key: what was found has been deleted since
}
"""Where rows are locked, others' transactions may come between a verb's look and its write."""

P = ParamSpec("P")
T = TypeVar("T")


class Base(DeclarativeBase):
    """The base of all tables."""


class UtcDateTime(types.TypeDecorator[datetime]):
    """A moment: only aware times go in, and aware UTC times come out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone."""
        return None if value is None else _in_utc(value)

    def bind_processor(self, dialect: Dialect) -> Any:
        """SQLite stores UTC as text without an offset, which SQLAlchemy takes longer to write."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give every time its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """It reads them faster, too."""
        return (
            _as_moment if dialect.name == "sqlite" else super().result_processor(dialect, coltype)
        )


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {value!r}")
    return value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    """A moment as SQLAlchemy writes and reads it in SQLite."""
    return None if value is None else _utc_as_text(_in_utc(value))


@functools.lru_cache(1_024)  # most of what is written together happens at one moment
def _utc_as_text(value: datetime) -> str:
    """In UTC, where two moments are never equal: a zone's clock shows an hour twice a year."""
    return value.isoformat(" ", "microseconds")[: -len("+00:00")]


@functools.lru_cache(1_024)
def _as_moment(value: str | None) -> datetime | None:
    """A text of SQLite's as the moment it stands for."""
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class DatabaseTime(FunctionElement[datetime]):
    """What time it is for a database that several machines share; null where only one uses it.

    Their clocks may differ: what one writes and another compares is measured by this one.
    """

    type = UtcDateTime()
    inherit_cache = True


@compiles(DatabaseTime)
def _no_time(_element: object, _compiler: object, **_options: object) -> str:
    return "NULL"


@compiles(DatabaseTime, "postgresql")
def _its_time(_element: object, _compiler: object, **_options: object) -> str:
    return "clock_timestamp()"


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
        try:
            return self.reading.execute(statement, params)
        except DBAPIError:
            self.close()  # whoever explains the failure may have to read, too
            raise

    def close(self) -> None:
        """Let go of what has been read."""
        if self.reading is not None:
            self.reading.close()
            self.reading = None
        if self.in_transaction():
            super().close()


db = SQLAlchemy(model_class=Base, session_options={"class_": RoutedSession})


def transaction(verb: Callable[P, T]) -> Callable[P, T]:
    """Make a service verb one transaction: committed when it returns, undone when it raises.

    It is tried again where somebody else's transaction came between, and sees what they did.
    """

    @functools.wraps(verb)
    def in_transaction(*args: P.args, **kwargs: P.kwargs) -> T:
        session = cast(RoutedSession, db.session())
        if session.writing is not None:
            raise RuntimeError(f"{verb.__name__} was called inside another transaction")
        session.close()  # a reader's snapshot must not outlive this write
        tries = 1
        while True:
            try:
                with db.engines[None].begin() as session.writing:
                    try:
                        return verb(*args, **kwargs)
                    finally:
                        session.writing = None
            except DBAPIError as error:
                if tries == TRIES or not _came_between(error):
                    raise
            tries += 1

    return in_transaction


def _came_between(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in CAME_BETWEEN


def writing() -> Connection:
    """The connection of the transaction at hand, for what is said in the driver's own words."""
    connection = cast(RoutedSession, db.session()).writing
    assert connection is not None
    return connection


def lock(statement: Any, params: Any = None) -> None:
    """Lock what a verb decides by before it looks, unless its transaction has locked everything.

    A look of its own after the lock sees what those did who had it before.
    """
    connection = writing()
    if connection.get_execution_options()["locks_rows"]:
        connection.execute(statement, params)


def init_app(app: Flask, url: str, *, durability: str, threads: int) -> None:
    """Give ``app`` its two engines."""
    wanted = Wanted(url, durability, threads, patience_ms=BUSY_TIMEOUT_MS)
    database = engines.database(wanted)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = database.writing()
    app.config["SQLALCHEMY_BINDS"] = {READ: database.reading()}
    db.init_app(app)
    with app.app_context():
        for name, engine in db.engines.items():
            database.prepare(engine, reads=name == READ)
            gate.engines.add(engine)


def dispose(app: Flask) -> None:
    """Let go of every connection that nobody uses."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
