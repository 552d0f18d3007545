"""iCalendar files as people send them: their all-day events become days of a calendar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from webapp import clock
from webapp.domain.schedules.days import MOST_DAYS

MAX_TEXT = 1_000_000
MAX_EVENTS = 2_000
YEARS_AHEAD = 3
OLDEST = 1900
"""The first year in which an event may begin."""
FAR = date(2200, 1, 1)
"""As good as never: the library cannot count to the end of the calendar."""
PATIENCE_S = 2.0
"""How long the rules of all events together may take to be worked out."""
TOO_OFTEN = {"SECONDLY", "MINUTELY", "HOURLY"}
WITHIN_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")
BROKEN = (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What the library raises for files that are none, besides a ValueError that says why."""
ONE_DAY = timedelta(days=1)


def days_of(text: Any, today: date) -> list[str]:
    """The days of all-day events from today to three years ahead; raises ValueError."""
    if not isinstance(text, str) or "BEGIN:VCALENDAR" not in text[:10_000].upper():
        raise ValueError("must be the text of an iCalendar file, which begins BEGIN:VCALENDAR")
    if len(text) > MAX_TEXT:
        raise ValueError(f"must be at most {MAX_TEXT:,} characters long, and has {len(text):,}")
    if text.upper().count("BEGIN:") > MAX_EVENTS:
        raise ValueError(f"has more than {MAX_EVENTS:,} events")
    until = today.replace(year=today.year + YEARS_AHEAD, day=min(today.day, 28))
    try:
        found = set(_days(text, today, until))
    except ValueError as error:
        raise ValueError(f"cannot be read as iCalendar: {_first_line(error)}") from None
    except BROKEN:
        raise ValueError("cannot be read as iCalendar: it is broken") from None
    if not found:
        raise ValueError(f"has no all-day event from {today} to {until}")
    if len(found) > MOST_DAYS:
        raise ValueError(f"has more than {MOST_DAYS:,} days that it must not run")
    return sorted(found)


def _days(text: str, today: date, until: date) -> Iterator[str]:
    import icalendar  # these two take a while
    import recurring_ical_events

    ends = clock.monotonic() + PATIENCE_S
    for events in _by_uid(icalendar.Calendar.from_ical(text, multiple=True), until):
        if clock.monotonic() > ends:
            raise ValueError("its rules take too long to be worked out")
        alone = icalendar.Calendar()
        for event in events:
            alone.add_component(event)
        for event in recurring_ical_events.of(alone).between(today, until):
            first = max(_day(event.start), today)
            last = min(_day(event.end) - ONE_DAY, until)
            if event.get("STATUS") != "CANCELLED":
                yield first.isoformat() if last <= first else f"{first}/{last}"


def _by_uid(calendars: Iterable[Any], until: date) -> Iterable[list[Any]]:
    """The all-day events that belong together: one, and what is different on some of its days."""
    found: dict[str, list[Any]] = {}
    for calendar in calendars:
        for number, event in enumerate(calendar.walk("VEVENT")):
            start = event.get("DTSTART")
            if start is None or isinstance(start.dt, datetime):
                continue
            _check(event, start.dt)
            _clip(event, start.dt, until + ONE_DAY)
            found.setdefault(str(event.get("UID", f"without {number}")), []).append(event)
    return found.values()


def _check(event: Any, start: date) -> None:
    if start.year < OLDEST:
        raise ValueError(f"an event begins in the year {start.year}")
    rule = event.get("RRULE")
    if isinstance(rule, list) or "EXRULE" in event:
        raise ValueError("an event has more than one rule")
    if rule is not None:
        if any(int(number) < 1 for number in rule.get("INTERVAL", ())):
            raise ValueError("a rule comes again after nothing")
        often = TOO_OFTEN & {str(word).upper() for word in rule.get("FREQ", ())}
        if often or any(name in rule for name in WITHIN_A_DAY):
            raise ValueError("an all-day event comes more often than every day")


def _clip(event: Any, start: date, beyond: date) -> None:
    """Have it end, and begin, where that makes no difference to the days before this one.

    What comes again may be cut as well: the first time alone covers all that is left.
    """
    if start > FAR:
        _set(event, "DTSTART", FAR)
        for name in ("DTEND", "DURATION", "RRULE", "RDATE", "EXDATE"):
            event.pop(name, None)
    elif _end(event, start) > max(beyond, start + ONE_DAY):
        event.pop("DURATION", None)
        _set(event, "DTEND", max(beyond, start + ONE_DAY))


def _end(event: Any, start: date) -> date:
    if "DTEND" in event:
        return _day(event["DTEND"].dt)
    lasts: timedelta = event["DURATION"].dt if "DURATION" in event else ONE_DAY
    try:
        return start + lasts
    except OverflowError:
        raise ValueError("an event lasts longer than any calendar") from None


def _set(event: Any, name: str, day: date) -> None:
    event.pop(name, None)
    event.add(name, day)


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _first_line(error: Exception) -> str:
    said = str(error) or type(error).__name__
    return said.splitlines()[0][:200].rstrip(".")
