"""What is refused of a task for a model, in which order, and that nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import fail
from tests.profiles import API_KEY, make_profile, pretended

SECRET = "swordfish-123456"


def tasks(api: FlaskClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/api/tasks").get_json()["tasks"]
    return found


@pytest.mark.any_database
def test_text_without_agent_and_profile_is_refused_by_the_field(
    api: FlaskClient, ask: Callable[..., Any]
) -> None:
    answer = ask("rm -rf /")
    assert answer.status_code == 400
    assert "shell" in answer.get_json()["fields"]["agent"]
    assert tasks(api) == []


@pytest.mark.any_database
def test_a_profile_that_is_not_active_is_refused(
    app: APIFlask, api: FlaskClient, ask: Callable[..., Any]
) -> None:
    make_profile(app, "first")
    make_profile(app, "off", is_active=False)
    answer = ask(llm_profile_name="off")
    assert answer.status_code == 400
    assert "not active" in answer.get_json()["fields"]["llm_profile_name"]


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("fields", "named", "reason"),
    [
        ({"mcp_servers": ["nowhere"]}, "mcp_servers", "no active MCP server 'nowhere'"),
        ({"budget_cost": 1.0}, "budget_cost", "nobody knows what tiny-1 costs"),
        ({"budget_requests": 0}, "budget_requests", "1 or more"),
        ({"memory_tokens": -1}, "memory_tokens", "0 or more"),
        ({"temperature": 1}, "temperature", "not a setting of llm"),
        (
            {"mcp_server_config": {"mcpServers": {"a": {"command": ""}}}},
            "mcp_server_config",
            "mcpServers.a.command",
        ),
        (
            {"mcp_server_config": {"mcpServers": {"a": {"url": "ftp://x"}}}},
            "mcp_server_config",
            "mcpServers.a.url",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    *,
    app: APIFlask,
    api: FlaskClient,
    ask: Callable[..., Any],
    model: OpenAIServer,
    fields: dict[str, Any],
    named: str,
    reason: str,
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    answer = ask(agent="llm", **fields)
    assert answer.status_code == 400
    assert reason in answer.get_json()["fields"][named]
    assert tasks(api) == []
    assert model.questions == [], "what is refused asks no model"


@pytest.mark.any_database
def test_a_model_that_does_not_answer_is_told_in_its_own_words_and_nothing_is_stored(
    app: APIFlask, api: FlaskClient, ask: Callable[..., Any], model: OpenAIServer
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    model.script(fail(401, "Incorrect API key provided", "invalid_api_key"))

    answer = ask(llm_profile_name="tiny")

    body = answer.get_json()
    assert answer.status_code == 400
    assert (body["success"], body["error"]) == (False, "llm_connection_failed")
    assert body["llm_profile"] == "tiny"
    assert "Incorrect API key provided" in body["detail"]
    assert API_KEY not in answer.text
    assert tasks(api) == []


@pytest.mark.any_database
def test_a_busy_lane_is_refused_before_any_model_is_asked(
    app: APIFlask, api: FlaskClient, ask: Callable[..., Any], model: OpenAIServer
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    ask()
    asked = len(model.questions)

    answer = ask(when_busy="reject")

    assert answer.status_code == 409
    assert answer.get_json()["active_task"]["status"] == "pending"
    assert len(model.questions) == asked


@pytest.mark.any_database
def test_a_connection_that_was_tested_within_a_minute_is_not_tested_again(
    app: APIFlask, ask: Callable[..., Any], model: OpenAIServer
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    assert [ask().status_code, ask().status_code] == [200, 200]
    assert len(model.questions) == 1
