"""What a terminal would show: escape sequences become classes, never styles, and never markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

_SEQUENCE = re.compile(
    r"\x1b\[(?P<csi>[0-?]*)[ -/]*(?P<final>[@-~])"  # colours, and moves that are left out
    r"|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # titles and links
    r"|\x1b[PX^_].*?(?:\x1b\\|$)"
    r"|\x1b[ -/]*[0-~]?",
    re.MULTILINE,
)
_STATE = re.compile(
    r"(?P<marks>[bdiurs]{0,6})(?:f(?P<ink>1[0-5]|[0-9]))?(?:k(?P<paper>1[0-5]|[0-9]))?"
)
_CONTROL = {code: chr(0x2400 + code) for code in range(32) if code != 9} | {0x7F: "\u2421"}

PICTURES = frozenset(_CONTROL.values())
"""What control characters are shown as."""

_ON = {1: "b", 2: "d", 3: "i", 4: "u", 7: "r", 9: "s"}
_OFF = {22: "bd", 23: "i", 24: "u", 27: "r", 29: "s"}
_SIXTEEN = [  # the usual terminal colours, to find the nearest of
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0),
    (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0),
    (92, 92, 255), (255, 0, 255), (0, 255, 255), (255, 255, 255),
]  # fmt: skip


@dataclass(frozen=True)
class Pen:
    """How the next character is written; ``str`` and ``parse`` carry it from part to part."""

    marks: str = ""
    ink: int | None = None
    paper: int | None = None

    def __str__(self) -> str:
        ink = "" if self.ink is None else f"f{self.ink}"
        return self.marks + ink + ("" if self.paper is None else f"k{self.paper}")

    @classmethod
    def parse(cls, text: str) -> Pen:
        """The pen that was written as ``text``; a plain one if nobody could have."""
        found = _STATE.fullmatch(text)
        if found is None:
            return cls()
        ink, paper = found["ink"], found["paper"]
        return cls(found["marks"], int(ink) if ink else None, int(paper) if paper else None)

    @property
    def classes(self) -> str:
        """The CSS classes of what is written with it."""
        found = [f"a-{mark}" for mark in self.marks]
        found += [] if self.ink is None else [f"a-f{self.ink}"]
        found += [] if self.paper is None else [f"a-k{self.paper}"]
        return " ".join(found)

    def after(self, codes: str) -> Pen:
        """The pen after an SGR sequence."""
        pen, given = self, iter(_numbers(codes))
        for code in given:
            if code == 0:
                pen = Pen()
            elif code in _ON:
                pen = replace(
                    pen, marks=pen.marks + _ON[code] if _ON[code] not in pen.marks else pen.marks
                )
            elif code in _OFF:
                pen = replace(pen, marks="".join(m for m in pen.marks if m not in _OFF[code]))
            else:
                pen = pen.coloured(code, given)
        return pen

    def coloured(self, code: int, given: Iterator[int]) -> Pen:
        """The pen after a colour code; ``given`` is what follows it in its sequence."""
        if code in (38, 48):
            colour = _extended(given)
            return (
                self
                if colour is None
                else (replace(self, ink=colour) if code == 38 else replace(self, paper=colour))
            )
        if 30 <= code <= 37 or 90 <= code <= 97:
            return replace(self, ink=code - 30 if code < 90 else code - 82)
        if 40 <= code <= 47 or 100 <= code <= 107:
            return replace(self, paper=code - 40 if code < 100 else code - 92)
        if code == 39:
            return replace(self, ink=None)
        return replace(self, paper=None) if code == 49 else self


def render(line: str, pen: Pen) -> tuple[Markup, Pen]:
    """One line as HTML, and the pen that the next one begins with."""
    shown: list[Markup] = []
    position = 0
    for found in _SEQUENCE.finditer(line):
        shown.append(_written(line[position : found.start()], pen))
        position = found.end()
        if found["final"] == "m":
            pen = pen.after(found["csi"])
    shown.append(_written(line[position:], pen))
    return Markup("").join(shown), pen


def plain(line: str) -> str:
    """One line without its escape sequences."""
    return _SEQUENCE.sub("", last_writing(line)).translate(_CONTROL)


def holds(lines: str, wanted: str) -> bool:
    """Whether ``wanted``, which is casefolded, may be in the plain text of one of these lines.

    Sometimes it is in none. It costs a hundredth of looking at each of them.
    """
    if not PICTURES.isdisjoint(wanted):
        return True
    return wanted in _SEQUENCE.sub("", lines.replace("\r", "\n")).casefold()


def last_writing(line: str) -> str:
    """What a carriage return left standing: progress bars write over themselves."""
    return line.rstrip("\r").rpartition("\r")[2]


def _written(text: str, pen: Pen) -> Markup:
    text = text.translate(_CONTROL)
    if not text:
        return Markup()
    classes = pen.classes
    if not classes:
        return escape(text)
    return Markup('<span class="{}">{}</span>').format(classes, text)


def _numbers(codes: str) -> list[int]:
    parts = re.split("[;:]", codes) if codes else ["0"]
    return [int(part) if part.isdecimal() and len(part) < 6 else 0 for part in parts]


def _extended(given: Iterator[int]) -> int | None:
    kind = next(given, None)
    if kind == 5:
        return _from_256(next(given, 0))
    if kind == 2:
        return _nearest((next(given, 0), next(given, 0), next(given, 0)))
    return None


def _from_256(number: int) -> int:
    if number < 16:
        return number
    if number >= 232:
        grey = 8 + (min(number, 255) - 232) * 10
        return _nearest((grey, grey, grey))
    number -= 16
    steps = (0, 95, 135, 175, 215, 255)
    return _nearest((steps[number // 36], steps[number // 6 % 6], steps[number % 6]))


def _nearest(rgb: tuple[int, int, int]) -> int:
    def distance(index: int) -> int:
        return sum((a - b) ** 2 for a, b in zip(_SIXTEEN[index], rgb, strict=True))

    return min(range(16), key=distance)
