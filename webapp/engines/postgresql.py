"""PostgreSQL, for more than one machine: rows are locked, and connections may be lost.

Readers are given REPEATABLE READ, READ ONLY, so that a page and its version come from one snapshot.
Writers are given READ COMMITTED and lock the rows they decide by: the lane first, then its tasks,
then their sessions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from webapp.engines import Wanted
from webapp.gate import GatedPool

OLDEST = 140_000
WRITERS = 8
"""Who writes to a lane waits for its row: more connections would only wait there."""
CONNECT_S = 10
IDLE_MS = 30_000
"""After how long a process that was suspended in its transaction no longer keeps a lane locked."""
SILENT_S = 15
"""After how long without a word the other end is asked whether it is there."""
LOST = {
    "25006",  # read-only: another machine has become the primary
    "25P03",  # idle for too long in a transaction: this process was suspended
    "57P05",  # idle for too long
}
"""Ends of a connection that psycopg does not report as such."""


class PostgreSQL:
    """A database that several machines may share."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._common = {
            "url": wanted.url,
            "connect_args": {
                "connect_timeout": CONNECT_S,
                "keepalives_idle": SILENT_S,
                "keepalives_interval": SILENT_S // 3,
                "keepalives_count": 3,
                "tcp_user_timeout": wanted.patience_ms,
                "application_name": "lineup",
            },
            "execution_options": {"locks_rows": True},
            "use_native_hstore": False,  # saves a question at the start
            "poolclass": GatedPool,
            "pool_timeout": wanted.patience_ms / 1000,
            "pool_pre_ping": True,
            "pool_use_lifo": True,
        }

    def writing(self) -> dict[str, Any]:
        """A few connections for all who write."""
        return {**self._common, "pool_size": WRITERS // 2, "max_overflow": WRITERS // 2}

    def reading(self) -> dict[str, Any]:
        """Connections for everybody who reads, of which half are kept."""
        threads = self._wanted.threads
        return {**self._common, "pool_size": threads // 2, "max_overflow": threads}

    def prepare(self, engine: Engine, *, reads: bool) -> None:
        """Set up each connection, and call by one name whatever ends one."""
        settings = ["TIME ZONE 'UTC'", f"lock_timeout = {self._wanted.patience_ms}"]
        if not reads:
            settings.append(f"idle_in_transaction_session_timeout = {IDLE_MS}")
        if self._wanted.durability == "normal":
            settings.append("synchronous_commit = off")

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _record: object) -> None:
            from psycopg import IsolationLevel

            _refuse_unusable(connection)
            connection.autocommit = True
            connection.execute("; ".join(f"SET {setting}" for setting in settings))
            connection.autocommit = False
            connection.adapters.register_dumper(str, _text_without_nul())
            if reads:
                connection.isolation_level = IsolationLevel.REPEATABLE_READ
                connection.read_only = True

        @event.listens_for(engine, "handle_error")
        def _failed(context: Any) -> OperationalError | None:
            if getattr(context.original_exception, "sqlstate", None) not in LOST or reads:
                return None
            context.is_disconnect = True
            error = context.original_exception
            return OperationalError(context.statement, None, error, connection_invalidated=True)


def _refuse_unusable(connection: Any) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    reason = None
    if connection.info.server_version < OLDEST:
        reason = f"PostgreSQL {OLDEST // 10_000} or newer is needed."
    elif encoding != "UTF8":
        reason = f"The database has the encoding {encoding}; UTF8 is needed."
    if reason is not None:
        raise OperationalError("", None, Exception(reason))


def _text_without_nul() -> type:
    """How text is sent: the one character it may not contain is replaced by its picture."""
    from psycopg.types.string import StrDumper

    class TextDumper(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\N{SYMBOL FOR NULL}") if "\0" in obj else obj)

    return TextDumper
