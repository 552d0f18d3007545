"""Weeks of schedules with outages, freezes, edits and a clock that jumps: one fate for each.

``make audit`` lives a whole year of them.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy import delete, select

from tests.audit.house import House, moment
from tests.audit.ledger import Year, compare
from webapp.db import db
from webapp.models import Occurrence

_occurrences = Occurrence.__table__


@pytest.mark.parametrize(
    ("begin", "seed"), [("2026-03-27 06:00", 1), ("2026-10-23 06:00", 2)], ids=["spring", "autumn"]
)
def test_no_due_time_is_without_a_fate_and_none_has_two(
    app: APIFlask, begin: str, seed: int
) -> None:
    house = House(app, moment(begin))
    year = Year(house, seed, trouble_every=timedelta(hours=6))

    year.run(house.time + timedelta(days=5))

    fates = compare(house)
    assert fates["fired"] > 50
    assert len(year.did) > 4


@pytest.mark.any_database
def test_the_comparison_sees_a_due_time_that_has_lost_its_fate(app: APIFlask) -> None:
    house = House(app, moment("2026-06-01 06:00"))
    Year(house, 1).live_until(moment("2026-06-01 12:00"))
    compare(house)
    with app.app_context(), db.engines[None].begin() as connection:
        one = select(_occurrences.c.seq).where(_occurrences.c.task_id.is_(None)).limit(1)
        connection.execute(delete(_occurrences).where(_occurrences.c.seq.in_(one)))

    with pytest.raises(AssertionError, match="without a fate"):
        compare(house)
