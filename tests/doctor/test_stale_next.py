"""Schedules that wait for a time that is not their next: found, mended, or left alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.doctor.conftest import Ask, codes
from tests.factories import MakeFlow, MakeSchedule, StoredSchedule
from webapp import clock
from webapp.runtime.context import Context

pytestmark = pytest.mark.both_databases

YEARLY = "0 0 1 1 *"


def new_year() -> datetime:
    """When a yearly rule is due next."""
    return datetime(clock.now().year + 1, 1, 1, tzinfo=UTC)


def test_schedules_that_wait_for_their_next_time_are_left_alone(
    doctor: Ask, make_schedule: MakeSchedule, change_schedule: Callable[..., None]
) -> None:
    make_schedule(new_year(), cron_expression=YEARLY)
    make_schedule(None, cron_expression=YEARLY, is_enabled=False)
    make_schedule(None, cron_expression=None)
    make_schedule(None, cron_expression=YEARLY, ends_at=clock.now())
    # nobody is there to fire it: the next start decides what becomes of it
    make_schedule(new_year().replace(year=2020), cron_expression=YEARLY)

    assert doctor("--repair")["findings"] == []


@pytest.mark.parametrize(
    ("waits", "said"),
    [
        (None, "waits for nothing"),
        (timedelta(hours=1), "does not name"),
        (timedelta(days=-400, seconds=7), "does not name"),
        ("in ten years", "passes over"),
    ],
)
def test_a_next_time_that_is_not_the_next_is_found_and_set_right(
    doctor: Ask,
    make_flow: MakeFlow,
    make_schedule: MakeSchedule,
    stored_schedule: StoredSchedule,
    waits: Any,
    said: str,
) -> None:
    if isinstance(waits, timedelta):
        waits = new_year() + waits
    elif waits is not None:
        waits = new_year().replace(year=clock.now().year + 10)
    schedule_id = make_schedule(waits, flow_id=make_flow("yearly"), cron_expression=YEARLY)

    [finding] = doctor()["findings"]
    assert finding["code"] == "stale_next"
    assert said in finding["message"]
    assert doctor("--repair")["healthy"] is True

    row = stored_schedule(schedule_id)
    assert row.next_execution_at == row.fire_at == new_year()
    assert doctor()["findings"] == []


def test_one_that_is_off_and_waits_all_the_same_waits_no_more(
    doctor: Ask, make_schedule: MakeSchedule, stored_schedule: StoredSchedule
) -> None:
    schedule_id = make_schedule(new_year(), cron_expression=YEARLY, is_enabled=False)

    assert codes(doctor("--repair")) == ["stale_next"]

    row = stored_schedule(schedule_id)
    assert (row.next_execution_at, row.fire_at) == (None, None)


def test_a_rule_that_cannot_be_used_is_switched_off(
    doctor: Ask, make_schedule: MakeSchedule, stored_schedule: StoredSchedule
) -> None:
    schedule_id = make_schedule(new_year(), cron_expression="0 0 31 2 *")

    assert "never fires" in doctor()["findings"][0]["message"]
    assert doctor("--repair")["healthy"] is True
    assert stored_schedule(schedule_id).is_enabled is False


def test_what_nobody_fires_although_somebody_is_there_is_told(
    doctor: Ask, make_schedule: MakeSchedule, context: Context
) -> None:
    make_schedule(new_year().replace(year=2020), cron_expression=YEARLY)

    answer = doctor("--repair")

    assert codes(answer) == ["stale_next"]
    assert answer["healthy"] is False
