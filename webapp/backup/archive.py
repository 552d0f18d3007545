"""The archive: a tar that is written and read as a stream, and ends with the sums of all it holds.

Only plain files and directories are members. Links of workspaces are lines of a list, made anew at
the very end of a restoration, so that nothing is ever written through one.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import stat
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO

from webapp.backup.vessel import nameless
from webapp.domain.errors import Conflict

FORMAT = 1
HEADER, CONTENTS, LINKS, SUMS = "backup.json", "contents.json", "links.jsonl", "SHA256SUMS"
PIECE = 1024 * 1024
SMALL = 16 * 1024 * 1024
"""No list of ours is larger, but sums and links."""
LEVEL = 3

ALLOWED = re.compile(
    r"database/lineup\.(db|dump)|keys/(secret_key|vault_keys)|settings/lineup\.toml"
    r"|output/[A-Za-z0-9][A-Za-z0-9_-]{0,63}(/\d+(/\d{16})?)?"
    r"|workspaces/.+"
    r"|" + "|".join(map(re.escape, (CONTENTS, LINKS, SUMS))),
    re.ASCII | re.DOTALL,
)
BROKEN = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError)

Take = Callable[[tarfile.TarInfo, IO[bytes]], None]


class Writer:
    """Adds members to an archive, and their sums at its end."""

    def __init__(self, file: BinaryIO, spool: Path) -> None:
        self._gzip = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=LEVEL, filename="")
        self._tar = tarfile.open(  # noqa: SIM115 - closed in `close`
            fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT
        )
        self._sums = nameless(spool)
        self.files = 0
        self.bytes = 0

    def add(self, name: str, file: IO[bytes], *, size: int, mode: int, mtime: float) -> bool:
        """Add ``size`` bytes; false if the file became shorter meanwhile: zeros stand for the rest.

        What it grew by is left out, for the size is written first.
        """
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, mode & 0o777, mtime
        source = _Summed(file, size)
        self._tar.addfile(member, source)
        self._sums.write(_line(source.digest, name))
        self.files += 1
        self.bytes += size
        return not source.short

    def add_bytes(self, name: str, data: bytes, mtime: float) -> None:
        """Add a member that was made up here."""
        self.add(name, io.BytesIO(data), size=len(data), mode=0o600, mtime=mtime)

    def add_directory(self, name: str, *, mode: int, mtime: float) -> None:
        """Add a directory."""
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.mtime = tarfile.DIRTYPE, mode & 0o777, mtime
        self._tar.addfile(member)

    def close(self, mtime: float) -> None:
        """Write the sums and the end."""
        size = self._sums.tell()
        self._sums.seek(0)
        member = tarfile.TarInfo(SUMS)
        member.size, member.mode, member.mtime = size, 0o600, mtime
        self._tar.addfile(member, self._sums)
        self._tar.close()
        self._gzip.close()
        self._sums.close()


class _Summed:
    """Reads exactly so many bytes, with zeros for those that are missing, and sums them up."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size
        self._sum = hashlib.sha256()
        self.short = False

    def read(self, count: int = -1) -> bytes:
        count = self._left if count < 0 else min(count, self._left)
        data = b"" if self.short else self._file.read(count)
        if len(data) < count:
            self.short = True
            data += bytes(count - len(data))
        self._left -= count
        self._sum.update(data)
        return data

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()


def read(path: Path, take: Take | None = None) -> dict[str, Any]:
    """Read an archive to its end and hold every sum against it; returns its header.

    ``take`` is given every member but the lists at the end, which it gets as well; what it does
    not read is read for it. Raises Conflict for what is damaged, cut off, or no archive of ours.
    """
    try:
        with path.open("rb") as file, tempfile.TemporaryFile() as spool:
            return _read(file, spool, take or (lambda _member, _file: None))
    except BROKEN as error:
        raise Conflict("backup_damaged", reason=str(error) or type(error).__name__) from None


def _read(file: BinaryIO, spool: BinaryIO, take: Take) -> dict[str, Any]:
    header: dict[str, Any] | None = None
    complete = False
    with gzip.GzipFile(fileobj=file) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as tar:
        for member in tar:
            if complete:
                raise Conflict("backup_damaged", reason="something follows its end")
            if header is None:
                header = _header(member, tar.extractfile(member))
                spool.write(_line(_digest_of(header["raw"]), HEADER))
                continue
            _check(member)
            if member.isdir():
                take(member, io.BytesIO())
                continue
            content = tar.extractfile(member)
            assert content is not None
            if member.name == SUMS:
                _compare(spool, content)
                complete = True
                continue
            summed = _Summed(content, member.size)
            take(member, summed)  # type: ignore[arg-type] # it only reads
            while summed.read(PIECE):
                pass
            if summed.short:
                raise EOFError("it is cut off")
            spool.write(_line(summed.digest, member.name))
    if header is None or not complete:
        raise Conflict("backup_damaged", reason="it is cut off")
    del header["raw"]
    return header


def _header(member: tarfile.TarInfo, file: IO[bytes] | None) -> dict[str, Any]:
    if member.name != HEADER or file is None or member.size > SMALL:
        raise Conflict("backup_not_ours")
    raw = file.read()
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        raise Conflict("backup_not_ours") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT or not _is_complete(header):
        raise Conflict("backup_not_ours")
    return {**header, "raw": raw}


def _is_complete(header: dict[str, Any]) -> bool:
    """Whether it says what is asked of it, in words that a terminal can be shown."""
    words = [header.get(name) for name in ("revision", "lineup", "made_at", "data")]
    counts = header.get("counts")
    return (
        all(isinstance(word, str) and word.isprintable() for word in words)
        and str(header["data"]).startswith("/")
        and isinstance(counts, dict)
        and all(isinstance(counts.get(name), int) for name in ("tasks", "sessions"))
    )


def _check(member: tarfile.TarInfo) -> None:
    """Refuse what must not be in an archive: other places, links, devices, and strangers."""
    parts = member.name.split("/")
    if {"", ".", ".."} & set(parts) or "\0" in member.name or not ALLOWED.fullmatch(member.name):
        raise Conflict("backup_bad_member", name=repr(member.name), reason="its name is not ours")
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise Conflict("backup_bad_member", name=repr(member.name), reason="it is no plain file")
    if member.name in (CONTENTS, HEADER) and member.size > SMALL:
        raise Conflict("backup_bad_member", name=repr(member.name), reason="it is too large")


def _compare(computed: BinaryIO, stored: IO[bytes]) -> None:
    computed.seek(0)
    for line in stored:
        own = computed.readline()
        if own != line:
            name = own.partition(b"  ")[2].decode("utf-8", "replace").strip() or "a file"
            raise Conflict("backup_damaged", reason=f"{name} is not what it was")
    if computed.readline():
        raise Conflict("backup_damaged", reason="it holds more than it should")


def _line(digest: str, name: str) -> bytes:
    return f"{digest}  {json.dumps(name)}\n".encode("ascii")


def _digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def opened(path: Path) -> BinaryIO | None:
    """A plain file for reading, without following a link or waiting for a pipe; else None."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.fdopen(os.open(path, flags), "rb")
    except OSError:  # gone, or not ours to read
        return None
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    return None
