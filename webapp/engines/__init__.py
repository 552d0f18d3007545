"""What one database does differently from another: an object for each, chosen by its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Engine, make_url


@dataclass(frozen=True)
class Wanted:
    """What the settings ask of a database."""

    url: str
    durability: str
    threads: int
    patience_ms: int
    """How long somebody waits for a connection, or for what others have locked."""


class Database(Protocol):
    """What `webapp.db` needs to know of a database.

    The engines' execution option ``locks_rows`` says whether a transaction has to lock the rows it
    decides by; if not, it has locked everything when it began.
    """

    def writing(self) -> dict[str, Any]:
        """The options of the engine that service verbs are given."""

    def reading(self) -> dict[str, Any]:
        """The options of the engine for everything else: it refuses to write, and what is read
        until the session is closed comes from one snapshot."""

    def prepare(self, engine: Engine, *, reads: bool) -> None:
        """Teach an engine what its driver does not do by itself."""


def database(wanted: Wanted) -> Database:
    """The database at this address."""
    if make_url(wanted.url).get_backend_name() == "postgresql":
        from webapp.engines.postgresql import PostgreSQL

        return PostgreSQL(wanted)
    from webapp.engines.sqlite import SQLite

    return SQLite(wanted)
