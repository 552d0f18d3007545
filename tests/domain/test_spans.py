"""Counting due times of a long span without walking through it: the same numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from webapp.domain import cron
from webapp.domain.schedules import spans

BEGIN = datetime(2026, 3, 1, 7, 11, 13, tzinfo=UTC)
RULES = [
    ("* * * * *", "Europe/Berlin"),
    ("*/5 * * * *", "Australia/Lord_Howe"),
    ("0-59 0-23 * * *", "America/New_York"),
    ("30 2 * * *", "Europe/Berlin"),
    ("15 10-12 L * *", "Asia/Kolkata"),
    ("*/7 0 1 * 1", "Africa/Casablanca"),
    ("10-20 */3 2 * * 1-5", "Pacific/Chatham"),
    ("0 0 29 2 *", "UTC"),
]


@pytest.mark.parametrize(("expression", "zone"), RULES)
@pytest.mark.parametrize("length", [timedelta(hours=5), timedelta(days=61, seconds=7)])
def test_what_is_counted_is_what_would_be_met(
    expression: str, zone: str, length: timedelta
) -> None:
    rule = cron.parse(expression, zone)
    for begin in (BEGIN, BEGIN + timedelta(days=200), datetime(2026, 3, 28, 23, tzinfo=UTC)):
        met = list(rule.between(begin, begin + length))

        assert spans.count(rule, begin, begin + length) == len(met)
        for wanted in (1, 2, 60):
            assert spans.newest(rule, begin, begin + length, wanted) == met[-wanted:]


@pytest.mark.parametrize(
    ("expression", "zone"),
    [*RULES, ("*/30 * * * *", "America/Havana"), ("0 * * * *", "Pacific/Apia")],
)
def test_the_newest_on_days_that_are_not_left_out_are_what_would_be_met(
    expression: str, zone: str
) -> None:
    rule = cron.parse(expression, zone)

    def left_out(day: date) -> bool:
        return day.weekday() == 5 or day.day in (1, 2, 24)

    for year in (2011, 2026):  # in the first Apia left out a day
        begin = datetime(year, 10, 1, 7, 11, 13, tzinfo=UTC)
        until = begin + timedelta(days=95)
        met = [
            at
            for at in rule.between(begin, until)
            if not left_out(at.astimezone(ZoneInfo(zone)).date())
        ]
        for wanted in (1, 600):
            found = spans.newest_allowed(rule, begin, until, wanted, left_out)
            assert found == met[-wanted:]


def test_a_year_of_every_second_is_counted_and_its_end_found() -> None:
    rule = cron.parse("* * * * * *", "Europe/Berlin")
    until = BEGIN + timedelta(days=365)

    assert spans.count(rule, BEGIN, until) == 365 * 86400
    assert spans.newest(rule, BEGIN, until, 2) == [until - timedelta(seconds=1), until]


def test_the_newest_are_found_behind_a_long_silence_and_in_a_burst() -> None:
    rule = cron.parse("* * * 3 *", "UTC")
    until = datetime(2026, 11, 1, tzinfo=UTC)

    found = spans.newest(rule, until - timedelta(days=600), until, 3)

    assert found == [datetime(2026, 3, 31, 23, minute, tzinfo=UTC) for minute in (57, 58, 59)]
