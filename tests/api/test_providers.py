"""Providers, the models they have, and what is set up, as scripts see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.agents.serving import Server, answer
from webapp.ports import KEY
from webapp.prober import Prober

pytestmark = pytest.mark.any_database

PROVIDERS = "/api/config/llm/providers"
PROFILES = "/api/config/llm-profiles"
STATUS = "/api/config/status"


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider of this machine."""
    with Server() as made:
        yield made


def local(api: FlaskClient, server: Server, **fields: Any) -> None:
    """Make a profile that leads to it."""
    where = {"provider": "lm_studio", "base_url": f"{server.url}/v1", "model": "m"}
    made = api.post(PROFILES, json={"profile_name": "local", **where, **fields})
    assert made.status_code == 200


def models(api: FlaskClient, name: str) -> dict[str, Any]:
    """The models of a provider."""
    return dict(api.get(f"{PROVIDERS}/{name}/models").get_json())


def test_an_unknown_provider_is_404(api: FlaskClient) -> None:
    found = api.get(f"{PROVIDERS}/nobody/models")

    assert (found.status_code, found.get_json()["error"]) == (404, "no_such_provider")


def test_every_provider_says_what_it_takes(api: FlaskClient) -> None:
    told = api.get(PROVIDERS).get_json()

    by_name = {one["name"]: one for one in told["providers"]}
    assert told["total_providers"] == len(by_name) == 16
    for one in by_name.values():
        assert one["model_count"] == len(one["models"])
        assert one["default_model"] in [*one["models"], None]
    assert by_name["openai"]["requires_api_key"] is True
    assert by_name["ollama"]["requires_api_key"] is False
    assert by_name["azure_openai"]["requires_base_url"] is True
    offline = by_name["offline"]
    assert (offline["supports_base_url"], offline["models"]) == (False, ["demo"])
    assert "demonstration" in offline["display_name"]


def test_without_an_active_profile_the_built_in_models_are_listed(
    api: FlaskClient, server: Server
) -> None:
    local(api, server, is_active=False)

    for name in ("lm_studio", "openai", "offline"):
        told = models(api, name)
        assert (told["provider"], told["metadata"]["source"]) == (name, "built_in")
        assert told["metadata"]["reason"]
        assert told["model_count"] == len(told["models"]) > 0
    assert server.asked == []


def test_an_active_profile_is_used_to_ask_its_provider(api: FlaskClient, server: Server) -> None:
    body = '{"data": [{"id": "b"}, {"id": "a"}]}'
    server.on("/v1/models", answer(body=body, content_type="application/json"))
    local(api, server, api_key="sk-swordfish-x4Qz")

    told = models(api, "lm_studio")

    assert (told["models"], told["model_count"]) == (["a", "b"], 2)
    assert told["metadata"] == {"source": "provider"}
    assert server.asked[0].headers["authorization"] == "Bearer sk-swordfish-x4Qz"


def test_a_provider_that_does_not_answer_is_no_failure_of_ours(
    app: APIFlask, api: FlaskClient, server: Server
) -> None:
    app.extensions[KEY].connections = Prober(patience_s=0.5)
    local(api, server, api_key="sk-swordfish-x4Qz")
    for script in (
        answer("401 Unauthorized", '{"error": "bad key sk-swordfish-x4Qz"}'),
        server.silent,
    ):
        server.on("/v1/models", script)

        told = models(api, "lm_studio")

        assert told["metadata"]["source"] == "built_in"
        assert "cannot be listed" in told["metadata"]["reason"]
        assert "sk-swordfish-x4Qz" not in str(told)
        assert told["models"]


def test_what_is_set_up_is_ready_once_there_is_a_default_profile(
    api: FlaskClient, server: Server
) -> None:
    told = api.get(STATUS).get_json()
    assert told["overall_status"] == "partial"
    assert told["llm_profiles"] == {
        "total_profiles": 0,
        "active_profiles": 0,
        "default_profile": None,
        "has_default": False,
    }

    local(api, server)
    api.post(
        PROFILES,
        json={"profile_name": "x", "provider": "offline", "model": "demo", "is_active": False},
    )
    params = {"command": "npx"}
    server_body = {"display_name": "F", "mcp_server_name": "f", "mcp_server_params": params}
    api.post("/api/config/mcp-profiles", json=server_body)

    told = api.get(STATUS).get_json()
    assert told["overall_status"] == "ready"
    assert told["llm_profiles"] == {
        "total_profiles": 2,
        "active_profiles": 1,
        "default_profile": "local",
        "has_default": True,
    }
    assert told["mcp_profiles"] == {"total_profiles": 1, "active_profiles": 1}
