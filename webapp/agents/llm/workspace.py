"""The files of a workspace as tools of a model: read, written, listed and searched, never left.

Each directory on the way is opened from the one above it and no link is followed, so that nothing
outside is reached, whoever rearranges the workspace meanwhile.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
MOST_READ = 256 * 1024
"""Bytes of a file that one call reads."""
MOST_WRITTEN = 8 * 1024 * 1024
MOST_LISTED = 500
MOST_FOUND = 100
MOST_SEARCHED = 20_000
"""Files and directories that one search looks at."""
LONGEST_LINE = 300
LONGEST_PATH = 200
"""Characters of a path that are told."""
MOST_PARTS = 64
SEARCH_S = 10.0
MOST_SEARCHED_BYTES = 256 * 1024 * 1024


class NotPossible(Exception):
    """What a tool cannot do, said so that the model can do something else."""


class Workspace:
    """The directory that the tools see; paths are relative to it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read_file(self, path: str, offset: int = 0, limit: int = MOST_READ) -> str:
        """Read a text file of the workspace.

        Args:
            path: Relative to the workspace, for example "notes/today.md".
            offset: The byte to begin at.
            limit: How many bytes to read at most.
        """
        *above, name = self._parts(path)
        with self._directory(above) as holder, _file(name, READ, holder, path) as file:
            size = os.fstat(file.fileno()).st_size
            begin = min(max(0, offset), size)
            file.seek(begin)
            data = file.read(min(max(1, limit), MOST_READ))
        text = data.decode("utf-8", "replace")
        rest = size - begin - len(data)
        return f"{text}\n({rest:,} more bytes; go on at {begin + len(data)})" if rest > 0 else text

    def write_file(self, path: str, content: str, append: bool = False) -> str:
        """Write a text file of the workspace; directories on the way are made.

        Args:
            path: Relative to the workspace. What people are to read goes to "reports/".
            content: The whole text, or what is added to it.
            append: Add to the end instead of replacing what is there.
        """
        data = content.encode("utf-8", "replace")
        if len(data) > MOST_WRITTEN:
            raise NotPossible(f"at most {MOST_WRITTEN:,} bytes are written at once")
        *above, name = self._parts(path)
        flags = WRITE | (os.O_APPEND if append else 0)
        with (
            self._directory(above, make=True) as holder,
            _file(name, flags, holder, path) as file,
        ):
            if not append:
                file.truncate()
            file.write(data)
        return f"{len(data):,} bytes written to {path}"

    def list_files(self, path: str = ".") -> str:
        """List a directory of the workspace: directories end with a slash, files have their size.

        Args:
            path: Relative to the workspace; "." is the workspace itself.
        """
        parts = () if path in {"", "."} else self._parts(path)
        with self._directory(parts) as holder:
            names = sorted(os.listdir(holder))
            lines = [_line(name, holder) for name in names[:MOST_LISTED]]
        if len(names) > MOST_LISTED:
            lines.append(f"({len(names) - MOST_LISTED} more)")
        return "\n".join(lines) or "(empty)"

    def search_files(self, text: str, path: str = ".") -> str:
        """Find the lines of the workspace's files that contain a text, whatever its case.

        Args:
            text: What to look for; it is no pattern.
            path: The directory to look in, with all below it.
        """
        if not text:
            raise NotPossible("say which text to look for")
        parts = () if path in {"", "."} else self._parts(path)
        found: list[str] = []
        looked, until = 0, time.monotonic() + SEARCH_S
        for inner in self._files(parts):
            data = self._bytes(inner)
            looked += len(data)
            found += _matching(data, text, _shown("/".join(inner)))
            enough = len(found) >= MOST_FOUND or looked >= MOST_SEARCHED_BYTES
            if enough or time.monotonic() > until:
                found[MOST_FOUND:] = ["(there may be more: look in a directory, or for more text)"]
                break
        return "\n".join(found) or "(nothing found)"

    def _parts(self, path: str) -> tuple[str, ...]:
        parts = PurePosixPath(path).parts
        if "\0" in path or not parts or path.startswith("/") or ".." in parts:
            raise NotPossible(f"{path[:LONGEST_PATH]!r} is not a path inside the workspace")
        if len(parts) > MOST_PARTS:
            raise NotPossible(f"a path has at most {MOST_PARTS} parts")
        return parts

    @contextmanager
    def _directory(
        self, parts: tuple[str, ...] | list[str], *, make: bool = False
    ) -> Iterator[int]:
        opened = os.open(self._root, DIRECTORY)
        try:
            for part in parts:
                if make:
                    with suppress(OSError):  # it is there, or opening it says what is wrong
                        os.mkdir(part, 0o700, dir_fd=opened)
                below = _open(part, DIRECTORY, opened, "/".join(parts))
                os.close(opened)
                opened = below
            yield opened
        finally:
            os.close(opened)

    def _files(self, parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Those below a directory, whatever is deep or wide in it looked at in bounds."""
        left, waiting = MOST_SEARCHED, [parts]
        while waiting and left > 0:
            place = waiting.pop()
            try:
                with self._directory(place) as holder:
                    names = sorted(os.listdir(holder))[:left]
                    entries = [(name, _mode(name, holder)) for name in names]
            except (NotPossible, OSError):  # gone by now
                if place == parts:
                    raise
                continue
            left -= len(entries) + 1
            yield from ((*place, name) for name, mode in entries if stat.S_ISREG(mode))
            if len(place) < MOST_PARTS:
                inner = [(*place, name) for name, mode in entries if stat.S_ISDIR(mode)]
                waiting += reversed(inner)

    def _bytes(self, parts: tuple[str, ...]) -> bytes:
        *above, name = parts
        try:
            with self._directory(above) as holder, _file(name, READ, holder, name) as file:
                return file.read(MOST_READ)
        except (NotPossible, OSError):  # gone by now
            return b""


@contextmanager
def _file(name: str, flags: int, holder: int, path: str) -> Iterator[IO[bytes]]:
    """A regular file, opened; whatever else is there is closed again."""
    opened = _open(name, flags, holder, path)
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise NotPossible(f"{_shown(path)}: it is no file")
        file = os.fdopen(opened, "rb" if flags == READ else "wb")
    except BaseException:
        os.close(opened)
        raise
    with file:
        yield file


def _open(name: str, flags: int, holder: int, path: str) -> int:
    try:
        return os.open(name, flags, 0o600, dir_fd=holder)
    except OSError as error:
        raise NotPossible(f"{_shown(path)}: {error.strerror}") from None


def _mode(name: str, holder: int) -> int:
    try:
        return os.stat(name, dir_fd=holder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _line(name: str, holder: int) -> str:
    try:
        seen = os.stat(name, dir_fd=holder, follow_symlinks=False)
    except OSError:
        return _shown(name)
    return (
        f"{_shown(name)}/"
        if stat.S_ISDIR(seen.st_mode)
        else f"{_shown(name)} ({seen.st_size:,} bytes)"
    )


def _shown(path: str) -> str:
    """A path as it can be told, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "replace")[:LONGEST_PATH]


def _matching(data: bytes, text: str, path: str) -> Iterator[str]:
    if b"\0" in data:
        return
    wanted = text.casefold()
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        if wanted in line.casefold():
            yield f"{path}:{number}: {line.strip()[:LONGEST_LINE]}"
