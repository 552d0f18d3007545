"""Ledgers that are kept for some time: what is older goes, what is not stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.schedules import Fate, put_fates
from tests.factories import MakeFlow, MakeSchedule
from webapp import clock
from webapp.config import Settings
from webapp.housekeeping import retention


@pytest.mark.both_databases
def test_lines_that_are_too_old_go_and_no_others(
    app: APIFlask,
    api: FlaskClient,
    settings: Settings,
    make_flow: MakeFlow,
    make_schedule: MakeSchedule,
) -> None:
    flow_id, now = make_flow(), clock.now()
    schedule_id = make_schedule(flow_id=flow_id)
    ages = (500, 366, 364, 1)
    fates: list[Fate] = [(now - timedelta(days=age), "fired", {"late_ms": 0}) for age in ages]
    put_fates(app, schedule_id, *fates)
    kept = settings.model_copy(update={"keep_occurrences_days": 365})

    with app.app_context():
        assert retention.plan(kept) == {"occurrences": 2}
        assert retention.run("tests", kept, lambda _seconds: False)
        assert retention.plan(kept) == {}

    lines = api.get(f"/api/schedule/{flow_id}/occurrences").get_json()["occurrences"]
    assert [line["due_at"] for line in lines] == [fates[3][0].isoformat(), fates[2][0].isoformat()]
