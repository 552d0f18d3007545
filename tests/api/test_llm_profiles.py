"""LLM profiles, as scripts see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.agents.serving import Server, answer
from tests.agents.test_llm_models import chat
from tests.flowing import Rows, rows
from webapp import clock
from webapp.models import AuditEntry, LlmProfile
from webapp.ports import KEY
from webapp.queries import profiles
from webapp.services import people

__all__ = ["rows"]

PROFILES = "/api/config/llm-profiles"
SECRET = "sk-swordfish-x4Qz"
OFFLINE = {"provider": "offline", "model": "demo"}
HOSTED = {"provider": "openai", "model": "gpt-5", "api_key": SECRET}
any_database = pytest.mark.any_database
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider of this machine."""
    with Server() as made:
        made.on("/v1/chat/completions", answer(body=chat(), content_type="application/json"))
        yield made


@pytest.fixture
def make(api: FlaskClient) -> Make:
    """Make a profile, of the offline provider unless said otherwise."""

    def post(name: str = "one", **fields: Any) -> dict[str, Any]:
        answer = api.post(PROFILES, json={"profile_name": name, **OFFLINE, **fields})
        assert answer.status_code == 200, answer.get_json()
        return dict(answer.get_json())

    return post


@any_database
@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"profile_name": None}, "profile_name", "valid string"),
        ({"profile_name": " "}, "profile_name", "must not be empty"),
        ({"profile_name": "a/b"}, "profile_name", "slash"),
        ({"profile_name": ".."}, "profile_name", "stands in addresses"),
        ({"profile_name": "a\nb"}, "profile_name", "one line"),
        ({"profile_name": "x" * 101}, "profile_name", "at most 100"),
        ({"provider": "nobody"}, "provider", "there is no provider 'nobody'; there is openai"),
        ({"model": ""}, "model", "must not be empty"),
        ({"model": "x" * 201}, "model", "at most 200"),
        ({"base_url": "http://127.0.0.1/"}, "base_url", "must be left out: offline is nowhere"),
        ({**HOSTED, "base_url": "ftp://h/"}, "base_url", "http:// or https://"),
        ({**HOSTED, "base_url": "http://u:p@h/"}, "base_url", "no user or password"),
        ({**HOSTED, "base_url": "http://h/?a=b"}, "base_url", "nothing behind ?"),
        ({**HOSTED, "base_url": "http://h/v1/chat/completions"}, "base_url", "leave out /chat"),
        ({"provider": "openai_compatible"}, "base_url", "must be given"),
        ({"provider": "azure_openai", "api_key": "x"}, "base_url", "must be given"),
        ({**HOSTED, "api_key": "•••x4Qz"}, "api_key", "send the key itself, not its mask"),
        ({**HOSTED, "api_key": "two words"}, "api_key", "one word of plain ASCII"),
        ({"temperature": 2.5}, "temperature", "a number from 0 to 2"),
        ({"temperature": True}, "temperature", "valid number"),
        ({"max_tokens": 0}, "max_tokens", "whole number from 1"),
        ({"top_p": -0.1}, "top_p", "a number from 0 to 1"),
        ({"frequency_penalty": 3}, "frequency_penalty", "a number from -2 to 2"),
        ({"seed": 2**70}, "seed", "whole number"),
        ({"provider_config": []}, "provider_config", "valid dictionary"),
        ({"provider_config": {"a": {"api_key": "x"}}}, "provider_config", "looks like a secret"),
        ({"provider_config": {"a": "x" * 20_000}}, "provider_config", "at most 20,000 bytes"),
        ({"provider_config": {"a": "\ud800"}}, "provider_config", "valid Unicode"),
        ({"provider_config": {"a": "\0"}}, "provider_config", "NUL"),
        ({"provider_config": {"a": [[[[[[[[[[[1]]]]]]]]]]]}}, "provider_config", "10 levels"),
        ({"run_requests": 2**40}, "run_requests", "whole number from 1 to"),
        ({"request_timeout_s": 0}, "request_timeout_s", "above 0"),
        ({"run_requests": 0}, "run_requests", "whole number from 1"),
        ({"run_cost": 0}, "run_cost", "above 0"),
        ({"input_price": -1, "output_price": 1}, "input_price", "a number from 0"),
        ({"input_price": 1}, "output_price", "must be given, too"),
        (
            {**HOSTED, "model": "no-such-model-of-theirs", "run_cost": 1},
            "run_cost",
            "nobody knows what this model costs",
        ),
        ({"colour": "red"}, "colour", "no such field"),
    ],
)
def test_a_profile_that_cannot_be_used_is_refused_by_field(
    *, api: FlaskClient, rows: Rows, changes: dict[str, Any], field: str, reason: str
) -> None:
    answer = api.post(PROFILES, json={"profile_name": "one", **OFFLINE, **changes})

    assert answer.status_code == 400, answer.get_json()
    assert reason in answer.get_json()["fields"][field]
    assert SECRET not in answer.get_data(as_text=True)
    assert rows.read(LlmProfile.__table__.select()) == []


@any_database
def test_a_provider_whose_extra_is_not_installed_is_refused_when_it_is_saved(
    api: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.agents.llm.models.find_spec", lambda _name: None)
    make("one")

    for call in (
        api.post(PROFILES, json={"profile_name": "aws", "provider": "aws_bedrock", "model": "m"}),
        api.put(f"{PROFILES}/one", json={"provider": "aws_bedrock"}),
    ):
        assert call.status_code == 400
        assert "lineup-control[bedrock]" in call.get_json()["fields"]["provider"]


@any_database
def test_what_is_not_there_is_404(api: FlaskClient) -> None:
    for method, path in (
        ("GET", "/gone"),
        ("PUT", "/gone"),
        ("DELETE", "/gone"),
        ("POST", "/gone/test"),
        ("POST", "/gone/set-default"),
        ("GET", "/default/current"),
    ):
        answer = api.open(PROFILES + path, method=method, json={})
        assert answer.status_code == 404, path
        assert answer.get_json()["error"] in ("no_such_profile", "no_default_profile")


@any_database
def test_profiles_are_changed_by_administrators_and_seen_by_all(
    app: APIFlask, api: FlaskClient, make: Make
) -> None:
    make("one")
    with app.app_context():
        owner = people.ensure_owner(clock.now())
        token = people.create_token(owner, "weak", "operate", by="tests", now=clock.now())
    weak = {"Authorization": f"Bearer {token}"}

    for path in ("", "/one", "/default/current"):
        assert api.get(PROFILES + path, headers=weak).status_code == 200
    for call in (
        api.post(PROFILES, json={"profile_name": "two", **OFFLINE}, headers=weak),
        api.put(f"{PROFILES}/one", json={"model": "x"}, headers=weak),
        api.delete(f"{PROFILES}/one", headers=weak),
        api.post(f"{PROFILES}/one/set-default", headers=weak),
        api.post(f"{PROFILES}/one/test", headers=weak),
    ):
        assert call.status_code == 403


def test_a_second_profile_of_a_name_is_refused(api: FlaskClient, make: Make) -> None:
    make("one")

    answer = api.post(PROFILES, json={"profile_name": "one", **OFFLINE})

    assert (answer.status_code, answer.get_json()["error"]) == (400, "name_is_taken")
    assert "profile_name" in answer.get_json()["fields"]


def test_a_profile_keeps_its_name(api: FlaskClient, make: Make) -> None:
    make("one")

    assert api.put(f"{PROFILES}/one", json={"profile_name": "two"}).status_code == 400
    assert api.put(f"{PROFILES}/one", json={"profile_name": "one"}).status_code == 200


def test_the_default_is_neither_deleted_nor_switched_off(api: FlaskClient, make: Make) -> None:
    make("one")
    make("off", is_active=False)

    assert api.delete(f"{PROFILES}/one").get_json()["error"] == "default_not_deleted"
    assert api.delete(f"{PROFILES}/one").status_code == 400
    switched = api.put(f"{PROFILES}/one", json={"is_active": False})
    assert (switched.status_code, switched.get_json()["error"]) == (400, "default_stays")
    refused = api.post(f"{PROFILES}/off/set-default")
    assert (refused.status_code, refused.get_json()["error"]) == (400, "inactive_not_default")


def test_the_first_is_the_default_until_another_is(api: FlaskClient, make: Make) -> None:
    assert make("one")["is_default"] is True
    assert make("two")["is_default"] is False

    assert "two" in api.post(f"{PROFILES}/two/set-default").get_json()["message"]
    assert api.get(f"{PROFILES}/default/current").get_json()["profile_name"] == "two"
    api.put(f"{PROFILES}/one", json={"is_default": True})
    assert api.get(f"{PROFILES}/default/current").get_json()["profile_name"] == "one"
    assert api.delete(f"{PROFILES}/two").status_code == 200
    assert [row["profile_name"] for row in api.get(PROFILES).get_json()] == ["one"]


def test_a_list_is_a_bare_array_of_what_is_active(api: FlaskClient, make: Make) -> None:
    for name in ("c", "a", "b"):
        make(name)
    make("off", is_active=False)

    def names(query: str) -> list[str]:
        return [row["profile_name"] for row in api.get(PROFILES + query).get_json()]

    assert names("") == ["a", "b", "c"]
    assert names("?active_only=false") == ["a", "b", "c", "off"]
    assert names("?limit=2&offset=1") == ["b", "c"]
    assert api.get(f"{PROFILES}?limit=0").status_code == 400


def test_an_edit_changes_what_is_sent_and_keeps_the_key(
    app: APIFlask, api: FlaskClient, make: Make, rows: Rows
) -> None:
    made = make("one", **HOSTED, temperature=0.5, description="ours")
    assert (made["has_api_key"], made["api_key_ending"]) == (True, "x4Qz")
    path = f"{PROFILES}/one"
    sealed = rows.one(LlmProfile).api_key

    for body in ({"top_p": 0.5}, {"api_key": ""}, {"api_key": None}, {"api_key": "•••x4Qz"}):
        assert api.put(path, json=body).status_code == 200
        assert rows.one(LlmProfile).api_key == sealed
    shown = api.put(path, json={"temperature": None, "run_cost": 2.5}).get_json()

    assert (shown["temperature"], shown["top_p"], shown["description"]) == (None, 0.5, "ours")
    assert shown["run_cost"] == 2.5
    api.put(path, json={"api_key": "sk-another-key-AbCd"})
    with app.app_context():
        key = app.extensions[KEY].vault.open_settings({"k": profiles.llm("one").api_key})["k"]
    assert key == "sk-another-key-AbCd"


def test_an_edit_must_fit_what_stays(api: FlaskClient, make: Make) -> None:
    make("one")

    moved = api.put(f"{PROFILES}/one", json={"provider": "openai_compatible"})
    assert "base_url" in moved.get_json()["fields"]
    limited = {"provider": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "run_cost": 1}
    assert "run_cost" in api.put(f"{PROFILES}/one", json=limited).get_json()["fields"]
    priced = {**limited, "input_price": 1, "output_price": 2}
    assert api.put(f"{PROFILES}/one", json=priced).status_code == 200


def test_the_key_is_shown_nowhere(
    app: APIFlask, api: FlaskClient, make: Make, rows: Rows, capfd: Any
) -> None:
    make("one", **HOSTED, base_url="http://127.0.0.1:9/v1")
    api.post(f"{PROFILES}/one/test")

    for path in ("", "/one", "/default/current"):
        assert SECRET not in api.get(PROFILES + path).get_data(as_text=True)
    for table in (LlmProfile, AuditEntry):
        assert SECRET not in str(rows.read(table.__table__.select()))
    for file in app.extensions[KEY].settings.data.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file
    assert SECRET not in "".join(capfd.readouterr())


@any_database
def test_the_test_says_what_the_provider_says_and_how_long_it_took(
    api: FlaskClient, make: Make, server: Server
) -> None:
    local = {"provider": "openai_compatible", "base_url": f"{server.url}/v1", "api_key": SECRET}
    make("one", **local)

    told = api.post(f"{PROFILES}/one/test").get_json()
    assert (told["success"], told["latency_ms"] >= 0) == (True, True)
    assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"

    refusal = f'{{"error": {{"message": "bad key {SECRET}", "code": "invalid_api_key"}}}}'
    server.on("/v1/chat/completions", answer("401 Unauthorized", refusal))
    told = api.post(f"{PROFILES}/one/test").get_json()
    assert told["success"] is False
    assert "invalid_api_key" in told["message"]
    assert SECRET not in told["message"]


@any_database
def test_a_key_that_cannot_be_opened_any_more_is_said_so(
    api: FlaskClient, make: Make, rows: Rows
) -> None:
    make("one", **HOSTED)
    lost = {"$sealed": "gAAAAA", "ending": "x4Qz"}
    rows.write(update(LlmProfile.__table__).values(api_key=lost))

    answer = api.post(f"{PROFILES}/one/test")

    assert (answer.status_code, answer.get_json()["error"]) == (409, "secret_lost_in")
    assert api.get(f"{PROFILES}/one").status_code == 200
