"""Opens what lies beneath a directory, and nothing else, whoever rearranges it meanwhile.

Each directory on the way is opened from the one above it and no link is followed, so that there
is no moment at which a checked path could come to mean something else.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from webapp.domain.errors import Forbidden, NotFound

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not to wait for the other end of a pipe, and to take no terminal.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def parts_of(path: str) -> tuple[str, ...]:
    """The names of a relative path; Forbidden where one of them leads out."""
    if "\0" in path or path.startswith("/"):
        raise Forbidden("file_outside")
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts:
        raise Forbidden("file_outside")
    return parts


@contextmanager
def directory(root: Path, parts: Sequence[str] = ()) -> Iterator[int]:
    """A descriptor of a directory beneath ``root``, or of ``root`` itself."""
    opened = _open(str(root), DIRECTORY, None)
    try:
        for part in parts:
            below = _open(part, DIRECTORY, opened)
            os.close(opened)
            opened = below
        yield opened
    finally:
        os.close(opened)


def open_file(root: Path, parts: Sequence[str]) -> int:
    """A descriptor of a regular file beneath ``root``.

    Raises NotFound where there is none, and Forbidden for links, devices, pipes and sockets, and
    for what may not be read.
    """
    *above, name = parts
    with directory(root, above) as holder:
        _refuse_special(_look(name, holder))  # to open a device can already do something
        opened = _open(name, FILE, holder)
    try:
        _refuse_special(os.fstat(opened))
    except BaseException:
        os.close(opened)
        raise
    return opened


def _look(name: str, holder: int | None) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=holder, follow_symlinks=False)
    except OSError as error:
        raise _refusal(error) from None


def _open(name: str, flags: int, holder: int | None) -> int:
    try:
        return os.open(name, flags, dir_fd=holder)
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            _refuse_link(_look(name, holder))
        raise _refusal(error) from None


def _refuse_link(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise Forbidden("file_is_link")


def _refuse_special(found: os.stat_result) -> None:
    _refuse_link(found)
    if stat.S_ISDIR(found.st_mode):
        raise NotFound("no_such_file")
    if not stat.S_ISREG(found.st_mode):
        raise Forbidden("file_is_special")


def _refusal(error: OSError) -> Forbidden | NotFound:
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL}:
        return NotFound("no_such_file")
    if error.errno == errno.ELOOP:
        return Forbidden("file_is_link")
    return Forbidden("file_unreadable", reason=error.strerror or str(error))
