"""What tasks of models used, what they may use on a day, and what waits for another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say, slow
from tests.profiles import make_profile, pretended
from tests.waiting import until

SECRET = "swordfish-123456"


def test_what_was_used_is_counted_for_the_attempt(
    *,
    live: None,
    app: APIFlask,
    api: FlaskClient,
    ask: Callable[..., Any],
    model: OpenAIServer,
    becomes: Any,
) -> None:
    priced = {"input_price": 1.0, "output_price": 2.0}
    make_profile(app, "tiny", **pretended(model.url, **priced))
    task_id = ask().get_json()["task_id"]
    becomes(task_id, "completed")

    used = api.get(f"/api/tasks/{task_id}").get_json()["usage"]

    assert used["model"] == "tiny-1"
    assert (used["requests"], used["input_tokens"], used["output_tokens"]) == (1, 12, 5)
    assert used["cost"] == pytest.approx((12 * 1.0 + 5 * 2.0) / 1e6)


def test_a_flow_over_its_budget_of_the_day_waits_with_the_reason(
    *, live: None, app: APIFlask, api: FlaskClient, model: OpenAIServer, becomes: Any
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    flow = api.post(
        "/api/flows",
        json={"name": "Ask", "agent": "llm", "task_description": "x", "budget": {"requests": 1}},
    ).get_json()
    first = api.post(f"/api/flows/{flow['flow_id']}/run").get_json()
    becomes(first["task_id"], "completed")

    second = api.post(f"/api/flows/{flow['flow_id']}/run").get_json()
    other = api.post(
        "/api/tasks/submit",
        json={"agent": "shell", "task_description": "true", "when_busy": "queue"},
    ).get_json()

    becomes(other["task_id"], "completed")
    waiting = api.get(f"/api/tasks/{second['task_id']}").get_json()
    assert waiting["status"] == "pending"
    assert "budget of 1 requests" in waiting["waits_for"]
    api.put(f"/api/flows/{flow['flow_id']}", json={"budget": {"requests": 9}})
    becomes(second["task_id"], "completed")


def test_a_run_that_spends_the_last_of_the_days_budget_fails_with_its_own_reason(
    *, live: None, app: APIFlask, api: FlaskClient, model: OpenAIServer, becomes: Any
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    flow = api.post(
        "/api/flows",
        json={
            "name": "Ask",
            "agent": "llm",
            "task_description": "x",
            "budget": {"requests": 1},
            "max_retries": 3,
        },
    ).get_json()
    model.script(say("ok"), call("list_files", {}))
    task_id = api.post(f"/api/flows/{flow['flow_id']}/run").get_json()["task_id"]

    task = becomes(task_id, "failed")

    assert task.error_code == "flow_budget_requests"
    assert task.attempt == 1, "it would fail again"


def test_one_task_of_a_session_talks_at_a_time_whatever_its_lane(
    *,
    live: None,
    app: APIFlask,
    api: FlaskClient,
    ask: Callable[..., Any],
    model: OpenAIServer,
    becomes: Any,
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    api.post("/api/lanes", json={"name": "side"})
    held = slow(say("first"))
    first = ask().get_json()
    model.script(held, say("second"))
    until(held.begun.is_set)

    second = ask(session_id=first["session_id"], lane="side").get_json()
    other = ask(lane="side").get_json()
    becomes(other["task_id"], "completed")
    assert api.get(f"/api/tasks/{second['task_id']}").get_json()["status"] == "pending"

    held.release.set()
    becomes(first["task_id"], "completed")
    becomes(second["task_id"], "completed")


@pytest.mark.any_database
def test_a_task_whose_default_profile_is_gone_fails_with_the_reason(
    *, app: APIFlask, submit: Any, becomes: Any, live: None
) -> None:
    task = submit("x", agent="llm", agent_settings={})
    assert becomes(task.task_id, "failed").error_code == "llm_profile_none"


@pytest.mark.any_database
def test_a_budget_of_money_for_a_flow_of_a_model_without_a_price_is_refused(
    app: APIFlask, api: FlaskClient, model: OpenAIServer
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    flow = {"name": "Ask", "agent": "llm", "task_description": "x", "budget": {"cost": 1.0}}

    answer = api.post("/api/flows", json=flow)

    assert answer.status_code == 400
    assert "nobody knows what tiny-1 costs" in answer.get_json()["fields"]["budget"]


def test_a_run_whose_price_got_lost_fails_where_money_is_limited(
    *, live: None, app: APIFlask, api: FlaskClient, model: OpenAIServer, becomes: Any
) -> None:
    make_profile(app, "tiny", **pretended(model.url, input_price=1.0, output_price=1.0))
    flow = {"name": "Ask", "agent": "llm", "task_description": "x", "budget": {"cost": 1.0}}
    flow_id = api.post("/api/flows", json=flow).get_json()["flow_id"]
    prices = {"input_price": None, "output_price": None}
    assert api.put("/api/config/llm-profiles/tiny", json=prices).status_code == 200
    model.script(say("tested"), call("list_files", {}))

    task_id = api.post(f"/api/flows/{flow_id}/run").get_json()["task_id"]

    assert becomes(task_id, "failed").error_code == "llm_no_price"


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"budget_requests": 2}, "run_budget_requests", "budget of 2 requests"),
        ({"budget_tokens": 30}, "run_budget_tokens", "budget of 30 tokens is used up: 34"),
        ({"budget_cost": 0.00003}, "run_budget_cost", "budget of 0.00003 USD is used up"),
    ],
)
def test_a_run_over_its_budget_fails_with_its_own_reason_and_is_not_tried_again(
    *, live: None, app: APIFlask, ask: Any, model: OpenAIServer, becomes: Any,
    given: dict[str, Any], code: str, words: str,
) -> None:  # fmt: skip
    make_profile(app, "tiny", **pretended(model.url, input_price=1.0, output_price=1.0))
    model.script(say("tested"), call("list_files", {}))

    task = becomes(ask(max_retries=3, **given).get_json()["task_id"], "failed")

    assert (task.error_code, task.attempt) == (code, 1)
    assert words in task.error_message
    assert len(model.questions) == 1 + 2


def test_the_smaller_budget_of_task_and_profile_counts_and_is_warned_of_once(
    *, live: None, app: APIFlask, api: FlaskClient, ask: Any, model: OpenAIServer, becomes: Any
) -> None:
    make_profile(app, "tiny", **pretended(model.url), run_requests=5)
    model.script(say("tested"), call("list_files", {}))

    task = becomes(ask(budget_requests=1000).get_json()["task_id"], "failed")

    assert "budget of 5 requests" in task.error_message
    path = f"/api/activity/sessions/{task.session_id}/activity"
    said = [one["agent_msg"] for one in api.get(path).get_json()["activity_logs"]]
    assert said.count("The run has used 80 % of its 5 requests.") == 1
