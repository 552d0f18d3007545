"""Makes a backup beside a running server: the database first, then the files its rows speak of.

The database is copied as it was at one moment, in one read that holds up no writer. Files come
after it: output is only ever appended to, so what a row of the copy speaks of is still there, or
was deleted meanwhile, and then the archive says so.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO
from urllib.parse import quote

from webapp.backup import archive
from webapp.backup.archive import Writer, opened
from webapp.backup.vessel import Vessel, nameless
from webapp.domain.errors import Conflict

PAGE = 1_000
NAMED = 100
"""How many files that are missing or could not be read are named."""
COUNTED = ("tasks", "sessions", "activity", "attempts", "instructions", "users", "api_tokens")


@dataclass
class Contents:
    """What is in an archive beside the database, and what is not."""

    files: int = 0
    bytes: int = 0
    links: int = 0
    deleted_meanwhile: int = 0
    """Tasks of the database's copy that were deleted before their output was reached."""
    changed: list[str] = field(default_factory=list)
    """Files that became shorter while they were copied: zeros stand for the rest."""
    skipped: list[str] = field(default_factory=list)
    """What is no plain file, or could not be read."""


@dataclass(frozen=True)
class Source:
    """Where everything lies that is saved."""

    data: Path
    database: Path
    version: str
    with_workspaces: bool
    now: datetime


def make(source: Source, target: Path) -> tuple[dict[str, Any], Contents]:
    """Write the archive; returns its header and what is in it. Nothing is left of a failure."""
    if os.path.lexists(target):
        raise Conflict("backup_exists", path=str(target))
    if not target.parent.is_dir():
        raise Conflict("backup_no_place", path=str(target.parent))
    try:
        vessel = Vessel(target)
        try:
            made = _write(source, vessel.file, target.parent)
            vessel.keep()
        finally:
            vessel.drop()
    except FileExistsError:
        raise Conflict("backup_exists", path=str(target)) from None
    except (OSError, sqlite3.Error) as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "is full" in str(error)
        raise Conflict(
            "backup_disk_full" if full else "backup_failed",
            path=str(target.parent),
            reason=getattr(error, "strerror", None) or str(error),
        ) from error
    return made


def _write(source: Source, file: Any, spool: Path) -> tuple[dict[str, Any], Contents]:
    mtime, contents = source.now.timestamp(), Contents()
    with closing(_reader(source.database)) as rows:
        header, copied = _snapshot(source, rows, spool)
        writer = Writer(file, spool)
        writer.add_bytes(archive.HEADER, json.dumps(header, indent=1).encode(), mtime)
        with copied:
            size = os.fstat(copied.fileno()).st_size
            writer.add("database/lineup.db", copied, size=size, mode=0o600, mtime=mtime)
        for name, path in (
            ("keys/secret_key", source.data / "secret_key"),
            ("settings/lineup.toml", source.data / "lineup.toml"),
        ):
            if path.is_file():
                _add(writer, name, path, contents)
        links = nameless(spool)
        walk = _Walk(writer, contents, links)
        for task_id in _tasks(rows, header["newest"]):
            walk.add(f"output/{task_id}", source.data / "output" / task_id)
        if source.with_workspaces:
            for workspace in _workspaces(rows, source):
                walk.add(f"workspaces/{workspace.name}", workspace)
        contents.deleted_meanwhile = header["counts"]["tasks"] - _still(rows, header["newest"])
        _finish(writer, contents, links, mtime)
    return header, contents


def _finish(writer: Writer, contents: Contents, links: Any, mtime: float) -> None:
    size = links.tell()
    links.seek(0)
    writer.add(archive.LINKS, links, size=size, mode=0o600, mtime=mtime)
    links.close()
    contents.files, contents.bytes = writer.files, writer.bytes
    writer.add_bytes(archive.CONTENTS, json.dumps(asdict(contents), indent=1).encode(), mtime)
    writer.close(mtime)


def _reader(database: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(database))}?mode=ro"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    connection.execute("PRAGMA busy_timeout=30000")
    return connection


def _snapshot(
    source: Source, rows: sqlite3.Connection, spool: Path
) -> tuple[dict[str, Any], BinaryIO]:
    """The database's copy, and what is in it, both as of the same moment."""
    rows.execute("BEGIN")
    counts = {t: rows.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in COUNTED}
    [(revision,)] = rows.execute("SELECT version_num FROM alembic_version").fetchall()
    newest = rows.execute("SELECT coalesce(max(seq), 0) FROM tasks").fetchone()[0]
    copied = _copy(rows, spool)
    rows.execute("ROLLBACK")
    header = {
        "format": archive.FORMAT,
        "made_at": source.now.isoformat(),
        "lineup": source.version,
        "database": "sqlite",
        "revision": revision,
        "data": str(source.data),
        "workspaces": source.with_workspaces,
        "counts": counts,
        "newest": newest,
    }
    return header, copied


def _copy(rows: sqlite3.Connection, spool: Path) -> BinaryIO:
    """All pages in one read: writers go on meanwhile. The copy's file has no name any more."""
    number, name = tempfile.mkstemp(prefix=".lineup-", dir=spool)
    copied = os.fdopen(number, "rb")
    try:
        with closing(sqlite3.connect(name)) as copy:
            copy.execute("PRAGMA journal_mode=OFF")
            copy.execute("PRAGMA synchronous=OFF")
            Path(name).unlink()
            rows.backup(copy)
    except BaseException:
        copied.close()
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    return copied


def _tasks(rows: sqlite3.Connection, newest: int) -> Iterator[str]:
    """The tasks of the copy that have begun and are still there, oldest first."""
    after = 0
    sql = "SELECT seq, task_id FROM tasks WHERE seq > ? AND seq <= ? AND attempt > 0"
    while page := rows.execute(f"{sql} ORDER BY seq LIMIT {PAGE}", (after, newest)).fetchall():
        yield from (task_id for _, task_id in page)
        after = page[-1][0]


def _still(rows: sqlite3.Connection, newest: int) -> int:
    """How many of the copy's tasks are there still."""
    return int(rows.execute("SELECT count(*) FROM tasks WHERE seq <= ?", (newest,)).fetchone()[0])


def _workspaces(rows: sqlite3.Connection, source: Source) -> Iterator[Path]:
    """The workspaces of the sessions, as far as they lie where workspaces lie."""
    after = ""
    sql = "SELECT session_id, workspace_dir FROM sessions WHERE session_id > ?"
    while page := rows.execute(f"{sql} ORDER BY session_id LIMIT {PAGE}", (after,)).fetchall():
        for _, name in page:
            if Path(name).parent == source.data / "workspaces":
                yield Path(name)
        after = page[-1][0]


class _Walk:
    """Adds a directory with all that is in it, and follows no link."""

    def __init__(self, writer: Writer, contents: Contents, links: IO[bytes]) -> None:
        self._writer, self._contents, self._links = writer, contents, links

    def add(self, name: str, directory: Path) -> None:
        """Nothing, if it is not there: a task that printed nothing has no output."""
        left = [(name, directory)]
        while left:
            name, directory = left.pop()
            try:
                found = directory.lstat()
                if not stat.S_ISDIR(found.st_mode):
                    continue
                entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                _note(self._contents.skipped, f"{name}: {error.strerror}")
                continue
            self._writer.add_directory(name, mode=found.st_mode, mtime=found.st_mtime)
            for entry in entries:
                inner = f"{name}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    left.append((inner, Path(entry.path)))
                elif entry.is_symlink():
                    self._link(inner, Path(entry.path))
                else:
                    _add(self._writer, inner, Path(entry.path), self._contents)

    def _link(self, name: str, path: Path) -> None:
        with suppress(OSError):
            line = json.dumps([name, str(path.readlink())])
            self._links.write(line.encode("ascii") + b"\n")
            self._contents.links += 1


def _add(writer: Writer, name: str, path: Path, contents: Contents) -> None:
    file = opened(path)
    if file is None:
        if os.path.lexists(path):
            _note(contents.skipped, f"{name}: no plain file, or not ours to read")
        return
    with file:
        found = os.fstat(file.fileno())
        whole = writer.add(name, file, size=found.st_size, mode=found.st_mode, mtime=found.st_mtime)
    if not whole:
        _note(contents.changed, name)


def _note(names: list[str], name: str) -> None:
    if len(names) < NAMED:
        names.append(name)
