"""What is around the database: its files, keys, disk and clock. Cheap to ask."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from webapp import vault
from webapp.config import Settings
from webapp.doctor import Check, Look, Subject
from webapp.queries import checks
from webapp.services import wal

GIB = 1024**3
FREE_AT_LEAST = GIB
LARGE_WAL = GIB
AHEAD = timedelta(minutes=2)


def database_file(settings: Settings) -> Path | None:
    """The file of a SQLite database; None for any other."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return Path(url.database)


def _private(settings: Settings) -> Iterator[Path]:
    """What nobody but the server may read."""
    yield settings.data / vault.SIGNING
    yield settings.data / vault.KEYS
    yield settings.data / "cli_token"
    if (file := database_file(settings)) is not None:
        yield from (file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm"))


def _open_keys(look: Look) -> Iterator[Subject]:
    for path in _private(look.settings):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Subject(f"{path} (mode {stat.S_IMODE(path.stat().st_mode):o})", path)


def _close(_look: Look, path: Path) -> bool:
    try:
        path.chmod(0o600)
    except OSError:
        return False
    return True


def _foreign(look: Look) -> Iterator[Subject]:
    places = [look.settings.data, look.settings.data / "output", look.settings.data / "workspaces"]
    for path in [*places, *_private(look.settings)]:
        if path.exists() and path.stat().st_uid != os.geteuid():
            yield Subject(f"{path} (user {path.stat().st_uid})", path)


def _bad_key(look: Look) -> Iterator[Subject]:
    path = look.settings.data / vault.SIGNING
    if not path.is_file() or path.stat().st_size < vault.SIGNING_BYTES:
        yield Subject(str(path), path)


def _full_disk(look: Look) -> Iterator[Subject]:
    file = database_file(look.settings)
    for place in {look.settings.data, file.parent if file is not None else look.settings.data}:
        usage = shutil.disk_usage(place)
        if usage.free < min(FREE_AT_LEAST, usage.total // 20):
            yield Subject(f"{usage.free // 1024**2} MiB are free for {place}", place)


def _large_wal(look: Look) -> Iterator[Subject]:
    file = database_file(look.settings)
    log = file.with_name(f"{file.name}-wal") if file is not None else None
    if log is not None and log.exists() and log.stat().st_size > LARGE_WAL:
        yield Subject(f"{log}, {log.stat().st_size // 1024**2} MiB", log)


def _future(look: Look) -> Iterator[Subject]:
    for what, at in look.call(checks.latest_moments).items():
        if at is not None and at > look.now + AHEAD:
            yield Subject(f"the latest {what} is of {at.isoformat(timespec='seconds')}", what)


BEFORE = (
    Check("found_bad_key", "mend_bad_key", _bad_key, quick=True),
    Check("found_open_keys", "mend_open_keys", _open_keys, _close, quick=True),
    Check("found_foreign_files", "mend_foreign_files", _foreign, quick=True),
)
"""Asked before the application is assembled, which makes and closes some of these files."""
CHECKS = (
    Check("found_full_disk", "mend_full_disk", _full_disk, quick=True),
    Check(
        "found_large_wal",
        "mend_large_wal",
        _large_wal,
        lambda look, _log: look.call(wal.cut),
        quick=True,
    ),
    Check("found_future", "mend_future", _future, quick=True),
)
