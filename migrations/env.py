"""How Alembic reaches the database: on an engine of its own, without the rules of a running server.

Foreign keys are off while SQLite tables are rebuilt, since dropping the old table would otherwise
delete every row that refers to it; they are checked afterwards.
"""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import Connection, create_engine, event, pool

from webapp import models
from webapp.db import BUSY_TIMEOUT_MS, Base

metadata = Base.metadata
OF_MIGRATIONS = 0x11_4E_0B_5E
"""The number of the lock that means migrations; any will do."""

assert models.Task.__table__.metadata is metadata


def run() -> None:
    """Bring the database of the current application to the wanted revision."""
    url = current_app.config["SQLALCHEMY_DATABASE_URI"]
    if context.is_offline_mode():
        context.configure(url=url, target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine(url, poolclass=pool.NullPool)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=engine.dialect.name == "sqlite",
            compare_type=True,
            include_name=_is_modelled,
        )
        with context.begin_transaction():
            _wait_for_others(connection)
            context.run_migrations()
            _refuse_orphans(connection)


def _is_modelled(name: str | None, _kind: str, _parents: object) -> bool:
    """The index of texts is made of statements that SQLAlchemy has no words for."""
    return not (name or "").startswith("tasks_search")


def _prepare_sqlite(engine) -> None:  # type: ignore[no-untyped-def]
    @event.listens_for(engine, "connect")
    def _connected(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=OFF")

    @event.listens_for(engine, "begin")
    def _began(connection) -> None:  # type: ignore[no-untyped-def]
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _wait_for_others(connection: Connection) -> None:
    """One migrates at a time; whoever comes second finds nothing left to do."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({OF_MIGRATIONS})")


def _refuse_orphans(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if orphans:
        raise RuntimeError(f"the migration would leave rows without what they refer to: {orphans}")


run()
