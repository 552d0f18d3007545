"""A file that is not there until it is whole: whatever happens before, nothing is left of it."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

FD = Path("/proc/self/fd")


class Vessel:
    """Write to ``file``, then `keep` it under its name, or `drop` it.

    Where the system can, the file has no name before, so that even kill -9 leaves nothing.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._named: Path | None = None
        self.file = self._open()

    def keep(self) -> None:
        """Make it last, and give it its name; raises FileExistsError if somebody else has it."""
        self.file.flush()
        os.fsync(self.file.fileno())
        directory = os.open(self._target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            source = self._named or FD / str(self.file.fileno())
            # link, not rename: it never takes a name that somebody else has by now
            os.link(source, self._target, src_dir_fd=directory, follow_symlinks=True)
            os.fsync(directory)
        finally:
            os.close(directory)
        self.drop()

    def drop(self) -> None:
        """Let go of it."""
        with suppress(OSError):
            self.file.close()
        if self._named is not None:
            self._named.unlink(missing_ok=True)

    def _open(self) -> BinaryIO:
        flag = getattr(os, "O_TMPFILE", 0)
        if flag and FD.is_dir():
            with suppress(OSError):  # not every file system can
                made = os.open(self._target.parent, flag | os.O_RDWR | os.O_CLOEXEC, 0o600)
                return os.fdopen(made, "w+b")
        self._named = self._target.with_name(f".{self._target.name}.{uuid4().hex}.part")
        wanted = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.fdopen(os.open(self._named, wanted, 0o600), "w+b")


def nameless(directory: Path) -> BinaryIO:
    """A temporary file without a name on the disk of ``directory``."""
    return tempfile.TemporaryFile(dir=directory)
