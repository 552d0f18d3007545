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
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from webapp.backup import archive
from webapp.backup.archive import Writer, opened
from webapp.backup.stores import Reader, Store
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
    store: Store
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
    with source.store.reader() as rows:
        header, copied = _snapshot(source, rows, spool)
        writer = Writer(file, spool)
        writer.add_bytes(archive.HEADER, json.dumps(header, indent=1).encode(), mtime)
        with copied:
            size = os.fstat(copied.fileno()).st_size
            writer.add(source.store.member, copied, size=size, mode=0o600, mtime=mtime)
        for name, path in (
            ("keys/secret_key", source.data / "secret_key"),
            ("keys/vault_keys", source.data / "vault_keys"),
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


def _snapshot(source: Source, rows: Reader, spool: Path) -> tuple[dict[str, Any], BinaryIO]:
    """The database's copy, and what is in it, both as of the same moment."""
    with rows.moment() as about:
        counts = {name: rows.ask(f"SELECT count(*) FROM {name}")[0][0] for name in COUNTED}
        [(revision,)] = rows.ask("SELECT version_num FROM alembic_version")
        [(newest,)] = rows.ask("SELECT coalesce(max(seq), 0) FROM tasks")
        copied = rows.copy(spool)
    header = {
        "format": archive.FORMAT,
        "made_at": source.now.isoformat(),
        "lineup": source.version,
        "database": source.store.kind,
        **about,
        "revision": revision,
        "data": str(source.data),
        "workspaces": source.with_workspaces,
        "counts": counts,
        "newest": newest,
    }
    return header, copied


def _tasks(rows: Reader, newest: int) -> Iterator[str]:
    """The tasks of the copy that have begun and are still there, oldest first."""
    after = 0
    sql = "SELECT seq, task_id FROM tasks WHERE seq > :after AND seq <= :newest AND attempt > 0"
    while page := rows.ask(f"{sql} ORDER BY seq LIMIT {PAGE}", after=after, newest=newest):
        yield from (task_id for _, task_id in page)
        after = page[-1][0]


def _still(rows: Reader, newest: int) -> int:
    """How many of the copy's tasks are there still."""
    return int(rows.ask("SELECT count(*) FROM tasks WHERE seq <= :newest", newest=newest)[0][0])


def _workspaces(rows: Reader, source: Source) -> Iterator[Path]:
    """The workspaces of the sessions, as far as they lie where workspaces lie."""
    after = ""
    sql = "SELECT session_id, workspace_dir FROM sessions WHERE session_id > :after"
    while page := rows.ask(f"{sql} ORDER BY session_id LIMIT {PAGE}", after=after):
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
