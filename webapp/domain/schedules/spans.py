"""Due times of a long span without walking through them: how many, the last, the newest few."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import islice

from webapp.domain import zones
from webapp.domain.cron import Rule
from webapp.domain.zones import CLOCK_CHANGE_S, DAY_S, END, EPOCH, Piece

_SECOND = timedelta(seconds=1)


def count(rule: Rule, after: datetime, until: datetime) -> int:
    """How many due times lie after one moment and up to another, that one included.

    Away from clock changes a day that matches has as many as its hours, minutes and seconds
    multiply to, so that a year of every second costs hardly more than one of every hour.
    """
    moment, end, found = _seconds(after), _seconds(until), 0
    while moment < end:
        here = zones.piece(rule.zone, moment + 1)
        calm_from, calm_until = _calm(rule.zone, here)
        if calm_from <= moment < calm_until:
            stop = min(end, calm_until)
            found += _by_days(rule, moment, stop, here.offset)
        else:
            stop = min(end, calm_from if moment < calm_from else here.end + CLOCK_CHANGE_S)
            found += sum(1 for _ in rule.between(_utc(moment), _utc(stop)))
        moment = stop
    return found


def newest(rule: Rule, after: datetime, until: datetime, wanted: int) -> list[datetime]:
    """The newest so many due times after one moment and up to another, oldest first.

    How far back they reach is found by looking: twice as far while there are too few, half as
    near where a burst gave too many.
    """
    too_few, too_many = 0, (until - after) // _SECOND + 1
    span = min(too_many, rule.shortest_s * wanted)
    while True:
        begin = max(after, until - span * _SECOND)
        found = list(islice(rule.between(begin, until), 4 * wanted + 1))
        if len(found) < wanted and begin > after:
            too_few = span
            span = min(2 * span, (span + too_many + 1) // 2)
        elif len(found) > 4 * wanted and span - too_few > 1:
            too_many = span
            span = (too_few + span) // 2
        else:
            return found[-wanted:]


def newest_allowed(
    rule: Rule, after: datetime, until: datetime, wanted: int, left_out: Callable[[date], bool]
) -> list[datetime]:
    """`newest` on those days of the rule's zone that are not left out, gone through day by day."""
    found: list[datetime] = []
    while len(found) < wanted and (last := newest(rule, after, until, 1)):
        begin, day = _day(rule.zone, _seconds(last[0]))
        before = max(after, _utc(begin - 1))
        if not left_out(day):
            found[:0] = newest(rule, before, last[0], wanted - len(found))
        until = before
    return found


def _day(zone: str, moment: int) -> tuple[int, date]:
    """The date at a moment, and since when the clock has shown it without a change."""
    here = zones.piece(zone, moment)
    wall = moment + here.offset
    midnight = wall - wall % DAY_S
    return max(here.start, midnight - here.offset), _utc(midnight).date()


def _calm(zone: str, here: Piece) -> tuple[int, int]:
    """From when to when in a piece no clock change is near."""
    begins = here.start + CLOCK_CHANGE_S if here.offset != here.before else here.start - 1
    changes = here.end < END and zones.piece(zone, here.end).offset != here.offset
    return begins, here.end - CLOCK_CHANGE_S if changes else here.end - 1


def _by_days(rule: Rule, moment: int, end: int, offset: int) -> int:
    """How many due times lie after a moment and up to an end, at a constant offset."""
    found = 0
    while (due := rule.next(_utc(moment))) is not None and _seconds(due) <= end:
        day = (_seconds(due) + offset) // DAY_S * DAY_S - offset
        last = min(end, day + DAY_S - 1)
        found += _times_until(rule, last - day) - _times_until(rule, moment - day)
        moment = last
    return found


def _times_until(rule: Rule, second: int) -> int:
    """How many times of day the rule names up to this second of it."""
    if second < 0:
        return 0
    hours, minutes, seconds = (part.values for part in reversed(rule.fields[:3]))
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    before = bisect_left(hours, hour) * len(minutes) * len(seconds)
    if hour not in hours:
        return before
    before += bisect_left(minutes, minute) * len(seconds)
    return before + (bisect_right(seconds, second) if minute in minutes else 0)


def _seconds(moment: datetime) -> int:
    return (moment - EPOCH) // _SECOND


def _utc(moment: int) -> datetime:
    return EPOCH + timedelta(seconds=moment)
