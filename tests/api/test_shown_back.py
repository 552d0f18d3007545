"""What was shown can be sent back as it is, and changes nothing; what is only shown stays."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.schedules import HOURLY
from tests.factories import MakeFlow
from webapp.ports import KEY
from webapp.queries import profiles

SECRET = "swordfish-of-theirs-x4Qz"
CHANGES: dict[str, dict[str, Any]] = {
    "schedule": {"description": "ours"},
    "llm": {"temperature": 1.5},
    "mcp": {"is_required": True},
}
WRONG = {
    "schedule": {
        "id": 99,
        "execution_count": 7,
        "next_execution_at": "2040-01-01T00:00:00+00:00",
        "created_at": None,
    },
    "llm": {
        "profile_id": "another",
        "has_api_key": False,
        "last_used_at": "2026-11-23T09:00:00+00:00",
        "version": 2,
    },
    "mcp": {"mcp_id": "another", "created_by": "somebody", "version": 2},
}


@pytest.fixture(params=CHANGES)
def kind(request: pytest.FixtureRequest) -> str:
    """What is shown and sent back."""
    return str(request.param)


@pytest.fixture
def address(api: FlaskClient, make_flow: MakeFlow, kind: str) -> str:
    """Where one of its kind is shown, which has a value in most of its fields."""
    if kind == "schedule":
        flow_id = make_flow("backup")
        of_time = {"starts_at": "2026-11-23T09:00:00+01:00", "jitter_s": 5}
        body = {"flow_id": flow_id, "cron_expression": HOURLY, "calendar": ["12-25"], **of_time}
        return _made(api, "/api/schedule", body, flow_id)
    if kind == "llm":
        of_model = {"provider": "openai", "model": "gpt-5", "provider_config": {"api": "chat"}}
        body = {"profile_name": "one", **of_model, "api_key": SECRET, "temperature": 0.5}
        return _made(api, "/api/config/llm-profiles", body, "one")
    names = {"display_name": "Files", "mcp_server_name": "files"}
    params = {"command": "npx", "env": {"TOKEN": SECRET}}
    body = {**names, "mcp_server_params": params, "selected_tools": {"write_file": False}}
    return _made(api, "/api/config/mcp-profiles", body, None)


def _made(api: FlaskClient, group: str, body: dict[str, Any], name: str | None) -> str:
    answer = api.post(group, json=body)
    assert answer.status_code == 200, answer.text
    return f"{group}/{name or answer.get_json()['mcp_id']}"


def secret(app: APIFlask, kind: str, address: str) -> str:
    """The secret of a profile, as its provider or server is sent it."""
    with app.app_context():
        if kind == "llm":
            sealed: Any = profiles.llm("one").api_key
        else:
            sealed = profiles.mcp(address.rpartition("/")[2]).mcp_server_params["env"]["TOKEN"]
        return str(app.extensions[KEY].vault.open_settings({"it": sealed})["it"])


@pytest.mark.any_database
def test_what_is_only_shown_is_refused_by_name_where_it_is_different(
    api: FlaskClient, kind: str, address: str
) -> None:
    shown = api.get(address).get_json()
    unknown = {"colour": "red", "fire_at": None}
    for field, value in {**WRONG[kind], **unknown}.items():
        answer = api.put(address, json={**shown, **CHANGES[kind], field: value})

        assert answer.status_code == 400, field
        said = "there is no such field" if field in unknown else "cannot be changed"
        assert answer.get_json()["fields"] == {field: said}
    assert api.get(address).get_json() == shown


def test_what_was_shown_can_be_sent_back_and_changes_nothing(
    api: FlaskClient, address: str
) -> None:
    shown = api.get(address).get_json()

    answer = api.put(address, json=shown)

    assert (answer.status_code, answer.get_json()) == (200, shown)


def test_what_is_changed_in_what_was_shown_is_all_that_changes(
    app: APIFlask, api: FlaskClient, kind: str, address: str
) -> None:
    shown = api.get(address).get_json()

    changed = api.put(address, json={**shown, **CHANGES[kind]}).get_json()

    different = {name for name in shown if shown[name] != changed[name]}
    assert different == {*CHANGES[kind], "updated_at", "version"}
    if kind != "schedule":
        assert secret(app, kind, address) == SECRET
