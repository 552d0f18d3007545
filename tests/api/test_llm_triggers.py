"""Runs of a model that nobody waits for: no connection is tested first, the run will tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.conftest import Make
from tests.factories import MakeSchedule
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import fail
from tests.profiles import make_profile, pretended
from tests.services.firing import FireDue, fire_due
from webapp import clock, runtime

__all__ = ["fire_due"]

REFUSED = fail(401, "Incorrect API key provided", "invalid_api_key")
MIDNIGHT_OF_A_YEAR = "0 0 1 1 *"
Trigger = Callable[[str], None]


@pytest.fixture(params=["hook", "schedule"])
def trigger(
    request: pytest.FixtureRequest,
    api: FlaskClient,
    anonymous: FlaskClient,
    make_schedule: MakeSchedule,
    fire_due: FireDue,
) -> Trigger:
    """Have a flow run by its web hook, or by its schedule, which is due."""

    def by_hook(flow_id: str) -> None:
        url = api.post(f"/api/flows/{flow_id}/hook").get_json()["url"]
        answer = anonymous.post(url.removeprefix("http://localhost"))
        assert answer.status_code == 200, answer.text

    def by_schedule(flow_id: str) -> None:
        now = clock.now()
        due = now - timedelta(seconds=1)
        make_schedule(due, flow_id=flow_id, cron_expression=MIDNIGHT_OF_A_YEAR)
        fire_due(now, agents=frozenset({"llm"}))

    return by_hook if request.param == "hook" else by_schedule


@pytest.fixture
def flow_id(app: APIFlask, make: Make, model: OpenAIServer) -> str:
    """A flow that asks the pretended model."""
    make_profile(app, "tiny", **pretended(model.url))
    return str(make(agent="llm", task_description="What is new?")["flow_id"])


def tasks(api: FlaskClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/api/tasks").get_json()["tasks"]
    return found


def test_a_run_by_hand_is_refused_where_the_model_does_not_answer(
    api: FlaskClient, model: OpenAIServer, flow_id: str
) -> None:
    model.script(REFUSED)
    answer = api.post(f"/api/flows/{flow_id}/run")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "llm_connection_failed")
    assert tasks(api) == []
    assert len(model.questions) == 1


def test_web_hooks_and_schedules_ask_the_model_nothing_before_the_task_does(
    *,
    app: APIFlask,
    api: FlaskClient,
    model: OpenAIServer,
    flow_id: str,
    trigger: Trigger,
    becomes: Callable[[str, str], Any],
) -> None:
    model.script(REFUSED)

    trigger(flow_id)

    (task,) = tasks(api)
    assert task["status"] == "pending"
    assert model.questions == []

    runtime.start(app)
    try:
        failed = becomes(task["task_id"], "failed")
    finally:
        runtime.stop(app)
    assert failed.error_code == "llm_key_refused"
    assert "What is new?" in model.questions[0].body.decode()
    assert len(model.questions) == 1
