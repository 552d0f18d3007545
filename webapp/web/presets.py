"""Usual rules by name: each writes a cron expression, and is recognised in one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

CUSTOM = "custom"
LAST_DAY = "L"
NAMES = ("minutes", "hourly", "daily", "weekdays", "weekly", "monthly", CUSTOM)
DEFAULTS = {"n": "15", "minute": "0", "at": "09:00", "weekday": "1", "monthday": "1"}
USES = {  # preset: the fields that it asks for
    "minutes": ("n",),
    "hourly": ("minute",),
    "daily": ("at",),
    "weekdays": ("at",),
    "weekly": ("weekday", "at"),
    "monthly": ("monthday", "at"),
    CUSTOM: (),
}
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(:00)?")
_WRITTEN = (  # how each preset's expression looks
    ("minutes", re.compile(r"\*/(?P<n>[1-9]|[1-5]\d) \* \* \* \*")),
    ("hourly", re.compile(r"(?P<minute>\d|[1-5]\d) \* \* \* \*")),
    ("daily", re.compile(r"(?P<m>\d|[1-5]\d) (?P<h>\d|1\d|2[0-3]) \* \* \*")),
    ("weekdays", re.compile(r"(?P<m>\d|[1-5]\d) (?P<h>\d|1\d|2[0-3]) \* \* 1-5")),
    ("weekly", re.compile(r"(?P<m>\d|[1-5]\d) (?P<h>\d|1\d|2[0-3]) \* \* (?P<weekday>[0-6])")),
    (
        "monthly",
        re.compile(
            r"(?P<m>\d|[1-5]\d) (?P<h>\d|1\d|2[0-3]) (?P<monthday>[1-9]|[12]\d|3[01]|L) \* \*"
        ),
    ),
)


class Wrong(ValueError):
    """A field of a preset that cannot be used; ``args[0]`` is its name."""


@dataclass(frozen=True)
class Preset:
    """A usual rule and its fields as they are typed."""

    name: str
    fields: Mapping[str, str]

    def expression(self) -> str:
        """The expression that it writes; raises Wrong."""
        if self.name == "minutes":
            every = self._number("n", 1, 59)
            return "* * * * *" if every == 1 else f"*/{every} * * * *"
        if self.name == "hourly":
            return f"{self._number('minute', 0, 59)} * * * *"
        time = _TIME.fullmatch(self.fields.get("at", "").strip())
        if time is None:
            raise Wrong("at")
        return f"{int(time[2])} {int(time[1])} {self._days()}"

    def _days(self) -> str:
        if self.name == "weekdays":
            return "* * 1-5"
        if self.name == "weekly":
            return f"* * {self._number('weekday', 0, 6)}"
        if self.name == "monthly":
            last = self.fields.get("monthday") == LAST_DAY
            return f"{LAST_DAY if last else self._number('monthday', 1, 31)} * *"
        return "* * *"

    def _number(self, name: str, least: int, most: int) -> int:
        text = self.fields.get(name, "").strip()
        if not (text.isascii() and text.isdecimal() and len(text) < 3):
            raise Wrong(name)
        if not least <= int(text) <= most:
            raise Wrong(name)
        return int(text)


def recognise(expression: str) -> Preset:
    """The preset that writes this expression, with its fields; custom if none does."""
    text = " ".join(expression.split())
    if text == "* * * * *":
        return Preset("minutes", {**DEFAULTS, "n": "1"})
    for name, written in _WRITTEN:
        if (found := written.fullmatch(text)) is not None:
            parts = found.groupdict()
            if "h" in parts:
                parts["at"] = f"{int(parts.pop('h')):02}:{int(parts.pop('m')):02}"
            return Preset(name, {**DEFAULTS, **parts})
    return Preset(CUSTOM, DEFAULTS)
