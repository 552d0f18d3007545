"""Directories on their way out: moved aside in one step, and removed when there is time.

The trash lies in the directory it takes from, so that moving there is a rename: after it nobody
finds the directory any more, and a crash leaves nothing half removed at its old place. Removing
follows no link, needs no recursion however deep a task nested its directories, and helps itself
where a task took away its own right to write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import structlog

log = structlog.get_logger(__name__)

NAME = ".trash"
"""No workspace is called so: their names do not begin with a dot."""
OURS = stat.S_IRUSR | stat.S_IWUSR | stat.S_IXUSR


class Trash:
    """The trash of one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._place = root / NAME
        self._stuck: set[str] = set()

    def take(self, directory: Path) -> None:
        """Move a child of the directory into the trash; what lies elsewhere is not touched.

        A link is taken as the link it is. Raises OSError if it cannot be moved.
        """
        if not os.path.lexists(directory):
            return
        ours = directory.name not in ("", ".", "..", NAME)
        if not ours or not directory.parent.samefile(self._root):
            log.warning("not ours to remove", path=str(directory))
            return
        self._place.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):  # somebody else was quicker
            self._move_here(directory)

    def empty(self, enough: Callable[[], bool] = lambda: False) -> bool:
        """Remove what is in the trash, until ``enough()``; false if it ended because of that.

        What cannot be removed is logged once, and tried again by the next process.
        """
        while names := [name for name in _listed(self._place) if name not in self._stuck]:
            for name in names:
                self._remove(name, enough)
                if enough():
                    return False
        return True

    def _remove(self, name: str, enough: Callable[[], bool]) -> None:
        path = self._place / name
        try:
            if not _is_directory(path):
                path.unlink()
                return
            _open_up(path)
            for child in os.listdir(path):
                self._remove_child(path / child)
                if enough():
                    return
            path.rmdir()
        except FileNotFoundError:
            pass  # another process empties the same trash
        except OSError as error:
            self._stuck.add(name)
            log.error("not removed", path=str(path), error=str(error))

    def _remove_child(self, path: Path) -> None:
        """A file goes; a directory comes beside its parent, to be emptied in its turn."""
        with suppress(FileNotFoundError):
            if _is_directory(path):
                self._move_here(path)
            else:
                path.unlink()

    def _move_here(self, path: Path) -> None:
        if _is_directory(path):
            _open_up(path)  # its entry for .. changes with it
        path.rename(self._place / uuid4().hex)


def _is_directory(path: Path) -> bool:
    """Whether it is a directory itself, and no link to one."""
    return stat.S_ISDIR(path.lstat().st_mode)


def _open_up(directory: Path) -> None:
    mode = stat.S_IMODE(directory.lstat().st_mode)
    if mode & OURS != OURS:
        directory.chmod(mode | OURS)


def _listed(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
