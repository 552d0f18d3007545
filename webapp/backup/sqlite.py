"""Saves and restores SQLite: its file is copied page by page, and restored beside the old one."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from webapp.backup.stores import Running
from webapp.domain.errors import Conflict
from webapp.domain.runner import Identity

NAME = "lineup.db"


class SQLite:
    """The database in a file."""

    kind = "sqlite"
    member = f"database/{NAME}"
    as_json = "{}"

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextmanager
    def reader(self) -> Iterator[_Reader]:
        """Read it on a connection that cannot write."""
        if not self._file.is_file():
            raise Conflict("backup_no_database", path=str(self._file))
        with closing(_reading(self._file)) as rows:
            rows.execute("PRAGMA busy_timeout=30000")
            yield _Reader(rows)

    def running(self, now: datetime) -> list[Running]:
        """Who signed in to it and has not signed out."""
        if not self._file.is_file():
            return []
        try:
            with closing(_reading(self._file)) as rows:
                rows.row_factory = sqlite3.Row
                found = rows.execute("SELECT * FROM runners WHERE ended_at IS NULL").fetchall()
        except sqlite3.DatabaseError:  # too old, or damaged: nobody runs on it
            return []
        return [Running(_identity(row), now - _moment(row["heartbeat_at"])) for row in found]

    @contextmanager
    def staged(self, place: Path, *, replace: bool) -> Iterator[_Staged]:
        """The file that was unpacked; that of before is moved aside with its directory."""
        yield _Staged(place / NAME)


class _Reader:
    def __init__(self, rows: sqlite3.Connection) -> None:
        self._rows = rows

    def ask(self, sql: str, **values: Any) -> list[Any]:
        return self._rows.execute(sql, values).fetchall()

    @contextmanager
    def moment(self) -> Iterator[dict[str, Any]]:
        self._rows.execute("BEGIN")
        yield {}
        self._rows.execute("ROLLBACK")

    def copy(self, spool: Path) -> BinaryIO:
        """All pages in one read: writers go on meanwhile. The copy's file has no name any more."""
        number, name = tempfile.mkstemp(prefix=".lineup-", dir=spool)
        copied = os.fdopen(number, "rb")
        try:
            with closing(sqlite3.connect(name)) as copy:
                copy.execute("PRAGMA journal_mode=OFF")
                copy.execute("PRAGMA synchronous=OFF")
                Path(name).unlink()
                self._rows.backup(copy)
        except BaseException:
            copied.close()
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise
        return copied


class _Staged:
    url = ""

    def __init__(self, file: Path) -> None:
        self._file = file

    def load(self, header: dict[str, Any]) -> None:
        """It is in its place; refuse one that is damaged inside."""
        try:
            with closing(sqlite3.connect(self._file)) as rows:
                found = [row[0] for row in rows.execute("PRAGMA integrity_check(3)")]
                rows.execute("SELECT version_num FROM alembic_version")  # else it is none of ours
        except sqlite3.DatabaseError as error:
            found = [str(error)]
        if found != ["ok"]:
            raise Conflict("backup_damaged", reason=f"its database: {'; '.join(found)}")

    def write(self, *statements: tuple[str, dict[str, Any]]) -> None:
        with closing(sqlite3.connect(self._file)) as rows, rows:
            for sql, values in statements:
                rows.execute(sql, values)

    @contextmanager
    def swap(self, now: datetime) -> Iterator[str | None]:
        """Whole in its one file, which moves with all the others."""
        with closing(sqlite3.connect(self._file)) as rows:
            rows.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield None


def _reading(file: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(file))}?mode=ro"
    return sqlite3.connect(address, uri=True, isolation_level=None)


def _identity(row: sqlite3.Row) -> Identity:
    return Identity(row["runner_id"], row["host"], row["boot_id"], row["pid"], row["pid_started"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
