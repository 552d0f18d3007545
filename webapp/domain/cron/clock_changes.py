"""What a clock change did to a due time: moved it, merged several, or chose one of two."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from webapp.domain import zones
from webapp.domain.zones import CLOCK_CHANGE_S, END, EPOCH, Piece


class Run(NamedTuple):
    """One due time, as people see it."""

    at: datetime
    """UTC."""
    local: datetime
    """The same moment in the rule's zone."""
    note: str | None = None
    """What a clock change did to it: a code of domain/messages, with ``params``."""
    params: Mapping[str, Any] = {}


class Matching(Protocol):
    """What is asked of a rule."""

    zone: str
    fixed_time: bool

    def match(self, wall: int) -> int | None:
        """The first second from this one on, both on the wall clock, that it names."""
        ...


def note(rule: Matching, moment: int) -> tuple[str | None, dict[str, Any]]:
    """What a clock change did to a due time: a code and its parameters."""
    here = zones.piece(rule.zone, moment)
    wall, change = moment + here.offset, here.change
    if rule.fixed_time and change > 0 and moment == here.start:
        times = _walls(rule, here.start + here.before, wall)
        if times and rule.match(wall) == wall:
            times.append(wall)
        if len(times) == 1:
            return "cron_moved", {"time": _clock(times[0])}
        if times:
            ends = {"first": _clock(times[0]), "last": _clock(times[-1])}
            return "cron_merged", {**ends, "count": len(times)}
    if change < 0 and wall < here.start + here.before:
        return "cron_again", {"time": _clock(wall)}
    if rule.fixed_time and _comes_again(rule.zone, moment, here):
        return "cron_first_of_two", {"time": _clock(wall)}
    return None, {}


def _comes_again(zone: str, moment: int, here: Piece) -> bool:
    """Whether a clock change will show this time a second time."""
    if here.end - moment > CLOCK_CHANGE_S or here.end >= END:
        return False
    change = zones.piece(zone, here.end).change
    return change < 0 and moment >= here.end + change


def _walls(rule: Matching, begin: int, end: int) -> list[int]:
    """All matching seconds on the wall clock between two, the second not included."""
    found: list[int] = []
    wall = rule.match(begin)
    while wall is not None and wall < end:
        found.append(wall)
        wall = rule.match(wall + 1)
    return found


def _clock(wall: int) -> str:
    shown = EPOCH + timedelta(seconds=wall)
    return f"{shown:%H:%M:%S}" if shown.second else f"{shown:%H:%M}"
