"""When a cron expression is due: croniter finds the days, clock changes are treated as by Debian.

A day matches if croniter says so; within it the hours, minutes and seconds of the expression are
places on the clock on the wall. What a clock change does to them depends on the kind of rule:
with fixed times, those it skips run once right after it, and those it repeats run the first time
only; a rule whose minute or hour begins with ``*`` follows the clock. Changes of more than three
hours are corrections of the calendar (a zone that crossed the date line), not clock changes.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import product
from threading import Lock

from croniter import CroniterBadDateError, croniter

from webapp.domain import zones
from webapp.domain.cron import clock_changes, fields
from webapp.domain.cron.clock_changes import Run
from webapp.domain.cron.fields import BadExpression, Fields
from webapp.domain.cron.times import Times
from webapp.domain.errors import Invalid
from webapp.domain.zones import BEGIN, DAY_S, END, EPOCH, Piece, UnknownZone

__all__ = ["Rule", "Run", "parse"]

REMEMBERED = 65_536

_EPOCH_DAY = EPOCH.toordinal()
_LAST_DAY = date(9999, 12, 30).toordinal() - _EPOCH_DAY
_FIRST_MATCH_SINCE = date(2000, 1, 1).toordinal() - _EPOCH_DAY
_LOOKED_AT = range(2000, 2061)
"""Two cycles of leap years and weekdays: how close two days come shows in them."""


class Rule:
    """An expression in a zone. Equal ones are one object: what it remembers is shared."""

    def __init__(self, fields: Fields, zone: str) -> None:
        self.zone = zone
        self.fields = fields
        self._times = Times(fields)
        self._days = _days_of(fields)
        self.fixed_time = fields.fixed_time

    def next(self, after: datetime) -> datetime | None:
        """The first due time strictly after a moment, in UTC; None at the end of the calendar."""
        moment = _next(self, _seconds(after))
        return None if moment is None else _utc(moment)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """All due times after one moment and up to another, that one included."""
        moment, end = _compute(self, _seconds(after)), _seconds(until)
        while moment is not None and moment <= end:
            yield _utc(moment)
            moment = _compute(self, moment)

    def runs(self, after: datetime, count: int) -> list[Run]:
        """The next so many due times, those that a clock change concerns with a note."""
        found: list[Run] = []
        moment = _next(self, _seconds(after))
        while moment is not None and len(found) < count:
            at = _utc(moment)
            local = at.astimezone(zones.zone(self.zone))
            found.append(Run(at, local, *clock_changes.note(self, moment)))
            moment = _next(self, moment)
        return found

    @cached_property
    def shortest_s(self) -> int:
        """The least time between two due times, on days without a clock change."""
        over_night = self._times.over_night_s
        if self._times.shortest_s <= over_night:
            return self._times.shortest_s
        return min(self._times.shortest_s, over_night + (self._days.closest - 1) * DAY_S)

    def half_period(self, most_s: float) -> float:
        """So many seconds, or half of the shortest period if that is less."""
        if most_s * 2 <= self.at_least_s:
            return most_s
        return min(most_s, self.shortest_s / 2)

    @property
    def at_least_s(self) -> int:
        """The shortest period if all days match: known without looking for those that do."""
        return min(self._times.shortest_s, self._times.over_night_s)

    @property
    def ever_fires(self) -> bool:
        """Whether there is a day that matches at all."""
        return self._days.since(_FIRST_MATCH_SINCE) is not None

    def after(self, moment: int) -> int | None:
        """The first due second after a moment, both since 1970."""
        moment = max(moment + 1, BEGIN)
        while moment < END:
            here = zones.piece(self.zone, moment)
            wall = self._first_wall(here, moment)
            if wall is None:
                return None
            if wall - here.offset < here.end:
                return max(wall - here.offset, moment)
            moment = _skipping(here, moment, wall)
        return None

    def _first_wall(self, here: Piece, moment: int) -> int | None:
        """Where the wall clock first matches from a moment on; a moved run counts as at once."""
        wall = moment + here.offset
        change = here.change if self.fixed_time else 0
        if change > 0 and moment == here.start:
            wall = here.start + here.before
        elif change < 0:
            wall = max(wall, here.start + here.before)
        return self.match(wall)

    def match(self, wall: int) -> int | None:
        """The first second from this one on, both on the wall clock, that the fields name."""
        today, second = divmod(wall, DAY_S)
        day = self._days.since(today)
        if day == today:
            if (time := self._times.since(second)) is not None:
                return day * DAY_S + time
            day = self._days.since(today + 1)
        return None if day is None else day * DAY_S + self._times.first


def parse(expression: str, zone: str, *, min_interval_s: float = 1.0) -> Rule:
    """The rule of an expression in a zone; raises Invalid with each field that cannot be used."""
    problems: dict[str, str] = {}
    try:
        zones.zone(zone)
    except UnknownZone as error:
        problems["timezone"] = str(error)
    try:
        rule = _rule(fields.canonical(expression), "UTC" if problems else zone)
        _check(rule, min_interval_s)
    except BadExpression as error:
        problems["cron_expression"] = str(error)
    if problems:
        name, reason = next(iter(problems.items()))
        raise Invalid("invalid_field", fields=problems, field=name, reason=reason)
    return rule


def _check(rule: Rule, min_interval_s: float) -> None:
    if not rule.ever_fires:
        raise BadExpression("it never fires: the months it names have no such day")
    if rule.at_least_s < min_interval_s and rule.shortest_s < min_interval_s:
        raise BadExpression(
            f"it fires every {rule.shortest_s} s at times, and LINEUP_MIN_INTERVAL "
            f"allows nothing more often than every {min_interval_s:g} s"
        )


@lru_cache(maxsize=32_768)
def _rule(canonical: str, zone: str) -> Rule:
    return Rule(fields.read(canonical), zone)


@lru_cache(maxsize=REMEMBERED)
def _next(rule: Rule, moment: int) -> int | None:
    return rule.after(moment)


def _compute(rule: Rule, moment: int) -> int | None:
    return rule.after(moment)  # long spans would drive out what is worth remembering


def _seconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(seconds=1)


def _utc(moment: int) -> datetime:
    return EPOCH + timedelta(seconds=moment)


def _skipping(here: Piece, moment: int, wall: int) -> int:
    """The end of a piece; later if nothing can match until then, whatever the clock does."""
    near = wall - here.offset - 2 * DAY_S
    return max(here.end, near) if here.end - moment > 2 * DAY_S else here.end


class _Days:
    """The days that day, month and weekday name together; shared by all rules that name them."""

    def __init__(self, rules: tuple[str, ...], months: tuple[int, ...]) -> None:
        """Each a midnight in cron's words; any of them is enough. None: every day."""
        self._months = months
        self._rules = tuple(croniter(rule, day_or=False) for rule in rules)
        self._known: dict[int, int | None] = {}
        self._lock = Lock()

    def since(self, day: int) -> int | None:
        """The first matching day from this one on, both counted from 1970."""
        if not self._rules:
            return day if day <= _LAST_DAY else None
        try:
            return self._known[day]
        except KeyError:
            with self._lock:
                if len(self._known) > 1_024:
                    self._known.clear()
                found = (self._ask(rule, day) for rule in self._rules)
                self._known[day] = min((d for d in found if d is not None), default=None)
                return self._known[day]

    def _ask(self, rule: croniter, day: int) -> int | None:
        eve = datetime.fromordinal(day + _EPOCH_DAY) - timedelta(minutes=1)
        try:
            found: datetime = rule.get_next(datetime, start_time=eve)
        except (CroniterBadDateError, OverflowError, ValueError):
            return None  # the calendar ends before
        return found.toordinal() - _EPOCH_DAY

    @cached_property
    def closest(self) -> int:
        """The fewest days between two that match; months of one shape have the same days."""
        least, before = _LAST_DAY, None
        shapes: dict[tuple[int, int], list[int]] = {}
        for year, month in product(_LOOKED_AT, self._months):
            first = date(year, month, 1).toordinal() - _EPOCH_DAY
            shape = monthrange(year, month)
            if shape not in shapes:
                shapes[shape] = self._of_month(first, shape[1])
            for day in shapes[shape]:
                least = least if before is None else min(least, first + day - before)
                before = first + day
                if least == 1:
                    return least
        return least

    def _of_month(self, first: int, length: int) -> list[int]:
        found: list[int] = []
        day = self.since(first)
        while day is not None and day < first + length:
            found.append(day - first)
            day = self.since(day + 1)
        return found


def _days_of(fields: Fields) -> _Days:
    month = _listed(fields.month.values, 12)
    days = [_listed(fields.day.values, 31)] if fields.day.values else []
    days += ["L"] * fields.day.last
    weekdays = [_listed(fields.weekday.values, 7)] if fields.weekday.values else []
    if fields.weekday.nth:
        weekdays.append(",".join(f"{day}#{number}" for day, number in fields.weekday.nth))
    if fields.either_day:
        pairs = [(day, "*") for day in days] + [("*", weekday) for weekday in weekdays]
    else:
        pairs = [(day, weekday) for day in days for weekday in weekdays]
    if month == "*" and ("*", "*") in pairs:
        pairs = []
    rules = tuple(f"0 0 {day} {month} {weekday}" for day, weekday in pairs)
    return _shared_days(rules, fields.month.values)


@lru_cache(maxsize=4_096)
def _shared_days(rules: tuple[str, ...], months: tuple[int, ...]) -> _Days:
    return _Days(rules, months)


def _listed(values: tuple[int, ...], all_of_them: int) -> str:
    return "*" if len(values) == all_of_them else ",".join(map(str, values))
