"""Marked lines: how a command reports progress, steps and a result in what it prints.

Documented for the people who write such commands in docs/shell-protocol.md.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MARK = b"::lineup "
LINE_LIMIT = 64 * 1024
"""Bytes of a marked line that are looked at; the rest of it is only output."""

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%?")
_STEPS = re.compile(r"(\d{1,9})/(\d{1,9})")
_LINE_ENDS = re.compile(rb"[\r\n]")


@dataclass(frozen=True)
class Progress:
    percent: float | None = None
    step: int | None = None
    steps: int | None = None
    message: str | None = None


@dataclass(frozen=True)
class Step:
    text: str


@dataclass(frozen=True)
class ResultLine:
    text: str


@dataclass(frozen=True)
class Malformed:
    line: str
    reason: str
    """A code of the agent's messages."""


Mark = Progress | Step | ResultLine | Malformed


def parse(line: str) -> Mark:
    """Read one line that begins with the mark."""
    verb, _, rest = line.removeprefix(MARK.decode()).partition(" ")
    if verb == "result":
        return ResultLine(rest)
    rest = rest.strip()
    if verb == "step":
        return Step(rest) if rest else Malformed(line, "shell_mark_step_empty")
    if verb == "progress":
        return _progress(line, rest)
    return Malformed(line, "shell_mark_unknown")


def _progress(line: str, rest: str) -> Mark:
    figure, _, message = rest.partition(" ")
    text = message.strip() or None
    if percent := _PERCENT.fullmatch(figure):
        value = float(percent[1])
        if value <= 100 and math.isfinite(value):
            return Progress(percent=value, message=text)
    elif steps := _STEPS.fullmatch(figure):
        step, total = int(steps[1]), int(steps[2])
        if 1 <= step <= total:
            return Progress(step=step, steps=total, message=text)
    return Malformed(line, "shell_mark_progress")


class LineFinder:
    """Finds the marked lines in a stream of chunks, wherever the chunks were cut.

    A line begins after a newline or a carriage return, so that a progress bar in front does no
    harm, and ends at either. Only a line that may be marked is kept, and only its first part.
    """

    def __init__(self) -> None:
        self._line: bytearray | None = bytearray()
        """The line under way, while it may be a marked one; else None."""

    def feed(self, data: bytes) -> list[str]:
        """The marked lines that this chunk completed, without their ends."""
        found: list[str] = []
        position = 0
        while position < len(data):
            if self._line is None:
                position = self._skip(data, position)
            else:
                position = self._collect(data, position, found)
        return found

    def finish(self) -> list[str]:
        """The last line, if the output ended without ending it."""
        line, self._line = self._line, None
        return [_text(line)] if line and line.startswith(MARK) else []

    def _collect(self, data: bytes, position: int, found: list[str]) -> int:
        assert self._line is not None
        end = _LINE_ENDS.search(data, position)
        stop = end.start() if end else len(data)
        self._line += data[position : min(stop, position + LINE_LIMIT - len(self._line))]
        if not (self._line.startswith(MARK) or MARK.startswith(self._line)):
            self._line = None
            return stop
        if end is None:
            return stop
        if self._line.startswith(MARK):
            found.append(_text(self._line))
        self._line = bytearray()
        return stop + 1

    def _skip(self, data: bytes, position: int) -> int:
        """Where the next line begins that may be marked."""
        at = position
        while (at := data.find(MARK, at)) >= 0:
            if at > 0 and data[at - 1] in b"\r\n":
                self._line = bytearray()
                return at
            at += 1
        last_end = max(data.rfind(b"\n", position), data.rfind(b"\r", position))
        if last_end < 0:
            return len(data)
        self._line = bytearray()
        return last_end + 1


def _text(line: bytearray) -> str:
    return line.decode(errors="replace")
