"""What tasks printed: files outside the workspace, by logical byte offset, never larger than a cap.

Each attempt has a directory of segment files, each named by the offset of its first byte. The first
four are kept for ever and the newest twelve, so that a flood loses its middle and no offset ever
changes its meaning. A file is only ever appended to, so other processes may read meanwhile.
"""

from __future__ import annotations

import base64
import bisect
import codecs
import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

log = structlog.get_logger(__name__)

CAP = 64 * 1024 * 1024
FIRST_KEPT, NEWEST_KEPT = 4, 12
RETRY_S = 5.0
PIECE = 256 * 1024
RELISTS = 100
"""How often segments may be dropped under a reader before that is taken for an error."""
CHARACTER = 4
"""Bytes of the longest character in UTF-8."""

_TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_SEGMENT = re.compile(r"\d{16}", re.ASCII)


@dataclass(frozen=True)
class Chunk:
    """A piece of output. ``gap``: the bytes from..to just before it were dropped."""

    offset: int
    next_offset: int
    data: bytes
    size: int
    gap: tuple[int, int] | None = None


@dataclass(frozen=True)
class Text:
    """A chunk as JSON carries it; ``next_offset`` is where to go on reading."""

    data: str
    encoding: Literal["utf-8", "base64"]
    next_offset: int


class OutputStore:
    """All output below one directory. Reading what was never written gives an empty chunk."""

    def __init__(self, root: Path, cap: int = CAP, *, retry_s: float = RETRY_S) -> None:
        self._root = root
        self._retry_s = retry_s
        self._segment = max(CHARACTER, cap // (FIRST_KEPT + NEWEST_KEPT))

    def writer(self, task_id: str, attempt: int) -> OutputWriter:
        """Append to an attempt's output, after what is there already."""
        return OutputWriter(self._directory(task_id, attempt), self._segment, self._retry_s)

    def read(self, task_id: str, attempt: int, offset: int, limit: int) -> Chunk:
        """At most ``limit`` bytes (but a whole character) from ``offset`` on, up to a gap.

        An offset in a gap gives what comes after the gap, one behind the end the end.
        """
        directory = self._directory(task_id, attempt)
        for _ in range(RELISTS):
            with contextlib.suppress(FileNotFoundError):  # dropped after it was listed
                chunk = _read(directory, offset, limit)
                if len(chunk.data) == limit < _first_character(chunk.data):
                    return _read(directory, offset, _first_character(chunk.data))
                return chunk
        return _read(directory, offset, limit)

    def tail(self, task_id: str, attempt: int, lines: int, max_bytes: int) -> Chunk:
        """The last lines, whole if they fit; what follows is to be read from ``next_offset``."""
        size = self.read(task_id, attempt, 0, 1).size
        chunk = self.read(task_id, attempt, max(0, size - max_bytes), max_bytes)
        while (
            chunk.next_offset < size
            and (more := self.read(task_id, attempt, chunk.next_offset, max_bytes)).data
        ):  # there was a gap in between, or the writer went on
            chunk = more
        cut = _start_of_lines(chunk.data, lines)
        if cut == 0 and chunk.offset > 0:
            cut = _continuation(chunk.data)
        return Chunk(chunk.offset + cut, chunk.next_offset, chunk.data[cut:], chunk.size, chunk.gap)

    def iter_all(self, task_id: str, attempt: int) -> Iterator[bytes]:
        """Everything there is at this moment, with a line of text in place of a gap."""
        chunk = self.read(task_id, attempt, 0, PIECE)
        size = chunk.size
        while chunk.data:
            if chunk.gap:
                dropped = chunk.gap[1] - chunk.gap[0]
                yield f"\n[Lineup: {dropped} bytes of output were dropped here]\n".encode()
            yield chunk.data[: max(0, size - chunk.offset)]
            if chunk.next_offset >= size:
                return
            chunk = self.read(task_id, attempt, chunk.next_offset, PIECE)

    def delete(self, task_id: str) -> None:
        """Remove the output of all attempts. What cannot be removed is logged, and stays."""
        directory = self._task(task_id)
        try:
            if directory.is_symlink():  # its task put it there; where it leads is not ours
                directory.unlink()
            else:
                shutil.rmtree(directory)
        except OSError as error:
            shutil.rmtree(directory, ignore_errors=True)  # all the rest
            if os.path.lexists(directory):
                log.error("output not removed", path=str(directory), error=str(error))

    def _task(self, task_id: str) -> Path:
        if not _TASK_ID.fullmatch(task_id):
            raise ValueError(f"{task_id!r} is not a task id")
        return self._root / task_id

    def _directory(self, task_id: str, attempt: int) -> Path:
        if attempt < 0:
            raise ValueError(f"{attempt} is not an attempt")
        return self._task(task_id) / str(attempt)


class OutputWriter:
    """Appends to one attempt's output. A full disk loses output, never the task.

    ``trouble`` is why nothing can be written at the moment, or None. Every few seconds it is
    tried again, and a line of text then stands for what was lost.
    """

    def __init__(self, directory: Path, segment: int, retry_s: float = RETRY_S) -> None:
        self._directory, self._segment, self._retry_s = directory, segment, retry_s
        self._file: int | None = None
        self._lost = 0
        self._retry_at = 0.0
        self.trouble: str | None = None
        starts = _starts(directory)
        self._start = starts[-1] if starts else 0
        self.size = self._start + (_length(directory, self._start) if starts else 0)

    def append(self, data: bytes) -> None:
        if self.trouble and time.monotonic() < self._retry_at:
            self._lost += len(data)
            return
        left = memoryview(data)
        try:
            if self._lost:
                self._write_notice()
            while left:
                left = left[self._write_some(left) :]
            self.trouble = None
        except OSError as error:
            self.trouble = error.strerror or str(error)
            self._lost += len(left)
            self._retry_at = time.monotonic() + self._retry_s
            self._close_file()

    def close(self) -> None:
        """Make it last: afterwards a power cut cannot take it back."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                getattr(os, "fdatasync", os.fsync)(self._file)
        self._close_file()

    def _write_notice(self) -> None:
        notice = f"\n[Lineup: {self._lost} bytes of output were lost here: {self.trouble}]\n"
        left = memoryview(notice.encode())
        while left:
            left = left[self._write_some(left) :]
        self._lost = 0

    def _write_some(self, data: memoryview) -> int:
        if self.size - self._start >= self._segment:
            self._close_file()
            self._start = self.size
        if self._file is None:
            self._file = self._open()
        count = os.write(self._file, data[: self._start + self._segment - self.size])
        self.size += count
        return count

    def _open(self) -> int:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._directory / _name(self._start)
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for start in _starts(self._directory)[FIRST_KEPT:-NEWEST_KEPT]:
            with contextlib.suppress(FileNotFoundError):
                (self._directory / _name(start)).unlink()
        return opened

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def as_text(chunk: Chunk, *, ended: bool) -> Text:
    """A chunk as text, or in base64 if it is not text; either splits no character.

    A character that has not arrived as a whole waits, unless nothing more can come.
    """
    data = chunk.data
    try:
        text, count = codecs.utf_8_decode(data, "strict", False)
        # Half a character is all there is: it waits, or is no character.
        waits = chunk.next_offset >= chunk.size and not ended
        if count or waits or not data:
            return Text(text, "utf-8", chunk.offset + count)
    except UnicodeDecodeError:
        data = data[: len(data) - _incomplete(data)] or data
    return Text(base64.b64encode(data).decode(), "base64", chunk.offset + len(data))


def _read(directory: Path, offset: int, limit: int) -> Chunk:
    starts = _starts(directory)
    size = starts[-1] + _length(directory, starts[-1]) if starts else 0
    if offset >= size:
        return Chunk(size, size, b"", size)
    number = max(0, bisect.bisect_right(starts, offset) - 1)
    begin, data = offset, b""
    gap: tuple[int, int] | None = None
    while True:
        at = begin + len(data)
        if starts[number] > at:  # what is missing was dropped
            data = data[: len(data) - _incomplete(data)]
            if data:
                break
            gap, begin = (offset, starts[number]), starts[number]
            at = begin
        data += _piece(directory, starts[number], at, limit - len(data))
        number += 1
        if len(data) >= limit or number == len(starts):
            break
    if gap and (rest := _continuation(data)):
        gap, begin, data = (gap[0], gap[1] + rest), begin + rest, data[rest:]
    return Chunk(begin, begin + len(data), data, max(size, begin + len(data)), gap)


def _piece(directory: Path, start: int, offset: int, limit: int) -> bytes:
    with (directory / _name(start)).open("rb", buffering=0) as file:
        return os.pread(file.fileno(), limit, offset - start)


def _starts(directory: Path) -> list[int]:
    """The offsets at which segments begin, in order."""
    try:
        return sorted(int(name) for name in os.listdir(directory) if _SEGMENT.fullmatch(name))
    except OSError:
        return []


def _name(start: int) -> str:
    return f"{start:016d}"  # as _SEGMENT reads it


def _length(directory: Path, start: int) -> int:
    return (directory / _name(start)).stat().st_size


def _start_of_lines(data: bytes, lines: int) -> int:
    """Where the last so many lines begin; a newline at the very end begins none."""
    at = len(data) - data.endswith(b"\n")
    for _ in range(lines):
        at = data.rfind(b"\n", 0, at)
        if at < 0:
            return 0
    return at + 1


def _first_character(data: bytes) -> int:
    """How many bytes the first character has; 1 if the first byte leads none."""
    lead = data[0] if data and 0xC2 <= data[0] <= 0xF4 else 0
    return 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead else 1


def _continuation(data: bytes) -> int:
    """How many bytes at the beginning belong to a character that began before."""
    head = data[: CHARACTER - 1]
    return next((n for n, byte in enumerate(head) if byte & 0xC0 != 0x80), len(head))


def _incomplete(data: bytes) -> int:
    """How many bytes at the end are the beginning of a character."""
    for count in range(1, min(CHARACTER, len(data) + 1)):
        if data[-count] & 0xC0 != 0x80:
            return count if _first_character(data[-count:]) > count else 0
    return 0
