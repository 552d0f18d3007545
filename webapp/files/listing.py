"""What there is beneath a directory: bounded, whatever a task left there; no link is followed."""

from __future__ import annotations

import os
import stat
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from webapp.domain.errors import Refused
from webapp.files import beneath

LOOKED_AT = 10_000
"""Entries after which a listing is cut, and says so."""
EARLIEST_S = datetime(1000, 1, 1, tzinfo=UTC).timestamp()
LATEST_S = datetime(9999, 12, 30, tzinfo=UTC).timestamp()  # in every zone it is a day of that year


@dataclass(frozen=True)
class Entry:
    """A regular file or a directory; ``path`` begins below the listed directory."""

    path: str
    size: int
    modified: datetime
    stamp: tuple[int, int, int]
    """Changes when the file does: time in ns, size, inode."""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass
class Listing:
    """What was found; ``cut`` if there is more."""

    files: list[Entry] = field(default_factory=list)
    directories: list[Entry] = field(default_factory=list)
    cut: bool = False


def look(root: Path, *, below: str = "", limit: int = LOOKED_AT) -> Listing:
    """Regular files and directories by name, level by level, hidden directories last.

    A directory that is not there, or may not be read, is empty.
    """
    found = Listing()
    waiting, hidden = deque([below]), deque[str]()
    left = limit
    while waiting or hidden:
        path = waiting.popleft() if waiting else hidden.popleft()
        names = _read(root, path, left + 1)
        left -= len(names)
        found.cut = left < 0 or found.cut
        for name, status in names[: len(names) + min(0, left)]:
            entry = _entry(f"{path}/{name}" if path else name, status)
            if stat.S_ISREG(status.st_mode):
                found.files.append(entry)
            elif stat.S_ISDIR(status.st_mode):
                found.directories.append(entry)
                (hidden if name.startswith(".") else waiting).append(entry.path)
        if found.cut:
            break
    return found


def _read(root: Path, path: str, most: int) -> list[tuple[str, os.stat_result]]:
    parts = tuple(path.split("/")) if path else ()
    names = []
    with (
        suppress(Refused, OSError),
        beneath.directory(root, parts) as holder,
        os.scandir(holder) as entries,
    ):
        for entry in islice(entries, most):
            with suppress(OSError):  # gone since
                names.append((entry.name, entry.stat(follow_symlinks=False)))
    return sorted(names, key=lambda found: found[0])


def _entry(path: str, status: os.stat_result) -> Entry:
    stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
    return Entry(path, status.st_size, moment(status), stamp)


def moment(status: os.stat_result) -> datetime:
    """When a file was changed, or the nearest moment there is: some systems keep any number."""
    return datetime.fromtimestamp(min(max(status.st_mtime, EARLIEST_S), LATEST_S), UTC)


def printable(path: str) -> str:
    """A path that can be shown and sent, whatever bytes its names have."""
    return os.fsencode(path).decode("utf-8", "replace")
