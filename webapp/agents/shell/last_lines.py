"""The last lines of what a command printed, as text for people."""

from __future__ import annotations

import re

from webapp.agents.shell.marked_lines import MARK

KEPT = 32 * 1024
STRANGE = 0.3
"""The share of a text that may be no characters: one in an unknown encoding has fewer."""

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|[\]PX^_].*?(?:\x07|\x1b\\|$)"  # titles, links
    r"|[ -/]*[0-~])",
    re.DOTALL,
)
_STRANGE = re.compile(r"[\x01-\x06\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
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

    def text(self, *, lines: int, characters: int) -> str | None:
        """At most so many lines and characters: no marked lines, no colours, no blank end.

        None if these lines are no text.
        """
        whole = self._data.decode(errors="replace").split("\n")
        if self._cut and len(whole) > 1:
            del whole[0]  # probably only a part of it
        both = [(line, shown) for line in whole if (shown := _as_shown(line)) is not None]
        while both and not both[-1][1] and _is_text(both[-1][0]):
            both.pop()
        del both[:-lines]
        if not _is_text("\n".join(line for line, _ in both)):
            return None
        return "\n".join(shown for _, shown in both)[-characters:].strip("\n")


def _is_text(printed: str) -> bool:
    """Whether people could read it: no NUL, and little that is no character."""
    return "\0" not in printed and len(_STRANGE.findall(printed)) <= STRANGE * len(printed)


def _as_shown(line: str) -> str | None:
    """A line as a terminal would leave it; None for one that is only marks."""
    pieces = [piece for piece in line.split("\r") if piece]
    unmarked = [piece for piece in pieces if not piece.startswith(MARK.decode())]
    if pieces and not unmarked:
        return None
    last = unmarked[-1] if unmarked else ""  # a progress bar overwrites itself
    return _CONTROLS.sub("", _ESCAPES.sub("", last)).rstrip()
