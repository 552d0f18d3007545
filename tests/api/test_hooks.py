"""Web hooks: an address that runs one flow without a login, and does nothing else."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.api.conftest import NOBODY, Make
from webapp.db import db
from webapp.models import AuditEntry, Flow
from webapp.web import refusals

DECLARED = [{"name": "ref"}, {"name": "count", "type": "integer", "default": 1}]


def hook(api: FlaskClient, flow: dict[str, Any]) -> str:
    """The path of a fresh hook of this flow."""
    answer = api.post(f"/api/flows/{flow['flow_id']}/hook")
    assert answer.status_code == 200, answer.text
    url: str = answer.get_json()["url"]
    assert url.startswith("http://localhost/hooks/")
    return url.removeprefix("http://localhost")


def metadata(api: FlaskClient, task_id: str) -> Any:
    """Where a task says it came from."""
    return api.get(f"/api/tasks/{task_id}").get_json()["task_metadata"]


def test_an_unknown_hook_is_404_and_counted_until_there_were_too_many(
    api: FlaskClient, anonymous: FlaskClient, make: Make
) -> None:
    path = hook(api, make())

    answers = [anonymous.post(f"/hooks/{number}").status_code for number in range(12)]

    assert answers == [404] * 10 + [429] * 2
    assert anonymous.post(path).status_code == 200, "those who know the secret are not guessing"


def test_a_hook_takes_every_kind_of_json_and_says_so_to_a_form(
    api: FlaskClient, anonymous: FlaskClient, make: Make
) -> None:
    path = hook(api, make(parameters=DECLARED))

    form = anonymous.post(path, data={"ref": "main"})
    assert (form.status_code, "application/json" in form.get_json()["message"]) == (415, True)

    sent = anonymous.post(path, data='{"ref": "main"}', content_type="application/cloudevents+json")
    assert sent.status_code == 200, sent.text
    assert metadata(api, sent.get_json()["task_id"])["params"]["ref"] == "main"
    assert anonymous.post(path).status_code == 200, "nothing at all is no form either"


def test_a_revoked_hook_and_one_that_was_replaced_do_nothing_any_more(
    api: FlaskClient, anonymous: FlaskClient, make: Make
) -> None:
    flow = make()
    first, second = hook(api, flow), hook(api, flow)
    assert anonymous.post(first).status_code == 404

    revoked = api.delete(f"/api/flows/{flow['flow_id']}/hook")

    assert revoked.status_code == 200
    assert anonymous.post(second).status_code == 404
    assert api.delete(f"/api/flows/{flow['flow_id']}/hook").status_code == 409
    assert api.get("/api/tasks").get_json()["tasks"] == []


def test_the_secret_is_told_once_and_stored_nowhere(
    api: FlaskClient, make: Make, anonymous: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    flow = make()
    path = hook(api, flow)
    secret = path.rpartition("/")[2]
    anonymous.post(path)

    shown = api.get(f"/api/flows/{flow['flow_id']}").get_json()

    assert (shown["has_hook"], shown["hook_ending"]) == (True, secret[-4:])
    with api.application.app_context():
        rows = [*db.session.execute(select(Flow.__table__))]
        rows += [*db.session.execute(select(AuditEntry.__table__))]
    assert secret not in json.dumps(shown) + str(rows) + caplog.text


def test_a_crash_behind_a_hook_is_logged_without_the_secret(
    api: FlaskClient,
    make: Make,
    anonymous: FlaskClient,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = hook(api, make())
    monkeypatch.setitem(api.application.view_functions, "api_hooks.call", lambda **_: 1 / 0)
    logger = structlog.wrap_logger(structlog.PrintLogger())  # the one of before may be bound
    monkeypatch.setattr(refusals, "log", logger)  # to the standard error of an earlier test

    assert anonymous.post(path).status_code == 500

    said = capsys.readouterr()
    assert "/hooks/<secret>" in said.out + said.err
    assert path not in said.out + said.err


@pytest.mark.any_database
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("known", [True, False])
def test_a_hook_takes_nothing_but_post_and_does_not_say_whether_it_exists(
    api: FlaskClient, make: Make, anonymous: FlaskClient, method: str, known: bool
) -> None:
    path = hook(api, make()) if known else "/hooks/guessed"

    answer = anonymous.open(path, method=method)

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert api.get("/api/tasks").get_json()["tasks"] == []


@pytest.mark.any_database
@pytest.mark.parametrize("path", ["/", "/x/y", ""])
def test_there_is_nothing_else_behind_hooks(anonymous: FlaskClient, path: str) -> None:
    assert anonymous.post(f"/hooks{path}").status_code in (404, 401, 403)


@pytest.mark.any_database
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
)
def test_a_page_of_another_site_cannot_call_a_hook(
    api: FlaskClient, make: Make, anonymous: FlaskClient, headers: dict[str, str]
) -> None:
    answer = anonymous.post(hook(api, make()), headers=headers)

    assert (answer.status_code, answer.get_json()["error"]) == (403, "foreign_origin")


@pytest.mark.any_database
@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "text/plain"])
def test_a_body_that_a_form_could_send_is_refused(
    api: FlaskClient, make: Make, anonymous: FlaskClient, form: str
) -> None:
    answer = anonymous.post(hook(api, make()), data='{"ref": "x"}', content_type=form)

    assert answer.status_code == 415


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"[1]", 400),
        (b"{", 400),
        (b'{"count": "1"}', 400),
        (b'{"count": NaN}', 400),
        (b'{"ref": "\\u0000"}', 400),
        (b'{"ref": "\\ud800"}', 400),
        (b'{"ref": ' + b"[" * 100_000, 400),
        (b'{"x": "' + b"y" * 1024 * 1024 + b'"}', 413),
    ],
)
def test_a_body_that_cannot_be_used_is_refused_and_runs_nothing(
    api: FlaskClient, make: Make, anonymous: FlaskClient, sent: bytes, status: int
) -> None:
    path = hook(api, make(parameters=DECLARED))

    answer = anonymous.post(path, data=sent, content_type="application/json")

    assert answer.status_code == status, answer.text
    assert answer.get_json()["detail"]
    assert api.get("/api/tasks").get_json()["tasks"] == []


def test_a_hook_runs_its_flow_with_what_it_declares_and_leaves_the_rest(
    api: FlaskClient, make: Make, anonymous: FlaskClient
) -> None:
    path = hook(api, make(parameters=DECLARED))

    answers = [anonymous.post(path, json={"ref": "main", "sender": [1]}), anonymous.post(path)]

    assert [answer.status_code for answer in answers] == [200, 200]
    first, second = (answer.get_json() for answer in answers)
    assert first.keys() == {"success", "task_id", "status", "message"}
    assert metadata(api, first["task_id"])["params"] == {"ref": "main", "count": 1}
    assert metadata(api, second["task_id"])["params"] == {"count": 1}
    task = api.get(f"/api/tasks/{first['task_id']}").get_json()
    assert (task["submitted_by"], task["task_metadata"]["trigger"]) == ("hook", "hook")


def test_a_parameter_called_payload_takes_the_whole_body(
    api: FlaskClient, make: Make, anonymous: FlaskClient
) -> None:
    path = hook(api, make(parameters=[{"name": "payload", "type": "json"}]))
    body = {"action": "opened", "labels": ["a", {"b": None}]}

    task_id = anonymous.post(path, json=body).get_json()["task_id"]

    assert metadata(api, task_id)["params"] == {"payload": body}


def test_the_same_delivery_sent_twice_runs_once_for_its_flow(
    api: FlaskClient, make: Make, anonymous: FlaskClient
) -> None:
    path, other = hook(api, make()), hook(api, make(name="Other"))
    key = {"Idempotency-Key": "delivery-1"}

    first, again, others = (anonymous.post(to, headers=key) for to in (path, path, other))

    assert again.get_json() == first.get_json()
    assert others.get_json()["task_id"] != first.get_json()["task_id"]


def test_whoever_is_logged_in_and_whatever_token_is_sent_a_hook_is_a_hook(
    api: FlaskClient, make: Make, anonymous: FlaskClient
) -> None:
    path = hook(api, make())

    answers = [
        api.post(path),
        anonymous.post(path, headers={"Authorization": "Bearer theirs"}),
    ]

    for answer in answers:
        assert answer.status_code == 200
        task = api.get(f"/api/tasks/{answer.get_json()['task_id']}").get_json()
        assert task["submitted_by"] == "hook"


@pytest.mark.any_database
def test_only_who_may_operate_makes_hooks(
    api: FlaskClient, make: Make, anonymous: FlaskClient
) -> None:
    flow_id = make()["flow_id"]

    assert anonymous.post(f"/api/flows/{flow_id}/hook").status_code == 401
    assert api.post(f"/api/flows/{NOBODY}/hook").status_code == 404
    assert api.delete(f"/api/flows/{NOBODY}/hook").status_code == 404


def test_a_copy_and_a_deleted_flow_have_no_hook(
    api: FlaskClient, make: Make, anonymous: FlaskClient
) -> None:
    flow = make()
    path = hook(api, flow)

    copy = api.post(f"/api/flows/{flow['flow_id']}/clone").get_json()
    api.delete(f"/api/flows/{flow['flow_id']}")

    assert copy["has_hook"] is False
    assert anonymous.post(path).status_code == 404
