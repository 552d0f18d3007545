"""Cron expressions in English: "Every weekday at 09:00"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from webapp.doors.meaning import Meaning, Span, clock, is_one, is_row, is_zero

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
ALSO = ", and also "
NTH = ("first", "second", "third", "fourth", "fifth")


class English:
    """The sentences of English."""

    LOCALE: str = "en_US"
    NOTES: Mapping[str, str] = MappingProxyType({})

    def say(self, meaning: Meaning) -> str:
        """The whole sentence, as "Every weekday at 09:00" or "Every 15 minutes, every Monday"."""
        days = _days(meaning)
        if meaning.times and ALSO in days:
            said = f"at {_and(meaning.times)} {days}"
        elif meaning.times:
            said = f"{days} at {_and(meaning.times)}"
        else:
            time = meaning.interval or _clock(meaning)
            said = time if days == "every day" else f"{time}, {days}"
        return said[0].upper() + said[1:]


def _days(meaning: Meaning) -> str:
    by_date = _dates(meaning) if meaning.days or meaning.last_day else ""
    by_weekday = _weekdays(meaning)
    if not by_date and not by_weekday:
        return f"every day{_in_months(meaning)}"
    if not by_date or not by_weekday:
        return by_date or by_weekday
    if meaning.both:
        plain = meaning._replace(months=None)
        of_month = "of the month" if meaning.months is None else _of_month(meaning)
        return f"{_weekdays(plain)} that falls on {_one_of(meaning)} {of_month}"
    return f"{by_date}{ALSO}{by_weekday}"


def _dates(meaning: Meaning) -> str:
    if (span := _row_of_days(meaning)) is not None:
        first, last = _ordinal(span.first), _ordinal(span.last)
        named = f"every {_ordinal(span.step)} day from the {first} to the {last}"
    else:
        named = _named_days(meaning)
    return f"on {named} {_of_month(meaning)}"


def _one_of(meaning: Meaning) -> str:
    """The days of the month as what a single day may be: "an odd day", "the 1st and the 15th"."""
    span = _row_of_days(meaning)
    if span is None:
        return _named_days(meaning)
    if span in (Span(1, 31, 2), Span(2, 30, 2)):
        return "an odd day" if span.first == 1 else "an even day"
    first, last = _ordinal(span.first), _ordinal(span.last)
    return f"the {first}, or every {_ordinal(span.step)} day after it up to the {last},"


def _row_of_days(meaning: Meaning) -> Span | None:
    """The days where they are one row in steps."""
    stepped = [span.step > 1 for span in meaning.days] == [True] and not meaning.last_day
    return meaning.days[0] if stepped else None


def _named_days(meaning: Meaning) -> str:
    dates = [_numbers(span, lambda day: f"the {_ordinal(day)}") for span in meaning.days]
    return _and([*dates, *(["the last day"] * meaning.last_day)])


def _weekdays(meaning: Meaning) -> str:
    said = []
    if meaning.weekdays == (1, 2, 3, 4, 5):
        said.append(f"every weekday{_in_months(meaning)}")
    elif meaning.weekdays:
        monday_first = sorted(meaning.weekdays, key=lambda day: (day - 1) % 7)
        said.append(f"every {_and([DAYS[day] for day in monday_first])}{_in_months(meaning)}")
    if meaning.nth:
        named = [f"the {NTH[number - 1]} {DAYS[day]}" for day, number in meaning.nth]
        said.append(f"on {_and(named)} {_of_month(meaning)}")
    return ALSO.join(said)


def _of_month(meaning: Meaning) -> str:
    return "of every month" if meaning.months is None else f"of {_months(meaning)}"


def _in_months(meaning: Meaning) -> str:
    return "" if meaning.months is None else f" in {_months(meaning)}"


def _months(meaning: Meaning) -> str:
    named = [
        MONTHS[month - 1]
        for span in meaning.months or ()
        for month in range(span.first, span.last + 1, span.step)
    ]
    return _and(named)


def _clock(meaning: Meaning) -> str:
    """The times of day where they have no shorter words."""
    return _every_hour(meaning) or _every_minute(meaning) or _each_field(meaning)


def _every_hour(meaning: Meaning) -> str | None:
    """Of one minute in a row of hours: "every hour from 09:15 to 17:15"."""
    if not (is_one(meaning.seconds) and is_one(meaning.minutes) and is_row(meaning.hours)):
        return None
    [(first, last, step)], minute = meaning.hours or (), (meaning.minutes or ())[0].first
    ends = [clock(hour, minute, meaning.seconds) for hour in (first, last)]
    return f"every {'hour' if step == 1 else f'{step} hours'} from {ends[0]} to {ends[1]}"


def _every_minute(meaning: Meaning) -> str | None:
    """Of a row of minutes in one hour: "every minute from 09:05 to 09:10"."""
    if not (is_one(meaning.seconds) and is_row(meaning.minutes) and is_one(meaning.hours)):
        return None
    [(first, last, step)], hour = meaning.minutes or (), (meaning.hours or ())[0].first
    ends = [clock(hour, minute, meaning.seconds) for minute in (first, last)]
    return f"every {'minute' if step == 1 else f'{step} minutes'} from {ends[0]} to {ends[1]}"


def _each_field(meaning: Meaning) -> str:
    said = []
    if meaning.seconds is None:
        said.append("every second")
    elif not is_zero(meaning.seconds):
        said.append(f"at {_listed(meaning.seconds, 'second')}")
    if meaning.minutes is None:
        said.append("of every minute" if said else "every minute")
    else:
        said.append(f"{'of' if said else 'at'} {_listed(meaning.minutes, 'minute')}")
    return f"{' '.join(said)}{_hours(meaning)}"


def _hours(meaning: Meaning) -> str:
    if meaning.hours is None:
        return " of every hour"
    if all(span.step == 1 for span in meaning.hours):
        between = [f"{clock(span.first, 0)} and {clock(span.last, 59)}" for span in meaning.hours]
        return f", between {_and(between) if len(between) == 1 else ', or between '.join(between)}"
    return f" of {_listed(meaning.hours, 'hour')}"


def _listed(spans: Iterable[Span], name: str) -> str:
    numbers = [_numbers(span, str) for span in spans]
    many = len(numbers) > 1 or " to " in numbers[0]
    return f"{name}{'s' * many} {_and(numbers)}"


def _numbers(span: Span, shown: Callable[[int], str]) -> str:
    if span.first == span.last:
        return shown(span.first)
    every = "" if span.step == 1 else f" in steps of {span.step}"
    return f"{shown(span.first)} to {shown(span.last)}{every}"


def _ordinal(number: int) -> str:
    teen = 10 <= number % 100 <= 20
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _and(parts: Iterable[str]) -> str:
    *before, last = parts
    return f"{', '.join(before)} and {last}" if before else last
