"""What people send, on its way: written to disk as it comes, bounded, and gone if unfinished.

Each request has a directory that it holds a lock on. The files in it are called by the ids they
will have. They get their place in a workspace as a second name, before the database is told; a
process that dies in between leaves a directory that nobody locks, and `sweep` takes back both.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog

from webapp.domain import names
from webapp.domain.errors import Conflict, NoSpace, Refused, TooLarge
from webapp.files import beneath

log = structlog.get_logger(__name__)

UPLOADS = "uploads"
TARGET = "target"
YOUNG_S = 60
"""How long a directory may take to be locked after it was made."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UNLINKABLE = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}
MIB = 1024 * 1024


@dataclass(frozen=True)
class Bounds:
    """How large one file may be, and how many may come together."""

    file_mb: int
    files: int


class Part(io.FileIO):
    """One file as it comes in. Of what is too large, or finds no space, nothing more is kept."""

    def __init__(
        self, path: Path, name: str, limit_mb: int, refuse: Callable[[Refused], None]
    ) -> None:
        super().__init__(path, "xb+")
        self.path, self._shown, self._limit_mb = path, names.shown(name), limit_mb
        self._refuse, self._refused = refuse, False
        self.size = 0

    def write(self, data: Any, /) -> int:
        """Write all of it, unless the file is refused."""
        left = memoryview(data)
        count = len(left)
        self.size += count
        if self.size > self._limit_mb * MIB:
            self._give_up(TooLarge("file_too_large", name=self._shown, limit=self._limit_mb))
        try:
            while left and not self._refused:
                left = left[super().write(left) :]
        except OSError as error:
            self._give_up(no_space(error))
        return count

    def _give_up(self, refusal: Refused) -> None:
        if not self._refused:
            self._refused = True
            self._refuse(refusal)
            self.truncate(0)


class Nowhere(io.BytesIO):
    """Takes what is not kept."""

    def write(self, data: Any, /) -> int:
        """Forget it."""
        return len(data)


@dataclass
class Arrival:
    """The files of one request."""

    root: Path
    bounds: Bounds
    parts: list[Part] = field(default_factory=list)
    refusal: Refused | None = None
    """Why none of it will be stored. The request is read to its end all the same: its sender
    may be shown what else it held."""
    _place: Path | None = None
    _lock: int = -1
    _put: list[tuple[Path, str]] = field(default_factory=list)

    def part(self, name: str, file_id: str) -> io.IOBase:
        """Room for another file, or none if there is a refusal already."""
        if len(self.parts) >= self.bounds.files:
            most = self.bounds.files
            self.refuse(TooLarge("too_many_files", name=names.shown(name), limit=most))
        if self.refusal is not None:
            return Nowhere()
        try:
            made = Part(self._directory() / file_id, name, self.bounds.file_mb, self.refuse)
        except OSError as error:
            self.refuse(no_space(error))
            return Nowhere()
        self.parts.append(made)
        return made

    def refuse(self, refusal: Refused) -> None:
        """Store none of it; the first reason counts."""
        self.refusal = self.refusal or refusal

    def keep(self) -> None:
        """Make sure that a power cut takes none of it back; raises what is against it."""
        if self.refusal is not None:
            raise self.refusal
        for part in self.parts:
            try:
                os.fsync(part.fileno())
            except OSError as error:
                raise no_space(error) from None

    def put(self, workspace: str, file_id: str, name: str) -> bool:
        """Give a file its place in the workspace; False if something else is called so."""
        source = self._directory() / file_id
        mark = source.parent / TARGET
        with _uploads(Path(workspace)) as holder:
            if not mark.is_symlink():
                mark.symlink_to(Path(workspace, UPLOADS))
            if not _link(source, name, holder):
                return False
            os.fsync(holder)
        self._put.append((Path(workspace), name))
        return True

    def take_back(self) -> None:
        """Remove what was put: the database did not take it."""
        for workspace, name in self._put:
            with suppress(OSError, Refused), beneath.directory(workspace, (UPLOADS,)) as holder:
                os.unlink(name, dir_fd=holder)
        self._put.clear()

    def close(self) -> None:
        """Remove what has no place yet."""
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)
        self.let_go()

    def let_go(self) -> None:
        """Leave what is there to whoever sweeps."""
        for part in self.parts:
            part.close()
        if self._place is not None:
            os.close(self._lock)
            self._place = None

    def _directory(self) -> Path:
        if self._place is None:
            place = self.root / uuid4().hex
            place.mkdir(parents=True, mode=0o700)
            self._lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._place = place
        return self._place


def sweep(root: Path, is_stored: Callable[[str], bool], *, older_than: float) -> int:
    """Remove what dead processes left on its way; returns how many requests that were.

    ``older_than`` is a time of the file system: younger ones may not have locked theirs yet.
    """
    swept = 0
    for place in _listed(root):
        with suppress(OSError):
            if place.is_symlink() or not place.is_dir() or place.stat().st_mtime > older_than:
                continue
            lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _undo(place, is_stored)
                shutil.rmtree(place, ignore_errors=True)
                swept += 1
            finally:
                os.close(lock)
    return swept


def no_space(error: OSError) -> Refused:
    """The refusal of what could not be written."""
    if error.errno in FULL:
        return NoSpace()
    log.error("not written", error=str(error))
    return NoSpace("not_writable", reason=error.strerror or str(error))


@contextmanager
def _uploads(workspace: Path) -> Iterator[int]:
    """The directory of a workspace that uploads go to; made if it is not there."""
    try:
        workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise no_space(error) from None
    with ExitStack() as stack:
        try:
            holder = stack.enter_context(beneath.directory(workspace))
            with suppress(FileExistsError):
                os.mkdir(UPLOADS, 0o700, dir_fd=holder)
            opened = stack.enter_context(beneath.directory(workspace, (UPLOADS,)))
        except OSError as error:
            raise no_space(error) from None
        except Refused:
            raise Conflict("uploads_unusable", path=str(workspace / UPLOADS)) from None
        yield opened


def _link(source: Path, name: str, holder: int) -> bool:
    try:
        os.link(source, name, dst_dir_fd=holder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in UNLINKABLE:
            raise no_space(error) from None
        return _copy(source, name, holder)
    return True


def _copy(source: Path, name: str, holder: int) -> bool:
    """For file systems where nothing has two names, and workspaces on another one."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        made = os.open(name, flags, 0o600, dir_fd=holder)
    except FileExistsError:
        return False
    try:
        with source.open("rb") as given, os.fdopen(made, "wb") as taken:
            shutil.copyfileobj(given, taken, MIB)
            taken.flush()
            os.fsync(taken.fileno())
    except OSError as error:
        os.unlink(name, dir_fd=holder)
        raise no_space(error) from None
    return True


def _undo(place: Path, is_stored: Callable[[str], bool]) -> None:
    """Take the second names of files back that the database was never told of."""
    mark = place / TARGET
    if not mark.is_symlink():
        return
    target = mark.readlink()
    lost = {p.stat().st_ino for p in _listed(place) if p != mark and not is_stored(p.name)}
    with beneath.directory(target.parent, (target.name,)) as holder, os.scandir(holder) as entries:
        gone = [e.name for e in entries if e.inode() in lost]
        for name in gone:
            os.unlink(name, dir_fd=holder)


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []
