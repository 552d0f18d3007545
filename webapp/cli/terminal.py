"""What may be written to a terminal: text of others can move its cursor and forge lines."""

from __future__ import annotations

import codecs
import os
import re
import sys
import unicodedata
from contextlib import suppress
from datetime import datetime
from typing import Any

import click

from webapp import clock, sources

_SEQUENCE = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # cursor, screen, modes
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # titles, links
    r"|\x1b[ -/]*[0-~]?"
)
_UNFINISHED = re.compile(
    r"(?:\x1b[ -/]*|(?:\x1b\[|\x9b)[0-?]*[ -/]*"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*\x1b?)\Z"
)
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of writing, and so what a reader takes for the text."""
_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160), *map(ord, _TURNS)])
_ALL_BUT_RETURN = {code: None for code in _CONTROLS if code != 13}
LONGEST = 4096
"""Characters of an unfinished sequence that are waited for; a longer one is none."""

STYLES: dict[str, dict[str, Any]] = {
    "pending": {"dim": True},
    "running": {"fg": "blue"},
    "paused": {"fg": "yellow"},
    "completed": {"fg": "green"},
    "failed": {"fg": "red"},
    "stopped": {"dim": True},
}


class Colours:
    """Lets text and colours through to a terminal, and nothing that could do more."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""
        self._coloured = False

    def pass_on(self, data: bytes, *, last: bool = False) -> str:
        """What of the next bytes may be shown; what is cut in the middle waits for its rest."""
        text = self._held + self._decode(data, last)
        self._held = ""
        cut = _UNFINISHED.search(text)
        if cut is not None and not last and len(text) - cut.start() <= LONGEST:
            text, self._held = text[: cut.start()], text[cut.start() :]
        shown = _keep_colours(text)
        self._coloured = self._coloured or "\x1b" in shown
        return shown + ("\x1b[0m" if last and self._coloured else "")


def _keep_colours(text: str) -> str:
    kept, at = [], 0
    for found in _SEQUENCE.finditer(text):
        kept += [text[at : found.start()].translate(_ALL_BUT_RETURN), found["colour"] or ""]
        at = found.end()
    return "".join(kept) + text[at:].translate(_ALL_BUT_RETURN)


def safe(text: str) -> str:
    """Text of others without anything that a terminal obeys; lines stay lines."""
    return _SEQUENCE.sub("", text).translate(_CONTROLS)


def one_line(text: str) -> str:
    """The first line of a text that has something in it, safe to print."""
    lines = (line.strip() for line in safe(text).replace("\t", " ").split("\n"))
    return next((line for line in lines if line), "")


def width(text: str) -> int:
    """How many columns a text takes."""
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def fit(text: str, columns: int) -> str:
    """The text, cut with an ellipsis if it takes more columns than there are."""
    if width(text) <= columns:
        return text
    while text and width(text) > columns - 1:
        text = text[:-1]
    return text + "…"


def coloured(status: str) -> str:
    """A status in its colour."""
    return click.style(status, **STYLES.get(status, {}))


def on_terminal() -> bool:
    """Whether a person reads the standard output."""
    return sys.stdout.isatty()


def prepare(context: click.Context) -> None:
    """Let no character fail that the terminal cannot show, and heed NO_COLOR."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if sources.variable("NO_COLOR") or sources.variable("TERM") == "dumb":
        context.color = False


def let_go() -> None:
    """Nobody reads the standard output any more: what is left of it goes nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def local_time(stamp: str | None) -> str:
    """A time of the API in this machine's zone."""
    if not stamp:
        return ""
    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def brief_time(stamp: str | None) -> str:
    """The same for a narrow table: today's by the clock, this year's without the year."""
    if not stamp:
        return ""
    at, today = datetime.fromisoformat(stamp).astimezone(), clock.now().astimezone()
    if at.date() == today.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%m-%d %H:%M}" if at.year == today.year else f"{at:%Y-%m-%d}"


def seconds_between(since: str | None, until: str | datetime | None) -> float | None:
    """How long something took, from the API's times."""
    if not since or not until:
        return None
    end = datetime.fromisoformat(until) if isinstance(until, str) else until
    return max(0.0, (end - datetime.fromisoformat(since)).total_seconds())


def lasted(seconds: float | None) -> str:
    """A span of time in words that line up: 0.4 s, 42 s, 3 m 07 s, 2 h 05 m, 3 d 4 h."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
