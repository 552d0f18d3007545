"""What a cron expression says, sorted for a sentence in any language."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from webapp.domain.cron.fields import DAY, HOUR, MINUTE, SECOND, Fields, Kind, Part

LISTED_TIMES = 6
"""Up to so many times of day are written out."""


class Span(NamedTuple):
    """Numbers from one to another, in steps."""

    first: int
    last: int
    step: int = 1


Spans = tuple[Span, ...]


class Meaning(NamedTuple):
    """What an expression says. A field of which all matches is None, or empty for days."""

    times: tuple[str, ...] | None
    """All times of day, if they are few."""
    interval: str | None
    """cron-descriptor's words for the times, where they can be trusted."""
    seconds: Spans | None
    minutes: Spans | None
    hours: Spans | None
    days: Spans
    last_day: bool
    weekdays: tuple[int, ...]
    nth: tuple[tuple[int, int], ...]
    months: Spans | None
    both: bool
    """Whether a day must match in both fields that name days."""


def meaning(fields: Fields, locale: str) -> Meaning:
    """What an expression says; ``locale`` is cron-descriptor's name of the language."""
    times = _times(fields)
    any_day = _all(DAY, fields.day)
    any_weekday = len(fields.weekday.values) == 7
    if fields.either_day and (any_day or any_weekday):
        any_day = any_weekday = True  # either is enough, and one is always true
    return Meaning(
        times=times,
        interval=None if times else _interval(fields, locale),
        seconds=None if _all(SECOND, fields.second) else spans(fields.second.values),
        minutes=None if _all(MINUTE, fields.minute) else spans(fields.minute.values),
        hours=None if _all(HOUR, fields.hour) else spans(fields.hour.values),
        days=() if any_day else spans(fields.day.values),
        last_day=fields.day.last and not any_day,
        weekdays=() if any_weekday else fields.weekday.values,
        nth=() if any_weekday else fields.weekday.nth,
        months=None if len(fields.month.values) == 12 else spans(fields.month.values),
        both=not fields.either_day,
    )


def spans(values: tuple[int, ...]) -> Spans:
    """Numbers in order as few spans: three in a row, or four at equal distances, are one."""
    found: list[Span] = []
    rest = list(values)
    while rest:
        step = rest[1] - rest[0] if len(rest) > 1 else 1
        length = 1
        while length < len(rest) and rest[length] - rest[length - 1] == step:
            length += 1
        if length < (3 if step == 1 else 4):
            length, step = 1, 1
        found.append(Span(rest[0], rest[length - 1], step))
        del rest[:length]
    return tuple(found)


def is_zero(spans: Spans | None) -> bool:
    """Whether 0 is all a field names."""
    return spans == (Span(0, 0),)


def is_one(spans: Spans | None) -> bool:
    """Whether a field names a single number."""
    return spans is not None and len(spans) == 1 and spans[0].first == spans[0].last


def is_row(spans: Spans | None) -> bool:
    """Whether a field names several numbers in one span."""
    return spans is not None and len(spans) == 1 and spans[0].first != spans[0].last


def clock(hour: int, minute: int, seconds: tuple[Span, ...] | None = None) -> str:
    """A time of day; with its second, if there is one and it is not 0."""
    second = f":{seconds[0].first:02}" if seconds is not None and seconds[0].first else ""
    return f"{hour:02}:{minute:02}{second}"


def _times(fields: Fields) -> tuple[str, ...] | None:
    named = (fields.hour.values, fields.minute.values, fields.second.values)
    if len(named[0]) * len(named[1]) * len(named[2]) > LISTED_TIMES:
        return None
    if len(named[0]) == 1 and spans(named[1])[0].last != named[1][0]:
        return None  # every minute from one to another
    with_seconds = fields.second.values != (0,)
    return tuple(
        f"{hour:02}:{minute:02}" + (f":{second:02}" if with_seconds else "")
        for hour, minute, second in product(*named)
    )


def _interval(fields: Fields, locale: str) -> str | None:
    """cron-descriptor's words for the times of day, if it is right about them."""
    second = _regular(SECOND, fields.second)
    minute = _regular(MINUTE, fields.minute)
    hour = _regular(HOUR, fields.hour)
    if hour is None and [span.step for span in spans(fields.hour.values)] == [1]:
        hour = f"{fields.hour.values[0]}-{fields.hour.values[-1]}"  # in it all minutes are worded
        on_the_hour = False
    else:
        on_the_hour = hour is not None and "0" == second == minute
    within = hour is not None and not hour.startswith("*/")
    by_minute = second == "0" and minute is not None and minute[0] == "*" and within
    by_second = second is not None and second[0] == "*" and minute == "*" and within
    if not (on_the_hour or by_minute or by_second):
        return None
    return _described(f"{second} {minute} {hour} * * *", locale)


def _regular(kind: Kind, part: Part) -> str | None:
    """``*``, ``*/n`` where n divides the field, or 0; None for everything else."""
    size = kind.high - kind.low + 1
    for step in range(1, size):
        if size % step == 0 and part.values == tuple(range(kind.low, kind.high + 1, step)):
            return "*" if step == 1 else f"*/{step}"
    return "0" if part.values == (0,) else None


def _described(expression: str, locale: str) -> str:
    from cron_descriptor import Options, get_description  # type: ignore[import-untyped]

    options = Options()
    options.locale_code = locale
    options.use_24hour_time_format = True
    return str(get_description(expression, options))


def _all(kind: Kind, part: Part) -> bool:
    return len(part.values) == kind.high - kind.low + 1
