"""A profile without the key that its provider needs: stored, and no use before the key is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.conftest import Make
from tests.llm.openai_server import OpenAIServer
from tests.profiles import API_KEY
from webapp import runtime

PROFILES = "/api/config/llm-profiles"
SAID = "“bare” has no API key, and its provider answers nobody without one."


@pytest.fixture(params=[{}, {"api_key": None}, {"api_key": ""}], ids=["left out", "null", "empty"])
def bare(request: pytest.FixtureRequest, api: FlaskClient, model: OpenAIServer) -> dict[str, Any]:
    """A profile of OpenAI's, whose server is the pretended one, without a key."""
    fields = {"profile_name": "bare", "provider": "openai", "model": "tiny-1"}
    where = {"base_url": model.url, "provider_config": {"api": "chat"}}
    answer = api.post(PROFILES, json={**fields, **where, **request.param})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_its_test_says_so_and_asks_nobody_until_the_key_is_there(
    api: FlaskClient, bare: dict[str, Any], model: OpenAIServer
) -> None:
    assert (bare["has_api_key"], bare["api_key_set_at"]) == (False, None)

    told = api.post(f"{PROFILES}/bare/test").get_json()

    assert (told["success"], told["message"]) == (False, SAID)
    assert model.questions == []
    keyed = api.put(f"{PROFILES}/bare", json={"api_key": API_KEY}).get_json()
    assert (keyed["has_api_key"], keyed["api_key_set_at"]) == (True, keyed["updated_at"])
    assert api.post(f"{PROFILES}/bare/test").get_json()["success"] is True


@pytest.mark.any_database
def test_a_submission_is_refused_and_nobody_is_asked(
    api: FlaskClient, ask: Callable[..., Any], bare: dict[str, Any], model: OpenAIServer
) -> None:
    answer = ask(llm_profile_name=bare["profile_name"])

    body = answer.get_json()
    assert (answer.status_code, body["error"]) == (400, "llm_connection_failed")
    assert SAID in body["detail"]
    assert api.get("/api/tasks").get_json()["tasks"] == []
    assert model.questions == []


@pytest.mark.any_database
def test_a_run_by_a_web_hook_fails_in_words_and_asks_nobody(
    *,
    app: APIFlask,
    api: FlaskClient,
    anonymous: FlaskClient,
    make: Make,
    bare: dict[str, Any],
    model: OpenAIServer,
    becomes: Callable[[str, str], Any],
) -> None:
    name = bare["profile_name"]
    flow = make(agent="llm", task_description="What is new?", llm_profile_name=name)
    hook = api.post(f"/api/flows/{flow['flow_id']}/hook").get_json()["url"]
    task_id = anonymous.post(hook.removeprefix("http://localhost")).get_json()["task_id"]

    runtime.start(app)
    try:
        failed = becomes(task_id, "failed")
    finally:
        runtime.stop(app)

    assert (failed.error_code, failed.error_message) == ("llm_no_key", SAID)
    assert model.questions == []
