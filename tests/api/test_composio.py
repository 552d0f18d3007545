"""Composio over JSON: its key, its toolkits, their accounts and their tools."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.flowing import Rows, rows
from tests.llm.composio_server import KEY as API_KEY
from tests.llm.composio_server import ComposioServer, Wrong
from webapp import clock
from webapp.config import Settings
from webapp.models import AuditEntry, Credential
from webapp.ports import KEY
from webapp.queries import toolkits
from webapp.services import people

__all__ = ["rows"]

AT = "/api/composio"
GITHUB = f"{AT}/toolkit/github"
any_database = pytest.mark.any_database


@pytest.fixture
def settings(settings: Settings, composio: ComposioServer) -> Settings:
    return settings.model_copy(update={"composio_url": composio.url})


@pytest.fixture
def keyed(api: FlaskClient) -> None:
    """Composio's key is there, and its toolkits are known."""
    assert api.post(f"{AT}/verify-key", json={"api_key": API_KEY}).get_json()["valid"]
    assert api.get(f"{AT}/toolkits?sync_with_api=true").get_json()["synced_count"] == 3


def get(api: FlaskClient, path: str) -> Any:
    answer = api.get(f"{AT}{path}")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def toggle(api: FlaskClient, slug: str = "github", *, enabled: bool = True, **more: Any) -> Any:
    answer = api.post(f"{AT}/toolkit/{slug}/toggle", json={"enabled": enabled, **more})
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@any_database
def test_without_a_key_there_is_nothing_and_nobody_is_asked(
    api: FlaskClient, composio: ComposioServer
) -> None:
    status = get(api, "/status")
    listed = get(api, "/toolkits?sync_with_api=true")
    connection = get(api, "/toolkit/github/connection-status")
    refused = api.post(f"{GITHUB}/toggle", json={"enabled": True})

    assert status.pop("message") == "There is no key for Composio yet."
    assert set(status.values()) == {False}
    assert listed == {"toolkits": [], "total_count": 0, "synced_count": 0}
    assert (connection["status"], connection["connected"]) == ("no_api_key", False)
    assert connection["connection_id"] is None
    assert (refused.status_code, refused.get_json()["error"]) == (400, "composio_no_key")
    assert api.get(f"{GITHUB}/tools").status_code == 404
    assert composio.asked == []


@any_database
@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "api_key"), ({"api_key": 5}, "api_key"), ({"api_key": "two words"}, "api_key")],
)
def test_what_is_no_key_is_refused_by_field(
    api: FlaskClient, composio: ComposioServer, body: dict[str, Any], field: str
) -> None:
    answer = api.post(f"{AT}/verify-key", json=body)

    assert answer.status_code == 400
    assert list(answer.get_json()["fields"]) == [field]
    assert composio.asked == []


@any_database
def test_a_key_that_composio_does_not_take_is_not_kept(api: FlaskClient, rows: Rows) -> None:
    answer = api.post(f"{AT}/verify-key", json={"api_key": "ak_wrong-wrong"})

    assert answer.status_code == 200
    assert answer.get_json()["valid"] is False
    assert "Invalid API key" in answer.get_json()["message"]
    assert "ak_wrong-wrong" not in answer.text
    assert rows.read(select(Credential.__table__)) == []
    assert get(api, "/status")["has_key"] is False


def test_a_key_is_kept_encrypted_and_never_shown_or_logged(
    *, app: APIFlask, api: FlaskClient, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [api.post(f"{AT}/verify-key", json={"api_key": API_KEY})]
    answers += [api.get(f"{AT}{path}") for path in ("/status", "/toolkits?sync_with_api=1")]
    answers += [api.post(f"{GITHUB}/toggle", json={"enabled": True}), api.get(f"{GITHUB}/tools")]

    first = answers[0].get_json()
    whose = {"project": "Tests", "organization": "Acme", "email": "ann@example.org"}
    assert (first["valid"], first["user_info"]) == (True, whose)
    assert {answer.status_code for answer in answers} == {200}
    assert not [answer for answer in answers if API_KEY in answer.text or "whsec" in answer.text]
    assert API_KEY not in caplog.text
    with app.app_context():
        kept = toolkits.key()
        assert kept is not None
        assert API_KEY not in str(kept.sealed)
        vault = app.extensions[KEY].vault
        assert vault.open_settings({"key": kept.sealed}) == {"key": API_KEY}
    assert API_KEY not in str([row.detail for row in rows.read(select(AuditEntry.__table__))])


@any_database
def test_composio_that_is_away_or_takes_the_key_no_more_is_said_with_its_words(
    *, api: FlaskClient, keyed: None, composio: ComposioServer
) -> None:
    composio.key = "ak_changed-meanwhile"
    refused = get(api, "/status")
    composio.__exit__()
    away = get(api, "/status")
    failed = api.get(f"{GITHUB}/tools")

    assert (refused["has_key"], refused["key_valid"], refused["connected"]) == (True, False, False)
    assert "Invalid API key" in refused["message"]
    assert (refused["instance_available"], away["instance_available"]) == (True, False)
    assert (failed.status_code, failed.get_json()["error"]) == (400, "composio_failed")
    assert get(api, "/toolkits")["total_count"] == 3


def test_toolkits_are_taken_over_and_keep_their_switches_and_choices(
    *, api: FlaskClient, keyed: None, composio: ComposioServer
) -> None:
    composio.connect("github")
    toggle(api)
    api.post(f"{GITHUB}/tools", json={"selected_tools": {"GITHUB_STAR": False}})
    composio.kits = [kit for kit in composio.kits if kit.slug != "tavily"]

    listed = get(api, "/toolkits?sync_with_api=true")

    assert (listed["synced_count"], listed["total_count"]) == (2, 2)
    first, second = listed["toolkits"]
    assert first["id"]
    assert first["created_at"] <= first["updated_at"]
    assert {name: first[name] for name in ("slug", "name", "enabled", "connection_status")} == {
        "slug": "github", "name": "Github", "enabled": True, "connection_status": "active",
    }  # fmt: skip
    assert first["tools"] == {"GITHUB_CREATE_ISSUE": True, "GITHUB_STAR": False}
    assert first["app_url"] == "https://github.example"
    assert (second["slug"], second["connection_status"]) == ("hackernews", "not_needed")


@any_database
def test_unknown_toolkits_and_tools_are_refused(
    *, api: FlaskClient, keyed: None, composio: ComposioServer
) -> None:
    for call_, body in (("toggle", {"enabled": True}), ("tools", {"selected_tools": {}})):
        assert api.post(f"{AT}/toolkit/nowhere/{call_}", json=body).status_code == 404
    assert api.get(f"{AT}/toolkit/nowhere/tools").status_code == 404
    assert api.get(f"{AT}/toolkit/nowhere/connection-status").status_code == 404

    odd = api.post(f"{GITHUB}/tools", json={"selected_tools": {"ODD": True}})
    assert odd.get_json()["fields"] == {"selected_tools": "github has no tool 'ODD'"}


def test_switching_on_connects_an_account_where_one_is_needed(
    *, api: FlaskClient, keyed: None, composio: ComposioServer
) -> None:
    plain, github = toggle(api, "hackernews"), toggle(api)

    assert (plain["requires_oauth"], plain["oauth_url"], plain["connected"]) == (False, None, True)
    assert (github["success"], github["enabled"], github["requires_oauth"]) == (True, True, True)
    assert github["oauth_url"].startswith("https://connect.composio.example/")
    assert (github["connected"], github["connection_status"]) == (False, "initiated")
    waiting = get(api, "/toolkit/github/connection-status")
    assert (waiting["connected"], waiting["status"]) == (False, "initiated")

    account = composio.connect("github")
    done = get(api, "/toolkit/github/connection-status")
    assert (done["connected"], done["status"], done["connection_id"]) == (True, "active", account)
    assert toggle(api)["requires_oauth"] is False
    assert toggle(api, force_reauth=None)["requires_oauth"] is False
    assert toggle(api, force_reauth=True)["requires_oauth"] is True
    off = toggle(api, enabled=False)
    assert (off["enabled"], off["oauth_url"]) == (False, None)


@any_database
def test_a_toolkit_whose_account_cannot_be_connected_stays_off(
    *, api: FlaskClient, keyed: None, composio: ComposioServer
) -> None:
    composio.instead["/api/v3/connected_accounts/link"] = [Wrong(400, "Plan exceeded")]

    refused = api.post(f"{GITHUB}/toggle", json={"enabled": True})

    assert refused.status_code == 400
    assert "Plan exceeded" in refused.get_json()["detail"]
    assert not any(one["enabled"] for one in get(api, "/toolkits")["toolkits"])


def test_tools_are_listed_and_chosen_also_while_composio_is_away(
    *, api: FlaskClient, keyed: None, composio: ComposioServer
) -> None:
    listed = get(api, "/toolkit/github/tools")
    composio.__exit__()
    body = {"selected_tools": {"GITHUB_STAR": False}}
    chosen = api.post(f"{GITHUB}/tools", json=body).get_json()

    assert (listed["toolkit_slug"], listed["total_tools"]) == ("github", 2)
    first = listed["tools"][0]
    assert (first["name"], first["enabled"]) == ("GITHUB_CREATE_ISSUE", True)
    assert first["parameters"]["required"] == ["text"]
    on = {tool["name"]: tool["enabled"] for tool in chosen["tools"]}
    assert on == {"GITHUB_CREATE_ISSUE": True, "GITHUB_STAR": False}
    unknown = api.post(f"{GITHUB}/tools", json={"selected_tools": {"NEW": False}})
    assert unknown.get_json()["error"] == "composio_failed"


@any_database
def test_changes_are_for_administrators_and_looking_is_for_all(
    *, app: APIFlask, api: FlaskClient, keyed: None
) -> None:
    with app.app_context():
        owner = people.ensure_owner(clock.now())
        token = people.create_token(owner, "weak", "operate", by="tests", now=clock.now())
    reader = {"Authorization": f"Bearer {token}"}

    assert api.get(f"{AT}/toolkits", headers=reader).status_code == 200
    assert api.get(f"{AT}/toolkits?sync_with_api=true", headers=reader).status_code == 403
    for path in ("verify-key", "toolkit/github/toggle", "toolkit/github/tools"):
        assert api.post(f"{AT}/{path}", json={}, headers=reader).status_code == 403, path
