"""What a backup asks of a database, whichever it is: an object for each, chosen by its address."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sqlalchemy import make_url

from webapp.domain.errors import Conflict
from webapp.domain.runner import Identity


@dataclass(frozen=True)
class Running:
    """A process that signed in and has not signed out, and how long it has been silent."""

    runner: Identity
    silent: timedelta


class Reader(Protocol):
    """A database at work, read beside its writers."""

    def ask(self, sql: str, **values: Any) -> list[Any]:
        """The rows, as they are now or, inside of `moment`, as they were when it began."""

    def moment(self) -> AbstractContextManager[dict[str, Any]]:
        """One moment of the database; gives what its header says of it besides."""

    def copy(self, spool: Path) -> BinaryIO:
        """All of it as of the moment, in a file without a name on the disk of ``spool``."""


class Staged(Protocol):
    """A database that is being restored where no server sees it."""

    url: str
    """Its address for an application; empty: the file in the directory it is restored to."""

    def load(self, header: dict[str, Any]) -> None:
        """Take in what was unpacked; raises Conflict if it is damaged inside."""

    def write(self, *statements: tuple[str, dict[str, Any]]) -> None:
        """Execute these in one transaction."""

    def swap(self, now: datetime) -> AbstractContextManager[str | None]:
        """In its place when the block ends, and not if it raises; gives where is what was there."""


class Store(Protocol):
    """A kind of database, at one address."""

    kind: str
    member: str
    """The name of its copy in an archive."""
    as_json: str
    """How a text is made what columns of JSON hold."""

    def reader(self) -> AbstractContextManager[Reader]:
        """Read it."""

    def running(self, now: datetime) -> list[Running]:
        """Who signed in to it and has not signed out."""

    def staged(self, place: Path, *, replace: bool) -> AbstractContextManager[Staged]:
        """Room to restore to, taken away again; refused if there is something, unless replaced."""


def at(url: str) -> Store:
    """The database at an address."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        from webapp.backup.postgresql import PostgreSQL

        return PostgreSQL(url)
    from webapp.backup.sqlite import SQLite

    return SQLite(Path(address.database or ""))


def to_restore(url: str, data: Path) -> Store:
    """The database to restore to: the one at ``url``, or the file in the data directory."""
    if url and make_url(url).get_backend_name() == "sqlite":
        raise Conflict("restore_elsewhere")
    return at(url or f"sqlite:///{data / 'lineup.db'}")
