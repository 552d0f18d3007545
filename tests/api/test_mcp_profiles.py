"""MCP servers, as scripts see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.flowing import Rows, rows
from webapp import clock
from webapp.models import AuditEntry, McpProfile
from webapp.ports import KEY
from webapp.queries import profiles
from webapp.services import people

__all__ = ["rows"]

SERVERS = "/api/config/mcp-profiles"
SECRET = "hunter2-swordfish-x4Qz"
STDIO = {"command": "npx", "args": ["server", "/srv"], "env": {"TOKEN": SECRET}}
HTTP = {"url": "https://example.org/mcp", "headers": {"Authorization": f"Bearer {SECRET}"}}
any_database = pytest.mark.any_database
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(api: FlaskClient) -> Make:
    """Make a server known, one that is started unless said otherwise."""

    def post(name: str = "files", **fields: Any) -> dict[str, Any]:
        body = {"display_name": name.title(), "mcp_server_name": name, "mcp_server_params": STDIO}
        answer = api.post(SERVERS, json={**body, **fields})
        assert answer.status_code == 200, answer.get_json()
        return dict(answer.get_json())

    return post


def opened(app: APIFlask, mcp_id: str) -> dict[str, Any]:
    """How a server is started or reached, with its secrets."""
    with app.app_context():
        params = profiles.mcp(mcp_id).mcp_server_params
    return dict(app.extensions[KEY].vault.open_settings({"p": params})["p"])


@any_database
@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"display_name": ""}, "display_name", "must not be empty"),
        ({"display_name": "a\tb"}, "display_name", "one line"),
        ({"mcp_server_name": "a b"}, "mcp_server_name", "is no name of a server"),
        ({"mcp_server_name": "a/b"}, "mcp_server_name", "is no name of a server"),
        ({"mcp_server_params": None}, "mcp_server_params", "valid dictionary"),
        ({"mcp_server_params": {}}, "mcp_server_params", "command: send either command"),
        ({"mcp_server_params": {"command": 5}}, "mcp_server_params", "command: must be text"),
        ({"mcp_server_params": {"url": "ftp://h/"}}, "mcp_server_params", "url: must begin with"),
        (
            {"mcp_server_params": {"command": "a", "env": {"TOKEN": "•••"}}},
            "mcp_server_params",
            "env.TOKEN: send the secret itself, not its mask",
        ),
        (
            {"mcp_server_params": {"command": "a", "env": {"T": {"$sealed": "gAAA"}}}},
            "mcp_server_params",
            "must hold no $sealed",
        ),
        ({"selected_tools": ["a"]}, "selected_tools", "valid dictionary"),
        ({"selected_tools": {"": True}}, "selected_tools", "must not be empty"),
        ({"startup_timeout_s": 0}, "startup_timeout_s", "above 0"),
        ({"call_timeout_s": 9999}, "call_timeout_s", "to 3600"),
        ({"is_required": "yes"}, "is_required", "valid boolean"),
        ({"colour": "red"}, "colour", "no such field"),
    ],
)
def test_a_server_that_cannot_be_used_is_refused_by_field(
    *, api: FlaskClient, rows: Rows, changes: dict[str, Any], field: str, reason: str
) -> None:
    body = {"display_name": "Files", "mcp_server_name": "files", "mcp_server_params": STDIO}

    answer = api.post(SERVERS, json={**body, **changes})

    assert answer.status_code == 400, answer.get_json()
    assert reason in answer.get_json()["fields"][field]
    assert rows.read(McpProfile.__table__.select()) == []


@any_database
def test_what_is_not_there_is_404(api: FlaskClient) -> None:
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/test")):
        answer = api.open(f"{SERVERS}/gone{path}", method=method, json={})
        assert (answer.status_code, answer.get_json()["error"]) == (404, "no_such_mcp_profile")


@any_database
def test_servers_are_changed_by_administrators_and_seen_by_all(
    app: APIFlask, api: FlaskClient, make: Make
) -> None:
    one = f"{SERVERS}/{make()['mcp_id']}"
    with app.app_context():
        owner = people.ensure_owner(clock.now())
        token = people.create_token(owner, "weak", "operate", by="tests", now=clock.now())
    weak = {"Authorization": f"Bearer {token}"}

    assert api.get(SERVERS, headers=weak).status_code == 200
    assert api.get(one, headers=weak).status_code == 200
    for call in (
        api.post(
            SERVERS,
            json={"display_name": "x", "mcp_server_name": "x", "mcp_server_params": STDIO},
            headers=weak,
        ),
        api.put(one, json={"is_active": False}, headers=weak),
        api.delete(one, headers=weak),
        api.post(f"{one}/test", headers=weak),
    ):
        assert call.status_code == 403


def test_both_names_are_a_servers_own(api: FlaskClient, make: Make) -> None:
    make("files")
    other = make("web")["mcp_id"]
    body = {"display_name": "Files", "mcp_server_name": "x", "mcp_server_params": STDIO}

    for field, call in (
        ("display_name", api.post(SERVERS, json=body)),
        ("mcp_server_name", api.put(f"{SERVERS}/{other}", json={"mcp_server_name": "files"})),
    ):
        assert (call.status_code, call.get_json()["error"]) == (400, "name_is_taken")
        assert list(call.get_json()["fields"]) == [field]
    assert api.put(f"{SERVERS}/{other}", json={"mcp_server_name": "web"}).status_code == 200


def test_a_list_is_a_bare_array_of_what_is_active(api: FlaskClient, make: Make) -> None:
    make("web", mcp_server_params=HTTP)
    make("files")
    make("off", is_active=False)

    def names(query: str) -> list[str]:
        return [row["mcp_server_name"] for row in api.get(SERVERS + query).get_json()]

    assert names("") == ["files", "web"]
    assert names("?active_only=false") == ["files", "off", "web"]


def test_secrets_are_shown_masked_and_a_mask_that_is_sent_back_leaves_them(
    app: APIFlask, api: FlaskClient, make: Make
) -> None:
    made = make(description="ours", selected_tools={"write_file": False})
    path = f"{SERVERS}/{made['mcp_id']}"
    assert made["mcp_server_params"] == {**STDIO, "env": {"TOKEN": "•••x4Qz"}}
    assert made["selected_tools"] == {"write_file": False}

    changed = {**made["mcp_server_params"], "args": ["other"]}
    shown = api.put(path, json={"mcp_server_params": changed, "selected_tools": None}).get_json()

    assert shown["mcp_server_params"]["args"] == ["other"]
    assert (shown["selected_tools"], shown["description"]) == (None, "ours")
    assert opened(app, made["mcp_id"])["env"] == {"TOKEN": SECRET}
    more = {"command": "npx", "env": {"TOKEN": "•••", "OTHER": "plain-to-see-1234"}}
    api.put(path, json={"mcp_server_params": more})
    assert opened(app, made["mcp_id"])["env"] == {"TOKEN": SECRET, "OTHER": "plain-to-see-1234"}
    api.put(path, json={"mcp_server_params": {"command": "npx"}})
    assert opened(app, made["mcp_id"]) == {"command": "npx"}


def test_the_secret_lies_nowhere_in_the_clear(
    app: APIFlask, api: FlaskClient, make: Make, rows: Rows, capfd: Any
) -> None:
    for name, params in (("files", STDIO), ("web", HTTP)):
        mcp_id = make(name, mcp_server_params=params)["mcp_id"]
        assert opened(app, mcp_id) == params
        assert SECRET not in api.get(f"{SERVERS}/{mcp_id}").get_data(as_text=True)

    assert SECRET not in api.get(SERVERS).get_data(as_text=True)
    for table in (McpProfile, AuditEntry):
        assert SECRET not in str(rows.read(table.__table__.select()))
    for file in app.extensions[KEY].settings.data.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file
    assert SECRET not in "".join(capfd.readouterr())


def test_a_server_is_deleted_and_its_names_are_free(api: FlaskClient, make: Make) -> None:
    path = f"{SERVERS}/{make()['mcp_id']}"

    assert "Files" in api.delete(path).get_json()["message"]
    assert api.get(path).status_code == 404
    make()


def test_a_timeout_among_the_parameters_is_that_of_its_calls(api: FlaskClient) -> None:
    names = {"display_name": "Slow", "mcp_server_name": "slow"}
    params = {"command": "true", "timeout": 7}

    made = api.post("/api/config/mcp-profiles", json={**names, "mcp_server_params": params})

    assert made.get_json()["call_timeout_s"] == 7.0
    assert made.get_json()["mcp_server_params"] == {"command": "true"}
