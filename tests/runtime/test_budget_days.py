"""A budget of a day is one of the server's own day, which begins at midnight where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.conftest import FakeClock
from tests.factories import MakeFlow
from tests.profiles import make_profile
from webapp import clock
from webapp.queries import conversations
from webapp.runtime.context import Context
from webapp.runtime.worker import LaneWorker
from webapp.services.submissions import Submitted

SETTINGS = {"llm_profile_name": "demo", "memory": False}
OF_THE_OFFLINE_MODEL = 5
"""Requests of one task."""
MORNING = datetime(2026, 12, 10, 8, 0, tzinfo=UTC)
LAST_MOMENT = datetime(2026, 12, 10, 9, 59, 59, tzinfo=UTC)
MIDNIGHT = LAST_MOMENT + timedelta(seconds=1)
"""On an island that is 14 hours ahead; in Greenwich it is the same day as before."""


@pytest.fixture
def _on_kiritimati(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the machine's clock in the zone that is furthest ahead."""
    with monkeypatch.context() as there:
        there.setattr("tzlocal.get_localzone_name", lambda: "Pacific/Kiritimati")
        clock.machine_zone.cache_clear()
        yield
    clock.machine_zone.cache_clear()


@pytest.mark.usefixtures("_on_kiritimati")
def test_a_used_up_budget_is_whole_again_at_midnight_of_the_servers_zone(
    *,
    app: APIFlask,
    context: Context,
    api: FlaskClient,
    fake_clock: FakeClock,
    make_flow: MakeFlow,
    submit: Callable[..., Submitted],
    worker: LaneWorker,
) -> None:
    context.now, fake_clock.at = fake_clock.now, MORNING
    make_profile(app)
    budget = {"requests": OF_THE_OFFLINE_MODEL}
    flow_id = make_flow(agent="llm", agent_settings=SETTINGS, budget=budget, now=MORNING)
    how = {"agent": "llm", "agent_settings": SETTINGS, "flow_id": flow_id, "now": MORNING}
    submit(**how)
    assert worker.run_one()
    waiting = submit(**how).task_id

    def waits_for() -> str | None:
        with time_machine.travel(fake_clock.at, tick=False):
            told: str | None = api.get(f"/api/tasks/{waiting}").get_json()["waits_for"]
        return told

    fake_clock.at = LAST_MOMENT
    assert not worker.run_one()
    assert "budget of 5 requests" in (waits_for() or "")

    fake_clock.at = MIDNIGHT
    assert "budget" not in (waits_for() or "")
    assert worker.run_one()
    days = [context.call(conversations.spent_by_all, f"2026-12-{day}") for day in (10, 11)]
    assert [used["requests"] for used in days] == [OF_THE_OFFLINE_MODEL] * 2
