"""Moments in the database: what is read is the moment that was meant."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.factories import MakeSchedule, StoredSchedule


def test_the_hour_that_clocks_show_twice_is_stored_as_two(
    make_schedule: MakeSchedule, stored_schedule: StoredSchedule
) -> None:
    first = datetime(2027, 10, 31, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))

    made = [make_schedule(ends_at=at) for at in (first, first.replace(fold=1))]

    assert [stored_schedule(schedule_id).ends_at for schedule_id in made] == [
        datetime(2027, 10, 31, hour, 30, tzinfo=UTC) for hour in (0, 1)
    ]
