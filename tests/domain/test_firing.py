"""What becomes of due times: refusals first, every policy in every situation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webapp.domain import cron
from webapp.domain.schedules.fates import EACH_BY_ITSELF
from webapp.domain.schedules.firing import (
    Fate,
    Frozen,
    Open,
    Plan,
    Room,
    Timing,
    grace_s,
    overlapping,
    plan,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOURLY, MINUTELY, EACH_SECOND = "0 * * * *", "* * * * *", "* * * * * *"


def at(clock: str) -> datetime:
    """A moment of that day."""
    return datetime.fromisoformat(f"2026-11-23T{clock}+00:00")


def planned(
    now: datetime,
    due: datetime = NOON,
    *,
    cron_expression: str = HOURLY,
    zone: str = "UTC",
    frozen: Frozen | None = None,
    **fields: Any,
) -> Plan:
    """What is planned for a schedule that waits for ``due``."""
    values: dict[str, Any] = {
        "schedule_id": 7,
        "due": due,
        "catch_up": "skip",
        "catch_up_limit": 100,
        "catch_up_window_s": 86400.0,
        "grace_s": 300.0,
        "jitter_s": 0.0,
        "ends_at": None,
        "calendar": None,
    }
    timing = Timing(**{**values, **fields})
    return plan(timing, cron.parse(cron_expression, zone), now, frozen)


def told(fates: Sequence[Fate]) -> list[tuple[str, str, str | None]]:
    """Fates in short: the hour and minute, and why."""
    return [(f"{fate.due_at:%H:%M}", fate.fate, fate.code) for fate in fates]


def test_beyond_its_grace_a_due_time_is_missed_and_the_next_one_lies_ahead() -> None:
    found = planned(at("12:05:01"))

    assert told(found.fates) == [("12:00", "missed", "missed_down")]
    assert not found.fire
    assert found.next == found.fire_at == at("13:00")


@pytest.mark.parametrize("catch_up", ["skip", "once", "all"])
def test_within_its_grace_it_is_fired_whatever_is_wished_of_what_was_missed(catch_up: str) -> None:
    found = planned(at("12:05"), catch_up=catch_up, catch_up_window_s=0.0)

    assert list(found.fire) == [NOON]
    assert not found.fates
    assert found.next == at("13:00")


def test_grace_is_at_most_half_the_time_to_the_next_one() -> None:
    found = planned(at("12:00:31"), cron_expression=MINUTELY)
    assert told(found.fates) == [("12:00", "missed", "missed_down")]

    assert list(planned(at("12:00:30"), cron_expression=MINUTELY).fire) == [NOON]
    timing = Timing(1, NOON, "skip", 1, 1.0, 300.0, 0.0, None, None)
    assert grace_s(timing, cron.parse(EACH_SECOND, "UTC")) == 0.5


@pytest.mark.parametrize(
    ("catch_up", "now", "missed", "fired"),
    [
        ("skip", "15:30", ["12:00", "13:00", "14:00", "15:00"], []),
        ("skip", "15:01", ["12:00", "13:00", "14:00"], ["15:00"]),
        ("once", "15:30", ["12:00", "13:00", "14:00"], ["15:00"]),
        ("once", "15:01", ["12:00", "13:00", "14:00"], ["15:00"]),
        ("all", "15:30", ["12:00"], ["13:00", "14:00", "15:00"]),
        ("all", "15:01", ["12:00"], ["13:00", "14:00", "15:00"]),
    ],
)
def test_after_an_outage_the_policy_decides(
    catch_up: str, now: str, missed: list[str], fired: list[str]
) -> None:
    found = planned(at(now), catch_up=catch_up, catch_up_limit=3)

    assert told(found.fates) == [(time, "missed", "missed_down") for time in missed]
    assert [f"{due:%H:%M}" for due in found.fire] == fired
    assert found.next == at("16:00")


def test_what_is_caught_up_lies_within_a_window() -> None:
    found = planned(at("15:30"), catch_up="all", catch_up_window_s=2 * 3600.0)

    assert told(found.fates) == [(time, "missed", "missed_down") for time in ("12:00", "13:00")]
    assert [f"{due:%H:%M}" for due in found.fire] == ["14:00", "15:00"]


def test_a_day_of_its_calendar_is_left_out_in_its_own_zone() -> None:
    found = planned(at("12:00:01"), zone="Pacific/Auckland", calendar=["2026-11-24"])
    assert told(found.fates) == [("12:00", "skipped", "skipped_calendar")]
    assert not found.fire

    assert planned(at("12:00:01"), zone="UTC", calendar=["2026-11-24"]).fire


def test_catching_up_once_takes_the_newest_that_the_calendar_allows() -> None:
    found = planned(
        NOON + timedelta(days=2, hours=3),
        cron_expression="0 12 * * *",
        catch_up="once",
        calendar=["11-25"],
    )

    assert [(f"{f.due_at:%d}", f.code) for f in found.fates] == [
        ("23", "missed_down"),
        ("25", "skipped_calendar"),
    ]
    assert list(found.fire) == [NOON + timedelta(days=1)]


@pytest.mark.parametrize(
    ("catch_up", "expression", "fired", "left_out"),
    [
        ("once", MINUTELY, 1, 18 * 60 + 1),
        ("all", MINUTELY, 100, 18 * 60 + 1),
        ("all", EACH_SECOND, 100, 18 * 3600 + 1),
    ],
)
def test_however_many_the_calendar_leaves_out_those_before_are_caught_up(
    catch_up: str, expression: str, fired: int, left_out: int
) -> None:
    midnight = at("00:00") + timedelta(days=1)
    step = timedelta(seconds=1 if expression == EACH_SECOND else 60)

    found = planned(
        midnight + timedelta(hours=18),
        at("22:00"),
        cron_expression=expression,
        catch_up=catch_up,
        grace_s=0.0,
        calendar=["2026-11-24"],
    )

    assert list(found.fire) == [midnight - step * ago for ago in range(fired, 0, -1)]
    passed = [fate for fate in found.fates if fate.code == "skipped_calendar"]
    assert sum(fate.count for fate in passed) == left_out
    assert passed[0].due_at == midnight
    assert len(passed) <= EACH_BY_ITSELF + 1
    missed = sum(fate.count for fate in found.fates) - left_out
    assert missed + fired == timedelta(hours=2) // step


def test_where_the_calendar_leaves_all_out_nothing_is_caught_up() -> None:
    found = planned(at("15:30"), catch_up="once", calendar=["11-23"])

    assert [fate.code for fate in found.fates] == ["skipped_calendar"] * 4
    assert not found.fire


@pytest.mark.parametrize("catch_up", ["skip", "once", "all"])
def test_in_a_freeze_nothing_is_fired_or_caught_up(catch_up: str) -> None:
    frozen = Frozen(at("13:30"), "moving house")

    found = planned(at("15:01"), catch_up=catch_up, frozen=frozen)

    assert not found.fire
    assert told(found.fates) == [
        ("12:00", "missed", "missed_down"),
        ("13:00", "missed", "missed_down"),
        ("14:00", "skipped", "skipped_freeze"),
        ("15:00", "skipped", "skipped_freeze"),
    ]
    assert found.fates[-1].params == {"reason": "moving house"}


def test_what_fell_due_right_before_a_freeze_is_skipped_by_it() -> None:
    found = planned(at("12:00:02"), frozen=Frozen(at("12:00:01"), "stop"))

    assert told(found.fates) == [("12:00", "skipped", "skipped_freeze")]


def test_nothing_is_due_after_its_end() -> None:
    found = planned(at("15:30"), ends_at=at("13:00"))

    assert told(found.fates) == [(time, "missed", "missed_down") for time in ("12:00", "13:00")]
    assert found.next is found.fire_at is None


def test_jitter_delays_by_less_than_half_the_time_to_the_next() -> None:
    delays = set()
    for minute in range(60):
        due = NOON + timedelta(minutes=minute - 1)
        found = planned(due, due, cron_expression=MINUTELY, jitter_s=3600.0)
        assert found.next is not None
        assert found.fire_at is not None
        delays.add(found.fire_at - found.next)

    assert len(delays) > 50
    assert timedelta(0) <= min(delays) < max(delays) < timedelta(seconds=30)


def test_a_due_time_whose_jitter_is_not_over_stays_ahead() -> None:
    ahead = planned(at("12:00"), cron_expression=MINUTELY, jitter_s=30.0)
    assert ahead.next == at("12:01")
    assert ahead.fire_at is not None
    just_before = ahead.fire_at - timedelta(milliseconds=1)

    found = planned(just_before, cron_expression=MINUTELY, jitter_s=30.0, catch_up="all")

    assert list(found.fire) + [fate.due_at for fate in found.fates] == [NOON]
    assert found.next == at("12:01")


@pytest.mark.parametrize("expression", [EACH_SECOND, MINUTELY])
def test_a_long_outage_is_a_thousand_rows_and_one_range(expression: str) -> None:
    now = NOON + timedelta(days=365, seconds=0.2)

    found = planned(now, cron_expression=expression, zone="Europe/Berlin")

    assert len(found.fates) == EACH_BY_ITSELF + 1
    *singles, last = found.fates
    assert all(fate.until is None and fate.count == 1 for fate in singles)
    assert last.until is not None
    assert singles[-1].due_at < last.due_at < last.until
    step = 1 if expression == EACH_SECOND else 60
    assert sum(fate.count for fate in found.fates) + len(found.fire) == 365 * 86400 // step + 1
    assert list(found.fire) == [now.replace(microsecond=0)]


def test_a_long_outage_before_a_freeze_is_two_ranges() -> None:
    frozen = Frozen(NOON + timedelta(days=2), "frozen")

    found = planned(NOON + timedelta(days=4), cron_expression=MINUTELY, frozen=frozen)

    first, second = [fate for fate in found.fates if fate.until is not None]
    assert (first.fate, second.fate) == ("missed", "skipped")
    assert first.until is not None
    assert first.until < frozen.since <= second.due_at
    assert sum(fate.count for fate in found.fates) == 4 * 24 * 60 + 1


DUE = [at("12:00"), at("13:00"), at("14:00")]


@pytest.mark.parametrize(
    ("overlap", "runs", "fired", "others"),
    [
        ("skip", Open(), [0], ["skipped_overlap"] * 2),
        ("skip", Open(active=1), [], ["skipped_overlap"] * 3),
        ("skip", Open(waiting=1), [], ["skipped_overlap"] * 3),
        ("queue_one", Open(), [0], ["skipped_overlap"] * 2),
        ("queue_one", Open(active=1), [0], ["skipped_overlap"] * 2),
        ("queue_one", Open(active=1, waiting=1), [], ["skipped_overlap"] * 3),
        ("queue_one", Open(waiting=1), [], ["skipped_overlap"] * 3),
        ("queue_all", Open(active=1, waiting=5), [0, 1, 2], []),
        ("replace", Open(), [2], ["skipped_replaced"] * 2),
        ("replace", Open(active=1, waiting=3), [2], ["skipped_replaced"] * 2),
    ],
)
def test_what_is_open_of_the_flow_decides(
    overlap: str, runs: Open, fired: list[int], others: list[str]
) -> None:
    found, left = overlapping(overlap, DUE, runs, Room(100, 100))

    assert found == [DUE[place] for place in fired]
    assert [fate.code for fate in left] == others
    assert {fate.fate for fate in left} <= {"skipped"}


def test_where_too_many_wait_the_others_are_skipped_and_say_so() -> None:
    room = Room(50, 1)

    found, left = overlapping("queue_all", DUE, Open(), room)

    assert found == DUE[:1]
    assert [(fate.code, fate.params) for fate in left] == [
        ("skipped_queue_full", {"limit": 50})
    ] * 2
