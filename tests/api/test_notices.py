"""Channels and the log of what was told, as scripts see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.conftest import NOON
from tests.flowing import Rows, rows
from tests.receiver import WORDS, Receiver, receiver
from webapp import clock
from webapp.courier import Courier
from webapp.db import transaction
from webapp.models import AuditEntry, Channel, Flow
from webapp.ports import KEY
from webapp.services import people
from webapp.services.notices import aftermath
from webapp.services.notices.aftermath import Missed

__all__ = ["receiver", "rows"]

CHANNELS = "/api/notifications/channels"
SECRET = "sesame-open-sesame"
any_database = pytest.mark.any_database


@pytest.fixture
def make(api: FlaskClient, receiver: Receiver) -> Callable[..., dict[str, Any]]:
    """Make a channel that leads to the receiver, with a secret in its address."""

    def post(name: str = "phone", **fields: Any) -> dict[str, Any]:
        body = {"name": name, "url": receiver.address(f"hook/{SECRET}"), **fields}
        answer = api.post(CHANNELS, json=body)
        assert answer.status_code == 201, answer.get_json()
        return dict(answer.get_json())

    return post


@any_database
@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"url": "json://h/x"}, "name", "Field required"),
        ({"name": "", "url": "json://h/x"}, "name", "empty"),
        ({"name": "a\nb", "url": "json://h/x"}, "name", "one line"),
        ({"name": "a"}, "url", "Field required"),
        ({"name": "a", "url": "somewhere"}, "url", "begins with the name of a service"),
        ({"name": "a", "url": "gopher://h/x"}, "url", "there is no service “gopher”"),
        ({"name": "a", "url": "file:///etc/passwd"}, "url", "there is no service “file”"),
        ({"name": "a", "url": "exec://ls"}, "url", "there is no service “exec”"),
        ({"name": "a", "url": "macosx://"}, "url", "run a program of the server's own machine"),
        ({"name": "a", "url": "dbus://"}, "url", "run a program of the server's own machine"),
        ({"name": "a", "url": "syslog://"}, "url", "run a program of the server's own machine"),
        ({"name": "a", "url": "http://127.0.0.1/x"}, "url", "begin it with json://"),
        ({"name": "a", "url": "tgram://x"}, "url", "Telegram"),
        ({"name": "a", "url": "json://h/" + "x" * 5000}, "url", "4,096"),
        ({"name": "a", "url": "json://h/x\u2028y"}, "url", "one line"),
        ({"name": "a", "url": "json://•••abcd"}, "url", "send all of it"),
        ({"name": "a", "url": "json://h/x", "failed_after": 0}, "failed_after", "from 1 to"),
        ({"name": "a", "url": "json://h/x", "missed": "yes"}, "missed", "boolean"),
        ({"name": "a", "url": "json://h/x", "colour": "red"}, "colour", "no such field"),
    ],
)
def test_a_channel_that_cannot_be_used_is_refused_by_field(
    api: FlaskClient, rows: Rows, body: dict[str, Any], field: str, reason: str
) -> None:
    answer = api.post(CHANNELS, json=body)

    assert answer.status_code == 400
    assert reason in answer.get_json()["fields"][field]
    assert rows.read(Channel.__table__.select()) == []


def test_two_channels_cannot_have_the_same_name(api: FlaskClient, make: Any) -> None:
    make("phone")
    other = make("mail")["channel_id"]

    taken = {"name": "phone", "url": "json://h/x"}
    assert api.post(CHANNELS, json=taken).status_code == 409
    assert api.put(f"{CHANNELS}/{other}", json={"name": "phone"}).status_code == 409
    assert api.put(f"{CHANNELS}/{other}", json={"name": "mail"}).status_code == 200


@any_database
def test_what_is_not_there_is_404(api: FlaskClient) -> None:
    for method, path in (
        ("GET", f"{CHANNELS}/9"),
        ("PUT", f"{CHANNELS}/9"),
        ("DELETE", f"{CHANNELS}/9"),
        ("POST", f"{CHANNELS}/9/test"),
        ("POST", "/api/notifications/9/send"),
    ):
        answer = api.open(path, method=method, json={})
        assert answer.status_code == 404, path
        assert answer.get_json()["error"] in ("no_such_channel", "no_such_notice")


@any_database
def test_channels_are_for_administrators(app: APIFlask, api: FlaskClient, make: Any) -> None:
    one = make()["channel_id"]
    with app.app_context():
        owner = people.ensure_owner(clock.now())
        token = people.create_token(owner, "weak", "operate", by="tests", now=clock.now())
    weak = {"Authorization": f"Bearer {token}"}

    assert api.get(CHANNELS, headers=weak).status_code == 200
    for call in (
        api.post(CHANNELS, json={"name": "x", "url": "json://h/x"}, headers=weak),
        api.put(f"{CHANNELS}/{one}", json={"name": "x"}, headers=weak),
        api.post(f"{CHANNELS}/{one}/test", headers=weak),
        api.delete(f"{CHANNELS}/{one}", headers=weak),
    ):
        assert call.status_code == 403


def test_an_edit_keeps_the_address_unless_another_is_sent(
    api: FlaskClient, make: Any, rows: Rows, receiver: Receiver
) -> None:
    made = make()
    sealed = rows.one(Channel).sealed
    path = f"{CHANNELS}/{made['channel_id']}"

    for body in ({"failed_after": 3}, {"url": ""}, {"url": made["address"]}, {"url": None}):
        assert api.put(path, json=body).status_code == 200
        assert rows.one(Channel).sealed == sealed
    assert api.get(path).get_json()["failed_after"] == 3
    assert api.get(path).get_json()["missed"] is True

    assert api.put(path, json={"url": receiver.address("other")}).status_code == 200
    assert rows.one(Channel).sealed != sealed


def test_the_test_button_says_what_the_service_says_and_how_long_it_took(
    app: APIFlask, api: FlaskClient, make: Any, receiver: Receiver
) -> None:
    path = f"{CHANNELS}/{make()['channel_id']}/test"

    told = api.post(path).get_json()
    assert told["success"] is True
    assert told["latency_ms"] >= 0
    assert receiver.titles == ["Lineup can reach you"]

    receiver.status = 403
    told = api.post(path).get_json()
    assert told["success"] is False
    assert WORDS in told["message"]
    assert SECRET not in told["message"]

    app.extensions[KEY].courier = Courier(patience_s=0.2)
    receiver.silent.set()
    assert api.post(path).get_json()["message"] == "no answer within 0.2 s"


def test_the_secret_is_shown_nowhere(
    app: APIFlask, api: FlaskClient, make: Any, rows: Rows, capfd: Any
) -> None:
    made = make()
    api.post(f"{CHANNELS}/{made['channel_id']}/test")

    assert made["address"].startswith("json://127.0.0.1:")
    assert SECRET not in api.get(CHANNELS).get_data(as_text=True)
    assert SECRET not in str(rows.read(Channel.__table__.select()))
    assert SECRET not in str(rows.read(AuditEntry.__table__.select()))
    for file in app.extensions[KEY].settings.data.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file
    assert SECRET not in "".join(capfd.readouterr())


def test_the_log_tells_what_was_told_page_by_page(
    app: APIFlask, api: FlaskClient, make: Any, rows: Rows
) -> None:
    one = make()["channel_id"]
    make("other", missed=False)
    for flow_id in ("a", "b", "c"):
        rows.flow(flow_id)
        with app.app_context():
            transaction(aftermath.missed)([Missed(flow_id, NOON, NOON)], NOON)

    first = api.get(f"/api/notifications?limit=2&channel_id={one}").get_json()
    assert [row["flow_id"] for row in first["notifications"]] == ["c", "b"]
    assert first["notifications"][0]["state"] == "pending"
    assert first["notifications"][0]["message"].startswith("“c” was due at ")
    page = f"/api/notifications?limit=2&channel_id={one}&cursor={first['next_cursor']}"
    assert [row["flow_id"] for row in api.get(page).get_json()["notifications"]] == ["a"]
    assert api.get(page).get_json()["next_cursor"] is None
    assert api.get("/api/notifications?state=sent").get_json()["notifications"] == []
    assert api.get("/api/notifications?cursor=1").status_code == 400


def test_switching_off_gives_up_what_waits_and_sending_again_is_refused_until_it_is_on(
    app: APIFlask, api: FlaskClient, make: Any, rows: Rows
) -> None:
    path = f"{CHANNELS}/{make()['channel_id']}"
    rows.flow("a")
    with app.app_context():
        transaction(aftermath.missed)([Missed("a", NOON, NOON)], NOON)

    api.put(path, json={"is_enabled": False})

    (row,) = api.get("/api/notifications").get_json()["notifications"]
    assert (row["state"], row["last_error"]) == (
        "failed",
        "The channel was switched off before it was sent.",
    )
    again = f"/api/notifications/{row['delivery_id']}/send"
    assert api.post(again).status_code == 409
    api.put(path, json={"is_enabled": True})
    assert api.post(again).status_code == 200
    assert api.get("/api/notifications").get_json()["notifications"][0]["state"] == "pending"


def test_rules_of_flows_follow_a_channel_that_is_renamed_or_deleted(
    api: FlaskClient, make: Any, rows: Rows
) -> None:
    path = f"{CHANNELS}/{make()['channel_id']}"
    rows.flow("a", notify={"channels": ["phone", "mail"], "missed": False})

    api.put(path, json={"name": "watch"})
    assert rows.one(Flow).notify == {"channels": ["mail", "watch"], "missed": False}

    assert api.delete(path).status_code == 200
    assert rows.one(Flow).notify == {"channels": ["mail"], "missed": False}
