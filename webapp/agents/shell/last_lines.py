"""The last lines of what a command printed, as text for people."""

from __future__ import annotations

import re

from webapp.agents.shell.marked_lines import MARK

KEPT = 32 * 1024

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|[\]PX^_].*?(?:\x07|\x1b\\|$)"  # titles, links
    r"|[ -/]*[0-~])",
    re.DOTALL,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class LastLines:
    """Remembers the end of a stream."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._cut = False

    def feed(self, data: bytes) -> None:
        self._data += data[-KEPT:]
        if len(self._data) > 2 * KEPT:
            del self._data[:-KEPT]
            self._cut = True

    def text(self, *, lines: int, characters: int) -> str:
        """At most so many lines and characters: no marked lines, no colours, no blank end."""
        whole = self._data.decode(errors="replace").split("\n")
        if self._cut and len(whole) > 1:
            del whole[0]  # probably only a part of it
        shown = [line for line in map(_as_shown, whole) if line is not None]
        while shown and not shown[-1]:
            shown.pop()
        return "\n".join(shown[-lines:])[-characters:].strip("\n")


def _as_shown(line: str) -> str | None:
    """A line as a terminal would leave it; None for one that is only marks."""
    pieces = [piece for piece in line.split("\r") if piece]
    unmarked = [piece for piece in pieces if not piece.startswith(MARK.decode())]
    if pieces and not unmarked:
        return None
    last = unmarked[-1] if unmarked else ""  # a progress bar overwrites itself
    return _CONTROLS.sub("", _ESCAPES.sub("", last)).rstrip()
