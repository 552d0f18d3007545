"""Notices of budgets as scripts see them: who wants them, and what the log says of them."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.flowing import Rows, rows
from tests.llm.openai_server import OpenAIServer
from tests.profiles import make_profile, pretended
from webapp.config import Settings

__all__ = ["rows"]

CHANNELS = "/api/notifications/channels"
LOG = "/api/notifications"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A server on which one request a day is all there may be."""
    return settings.model_copy(update={"day_requests": 1})


@pytest.mark.any_database
def test_a_channel_wants_them_unless_it_says_no(api: FlaskClient) -> None:
    body = {"name": "hook", "url": "json://127.0.0.1/x"}
    refused = api.post(CHANNELS, json={**body, "budget": "yes"})
    assert (refused.status_code, "budget" in refused.get_json()["fields"]) == (400, True)

    made = api.post(CHANNELS, json=body).get_json()
    assert made["budget"] is True
    path = f"{CHANNELS}/{made['channel_id']}"
    assert api.put(path, json={"budget": False}).get_json()["budget"] is False
    assert api.put(path, json={"name": "other"}).get_json()["budget"] is False


@pytest.mark.any_database
def test_a_flow_may_have_a_rule_of_its_own(api: FlaskClient) -> None:
    flow = {"name": "Ask", "agent": "shell", "task_description": "true"}
    wrong = api.post("/api/flows", json={**flow, "notify": {"budget": 1}})
    assert "“budget” is true or false" in wrong.get_json()["fields"]["notify"]

    made = api.post("/api/flows", json={**flow, "notify": {"budget": False}}).get_json()
    assert made["notify"] == {"budget": False}


def test_a_run_that_nears_both_budgets_is_told_of_each_once(
    *, live: None, app: APIFlask, api: FlaskClient, model: OpenAIServer, rows: Rows, becomes: Any
) -> None:
    rows.channel()
    make_profile(app, "tiny", **pretended(model.url))
    fields = {"name": "Ask", "agent": "llm", "task_description": "x", "budget": {"tokens": 10}}
    flow_id = api.post("/api/flows", json=fields).get_json()["flow_id"]

    task_id = api.post(f"/api/flows/{flow_id}/run").get_json()["task_id"]
    becomes(task_id, "completed")

    told = api.get(LOG).get_json()["notifications"][::-1]
    assert [(row["event"], row["flow_id"], row["task_id"]) for row in told] == [
        ("budget", None, task_id),
        ("budget", flow_id, task_id),
    ]
    assert told[0]["message"] == "100 % of the day's budget of 1 requests to models is used."
    assert told[1]["message"] == "“Ask” has used 170 % of its budget of 10 tokens for today."
