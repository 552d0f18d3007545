"""Restores a backup: everything is verified and unpacked beside, and only then put in its place."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from webapp.backup import archive
from webapp.backup.stores import Staged
from webapp.domain.errors import Conflict

PLACES = {
    "database/lineup.db": "lineup.db",
    "database/lineup.dump": "lineup.dump",
    "keys/secret_key": "secret_key",
    "keys/vault_keys": "vault_keys",
    "settings/lineup.toml": "lineup.toml",
}
STAGING = ".restoring-"
ASIDE = "before-restore-"
MOVED = (
    ("sessions", "workspace_dir"),
    ("tasks", "workspace_dir"),
    ("tasks", "upload_files_path"),
    ("tasks", "report_path"),
    ("files", "file_path"),
)
"""Columns that hold paths in the data directory."""
IN_JSON = ("tasks", "upload_files")
"""One that holds several, as JSON."""
MOVE = """
UPDATE {table} SET {column} = CAST(:new AS text) || substr({column}, :rest)
WHERE substr({column}, 1, :length) = :old
"""
MOVE_WITHIN = "replace(CAST({column} AS text), CAST(:old AS text), CAST(:new AS text))"


@contextmanager
def staging(data: Path, *, replace: bool) -> Iterator[Path]:
    """A directory in the data directory to unpack into; removed again, with all that was made.

    What an earlier restoration left that was killed is removed first. Raises Conflict if there is
    something in the data directory and it is not to be replaced.
    """
    made = not data.exists()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_leftovers(data)
    if not replace and any(data.iterdir()):
        raise Conflict("restore_not_empty", path=str(data))
    place = Path(tempfile.mkdtemp(prefix=STAGING, dir=data))
    lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield place
    except OSError as error:
        reason = error.strerror or str(error)
        raise Conflict("restore_failed", path=str(data), reason=reason) from error
    finally:
        os.close(lock)
        shutil.rmtree(place, ignore_errors=True)
        if made:
            with suppress(OSError):  # it is not empty: it was restored
                data.rmdir()


def unpack(path: Path, place: Path) -> None:
    """Write what is in a verified archive below ``place``; its sums are held against it again."""
    links = tempfile.TemporaryFile(dir=place)  # noqa: SIM115
    with links:

        def take(member: tarfile.TarInfo, file: IO[bytes]) -> None:
            if member.name == archive.LINKS:
                shutil.copyfileobj(file, links)
            elif member.name != archive.CONTENTS:
                _write(place / PLACES.get(member.name, member.name), member, file)

        archive.read(path, take)
        links.seek(0)
        for line in links:
            _link(place, *_read_link(line))


def move_paths(staged: Staged, as_json: str, before: str, after: Path) -> None:
    """Have every path into the old data directory lead into the new one."""
    old, new = f"{before.rstrip('/')}/", f"{after}/"
    if old == new:
        return
    plain = {"new": new, "rest": len(old) + 1, "length": len(old), "old": old}
    within = {"old": _within(old), "new": _within(new)}
    table, column = IN_JSON
    value = as_json.format(MOVE_WITHIN.format(column=column))
    staged.write(
        *((MOVE.format(table=table, column=column), plain) for table, column in MOVED),
        (f"UPDATE {table} SET {column} = {value} WHERE {column} IS NOT NULL", within),
    )


@contextmanager
def swapped(place: Path, data: Path, now: datetime) -> Iterator[Path | None]:
    """Put what was unpacked in its place; gives where that lies which was there before.

    If the block raises, all is where it was.
    """
    before = [
        entry
        for entry in data.iterdir()
        if entry != place and not entry.name.startswith((ASIDE, STAGING))
    ]
    aside = data / f"{ASIDE}{now:%Y%m%dT%H%M%S}" if before else None
    moves = [(entry, aside / entry.name) for entry in before if aside is not None]
    # the database last: whatever happens in between, no server finds one without its files
    unpacked = sorted(place.iterdir(), key=lambda entry: entry.name == "lineup.db")
    moves += [(entry, data / entry.name) for entry in unpacked]
    moved = []
    if aside is not None:
        aside.mkdir(mode=0o700)
    try:
        for source, target in moves:
            source.rename(target)
            moved.append((source, target))
        yield aside
    except BaseException:
        for source, target in reversed(moved):
            target.rename(source)
        if aside is not None:
            aside.rmdir()
        raise


def _within(path: str) -> str:
    """The beginning of a path as the text of JSON has it."""
    return f'"path": {json.dumps(path)[:-1]}'


def _write(path: Path, member: tarfile.TarInfo, file: IO[bytes]) -> None:
    """All of it was made by us, below a fresh directory: there is no link to follow."""
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(member.mode & 0o777 | 0o700)
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        number = os.open(path, flags, 0o600)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Conflict("backup_bad_member", name=repr(member.name), reason="twice") from None
    with os.fdopen(number, "wb") as target:
        shutil.copyfileobj(file, target, archive.PIECE)
        os.fchmod(target.fileno(), member.mode & 0o777 | 0o600)
        target.flush()
        os.fsync(target.fileno())
    os.utime(path, (member.mtime, member.mtime))


def _read_link(line: bytes) -> tuple[str, str]:
    with suppress(ValueError, RecursionError):
        match json.loads(line):
            case [str(name), str(target)] if "\0" not in name + target:
                return name, target
    raise Conflict("backup_damaged", reason="its list of links is none")


def _link(place: Path, name: str, target: str) -> None:
    """A link that a task had made in its workspace, once everything else is written."""
    parts = name.split("/")
    if parts[0] != "workspaces" or len(parts) < 3 or {"", ".", ".."} & set(parts):
        raise Conflict("backup_bad_member", name=repr(name), reason="its name is not ours")
    if not (place / name).parent.resolve().is_relative_to(place.resolve()):
        raise Conflict("backup_bad_member", name=repr(name), reason="it lies behind a link")
    with suppress(FileExistsError):
        (place / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (place / name).symlink_to(target)


def _remove_leftovers(data: Path) -> None:
    """Nobody holds the lock of what was left by a restoration that was killed."""
    for leftover in data.glob(f"{STAGING}*"):
        lock = os.open(leftover, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("restore_busy", path=str(data)) from None
        finally:
            os.close(lock)
        shutil.rmtree(leftover, ignore_errors=True)
