"""Time zones as pieces of constant offset, in whole seconds: what a clock change is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from webapp.domain import zone_names

DAY_S = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGIN = -62_000_000_000  # in the year 5: nobody's offset leads out of the calendar
END = 253_370_764_800  # the year 9999
CLOCK_CHANGE_S = 3 * 3600
"""Up to so much a clock is put forward or back; by more, the calendar is corrected."""
_WINDOW_BITS = 25
"""Changes are looked for in windows of 2**25 s, a little more than a year."""


class UnknownZone(ValueError):
    """Its text is the reason, for a person."""


class Piece(NamedTuple):
    """From ``start`` (in it) to ``end`` (not in it) the zone's clock is ``offset`` beside UTC."""

    start: int
    end: int
    offset: int
    before: int
    """The offset up to ``start``; the same where no clock change made this piece."""

    @property
    def change(self) -> int:
        """By how much a clock change at ``start`` put clocks forward, or back if negative."""
        change = self.offset - self.before
        return change if abs(change) <= CLOCK_CHANGE_S else 0


@lru_cache(maxsize=1_024)
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; raises UnknownZone."""
    try:
        known = zone_names.resolve(name)
    except ValueError as error:
        raise UnknownZone(str(error)) from None
    if known != name:
        raise UnknownZone(f"{name!r} is no time zone: do you mean {known}?")
    return ZoneInfo(name)


def piece(name: str, moment: int) -> Piece:
    """The piece that a moment (seconds since 1970) lies in."""
    pieces = _pieces(name, moment >> _WINDOW_BITS)
    return next(found for found in pieces if moment < found.end)


@lru_cache(maxsize=4_096)
def _pieces(name: str, window: int) -> tuple[Piece, ...]:
    """All pieces of a window; the first begins where its clock change was, if that was near."""
    info = ZoneInfo(name)
    first, end = window << _WINDOW_BITS, min((window + 1) << _WINDOW_BITS, END)
    changes: list[int] = []
    for day in range(first - DAY_S, end, DAY_S):
        _find_changes(info, day, min(day + DAY_S, end - 1), changes)
    starts = [first - DAY_S, *changes]
    return tuple(
        Piece(start, until, _offset(info, start), _offset(info, start - 1))
        for start, until in zip(starts, [*changes, end], strict=True)
        if until > first
    )


def _find_changes(info: ZoneInfo, low: int, high: int, found: list[int]) -> None:
    """Add each second after ``low`` and up to ``high`` from which on the offset is another."""
    if _offset(info, low) == _offset(info, high):
        return
    if high - low == 1:
        found.append(high)
        return
    middle = (low + high) // 2
    _find_changes(info, low, middle, found)
    _find_changes(info, middle, high, found)


def _offset(info: ZoneInfo, moment: int) -> int:
    local = (EPOCH + timedelta(seconds=moment)).astimezone(info)
    offset = local.utcoffset()
    return 0 if offset is None else round(offset.total_seconds())
