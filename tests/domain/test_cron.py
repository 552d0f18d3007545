"""When a rule is due: its days, and what clock changes do to its times, beside Debian's cron."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit import cron as audit
from webapp.domain import cron
from webapp.domain.errors import Invalid
from webapp.domain.messages import sentence

HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(expression: str, zone: str, after: str, count: int = 3) -> list[str]:
    """The next runs on the clock on the wall, those of note with it."""
    runs = cron.parse(expression, zone).runs(at(after), count)
    return [
        f"{run.local:%d %H:%M}{' ' + sentence(run.note, run.params) if run.note else ''}"
        for run in runs
    ]


@pytest.mark.parametrize("expression", audit.EXPRESSIONS)
def test_around_clock_changes_it_is_due_as_in_debian(expression: str) -> None:
    for zone in audit.ZONES:
        assert not audit.around(expression, zone, years=range(2026, 2027), span=3 * HOUR)


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    """A field: stars, numbers, ranges and steps, in lists of up to three."""
    value = st.integers(low, high)
    ends = st.lists(value, min_size=2, max_size=2, unique=True).map(sorted)
    ranges = ends.map(lambda both: f"{both[0]}-{both[1]}")  # cronsim reads 5-5/3 as 5/3
    steps = st.tuples(st.one_of(st.just("*"), ranges, value), st.integers(1, high)).map(
        lambda both: f"{both[0]}/{both[1]}"
    )
    term = st.one_of(st.just("*"), value.map(str), ranges, steps)
    return st.lists(term, min_size=1, max_size=3).map(",".join)


NTH = st.tuples(st.integers(0, 7), st.integers(1, 5)).map(lambda both: f"{both[0]}#{both[1]}")
EXPRESSIONS = st.tuples(
    numbers(0, 59),
    st.one_of(numbers(0, 3), st.sampled_from(["*", "*/2", "23,0", "0-23/3"])),
    st.one_of(st.just("*"), numbers(1, 31), st.sampled_from(["L", "1,L", "*/2"])),
    st.one_of(st.just("*"), numbers(1, 12)),
    st.one_of(st.just("*"), numbers(0, 6), NTH, st.just("1,5#2")),
).map(" ".join)
CHANGES = [
    (zone, change) for zone in audit.ZONES for change in audit.changes(zone, range(2026, 2027))
]


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(EXPRESSIONS, st.sampled_from(CHANGES), st.integers(-40_000, 20_000))
def test_whatever_is_written_and_whenever_asked_the_wall_clock_says_the_same(
    expression: str, zone_and_change: tuple[str, datetime], seconds: int
) -> None:
    zone, change = zone_and_change
    after = change + timedelta(seconds=seconds)
    try:
        rule = cron.parse(expression, zone)
    except Invalid:
        return  # it never fires

    walked = audit.walked(expression, zone, after, after + 9 * HOUR)
    assert list(rule.between(after, after + 9 * HOUR)) == walked
    if walked:
        assert rule.next(after) == walked[0]
        gaps = [b - a for a, b in pairwise(walked) if not changed(zone, a, b)]
        assert not gaps or min(gaps).total_seconds() >= rule.shortest_s


def changed(zone: str, begin: datetime, end: datetime) -> bool:
    """Whether a clock change lies between two moments, or shortly before."""
    return any(begin - 3 * HOUR < change < end for where, change in CHANGES if where == zone)


@pytest.mark.parametrize(
    ("expression", "zone", "after", "runs"),
    [
        # skipped: once, right after
        (
            *("30 2 * * *", "Europe/Berlin", "2026-03-28 00:00"),
            ["28 02:30", "29 03:00 Moved from 02:30: clocks go forward.", "30 02:30"],
        ),
        (
            *("0 2,3 * * *", "Europe/Berlin", "2026-03-28 12:00"),
            [
                "29 03:00 2 due times from 02:00 to 03:00 in one: clocks go forward.",
                "30 02:00",
                "30 03:00",
            ],
        ),
        (
            *("15,45 30 2 * * *", "Europe/Berlin", "2026-03-28 12:00"),
            [
                "29 03:00 2 due times from 02:30:15 to 02:30:45 in one: clocks go forward.",
                "30 02:30",
                "30 02:30",
            ],
        ),
        (
            *("0 0 * * *", "America/Havana", "2026-03-07 12:00"),
            ["08 01:00 Moved from 00:00: clocks go forward.", "09 00:00", "10 00:00"],
        ),
        (
            *("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 00:00"),
            ["04 02:30 Moved from 02:15: clocks go forward.", "05 02:15", "06 02:15"],
        ),
        # skipped, but it follows the clock
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", ["30 02:00", "30 02:30", "31 02:00"]),
        # repeated: once, the first time
        (
            *("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00"),
            [
                "25 02:30 Clocks go back: 02:30 comes twice, and it runs the first time.",
                "26 02:30",
                "27 02:30",
            ],
        ),
        (
            *("30 2 * * *", "Europe/Berlin", "2026-10-25 00:40"),  # asked between the two
            ["26 02:30", "27 02:30", "28 02:30"],
        ),
        # repeated, and it follows the clock
        (
            *("30 * * * *", "Europe/Berlin", "2026-10-24 23:45"),
            ["25 02:30", "25 02:30 02:30 for the second time: clocks went back.", "25 03:30"],
        ),
        # a day that a zone never had is no clock change
        ("0 12 * * *", "Pacific/Apia", "2011-12-29 12:00", ["29 12:00", "31 12:00", "01 12:00"]),
        # three hours, at a station in the ice
        (
            *("30 1 * * *", "Antarctica/Casey", "2020-10-03 00:00"),
            ["04 03:01 Moved from 01:30: clocks go forward.", "05 01:30", "06 01:30"],
        ),
        # an offset of 24 minutes and some seconds until 1893, when clocks were put forward
        (
            *("0 0 * * *", "Europe/Berlin", "1893-03-30 12:00"),
            ["31 00:00", "01 00:06 Moved from 00:00: clocks go forward.", "02 00:00"],
        ),
    ],
)
def test_clock_changes_move_merge_and_leave_out(
    expression: str, zone: str, after: str, runs: list[str]
) -> None:
    assert shown(expression, zone, after) == runs


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 13 * 5", [date(2026, 11, 6), date(2026, 11, 13), date(2026, 11, 20)]),  # either
        ("0 0 */2 * 1", [date(2026, 11, 9), date(2026, 11, 23), date(2026, 12, 7)]),  # both
        ("0 0 1-7 * */7", [date(2026, 11, 1), date(2026, 12, 6), date(2027, 1, 3)]),
        ("0 0 L * *", [date(2026, 11, 30), date(2026, 12, 31), date(2027, 1, 31)]),
        ("0 0 L 2 *", [date(2027, 2, 28), date(2028, 2, 29), date(2029, 2, 28)]),
        ("0 0 30,L 2,4 *", [date(2027, 2, 28), date(2027, 4, 30), date(2028, 2, 29)]),
        ("0 0 * * mon#3", [date(2026, 11, 16), date(2026, 12, 21), date(2027, 1, 18)]),
        ("0 0 * * 7#5", [date(2026, 11, 29), date(2027, 1, 31), date(2027, 5, 30)]),
        ("0 0 15 * 1#1,5", [date(2026, 11, 2), date(2026, 11, 6), date(2026, 11, 13)]),
        ("0 0 */31 * 0#1", [date(2026, 11, 1), date(2027, 8, 1), date(2028, 10, 1)]),
        ("0 0 29 2 *", [date(2028, 2, 29), date(2032, 2, 29), date(2036, 2, 29)]),
        ("0 0 * 2 0#5", [date(2032, 2, 29), date(2060, 2, 29), date(2088, 2, 29)]),
        ("0 0 * 2 1#5", [date(2044, 2, 29), date(2072, 2, 29), date(2112, 2, 29)]),  # 40 years
    ],
)
def test_days_are_found_however_rare_they_are(expression: str, days: list[date]) -> None:
    runs = cron.parse(expression, "UTC").runs(at("2026-10-31 23:00"), len(days))

    assert [run.at.date() for run in runs] == days


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_calendar_ends_and_so_does_every_rule(zone: str) -> None:
    rule = cron.parse("0 0 1 * *", zone)

    assert rule.next(at("9998-11-15 00:00")) is not None
    assert rule.next(at("9999-12-31 23:59:59")) is None
    assert rule.runs(datetime.max.replace(tzinfo=UTC), 5) == []
    assert 0 < len(rule.runs(at("9998-06-01 00:00"), 100)) < 10
    assert list(rule.between(at("9999-06-01 00:00"), datetime.max.replace(tzinfo=UTC))) == []
    first = rule.next(datetime.min.replace(tzinfo=UTC))
    assert first is not None
    assert first < at("0010-01-01 00:00")


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("0 9 * * *", "2026-11-02 09:00:00", "2026-11-03 09:00:00"),  # strictly after
        ("0 9 * * *", "2026-11-02 08:59:59.999999", "2026-11-02 09:00:00"),
        ("0 9 * * *", "2026-11-02 09:00:00.000001", "2026-11-03 09:00:00"),
        ("* * * * * *", "2026-11-02 09:00:00.5", "2026-11-02 09:00:01"),
        ("* * * * * *", "1969-12-31 23:59:59.5", "1970-01-01 00:00:00"),
    ],
)
def test_next_is_strictly_after(expression: str, after: str, due: str) -> None:
    assert cron.parse(expression, "UTC").next(at(after)) == at(due)


def test_a_span_holds_its_end_and_not_its_beginning() -> None:
    rule = cron.parse("*/30 * * * *", "Asia/Kolkata")

    assert list(rule.between(at("2026-01-01 10:00"), at("2026-01-01 11:00"))) == [
        at("2026-01-01 10:30"),
        at("2026-01-01 11:00"),
    ]
    assert list(rule.between(at("2026-01-01 11:00"), at("2026-01-01 10:00"))) == []


def test_equal_rules_share_what_they_remember() -> None:
    one = cron.parse("0 9 * * MON-FRI", "Europe/Berlin")

    assert cron.parse(" 0  9 * * mon-fri", "Europe/Berlin", min_interval_s=60) is one
    assert cron.parse("0 9 * * mon-fri", "Europe/Paris") is not one


def test_a_run_is_told_in_utc_and_in_the_zone_of_the_rule() -> None:
    [run] = cron.parse("30 2 * * *", "Asia/Kolkata").runs(at("2026-01-01 00:00"), 1)

    assert run.at.isoformat() == "2026-01-01T21:00:00+00:00"
    assert run.local.isoformat() == "2026-01-02T02:30:00+05:30"
    assert run.note is None


def test_every_note_is_a_sentence() -> None:
    params: dict[str, Any] = {"time": "02:30", "first": "02:00", "last": "02:30", "count": 2}

    for code in ("cron_moved", "cron_merged", "cron_first_of_two", "cron_again"):
        assert sentence(code, params).endswith(".")
        assert "%" not in sentence(code, params)


@pytest.mark.parametrize("expression", ["0 9 * * *", "0 0 1 * *", "*/15 * * * *", "0,1 0 * * 1"])
def test_what_may_last_half_a_period_at_most_is_cut_to_it(expression: str) -> None:
    rule = cron.parse(expression, "Europe/Berlin")

    for seconds in (0, 20, 300, 43_200, 10**7):
        assert rule.half_period(seconds) == min(seconds, rule.shortest_s / 2)
