"""Many tasks in one call: what is refused, what is done, and that each is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.conftest import NOBODY
from tests.web.conftest import as_bearer, make_token
from webapp import clock
from webapp.db import db
from webapp.doors import bulk
from webapp.models import AuditEntry
from webapp.runtime.context import Context
from webapp.services import claims
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
BULK = "/api/tasks/bulk"


def act(api: FlaskClient, operation: str, *task_ids: str, **more: Any) -> Any:
    """Ask for it, and answer what was answered."""
    named = {"task_ids": list(task_ids)} if task_ids else {}
    return api.post(BULK, json={"operation": operation, **named, **more})


@pytest.fixture
def stopped(submit: Submit, api: FlaskClient) -> Callable[..., str]:
    """A task that was stopped while it waited."""

    def make(task_description: str = "over", **fields: Any) -> str:
        task_id = submit(task_description, **fields).task_id
        assert api.post(f"/api/tasks/{task_id}/stop", json={}).status_code == 200
        return task_id

    return make


def test_nobody_and_whoever_may_only_read_are_refused(app: APIFlask, submit: Submit) -> None:
    body = {"operation": "stop", "task_ids": [submit().task_id]}
    assert app.test_client().post(BULK, json=body).status_code == 401
    reader = as_bearer(app, make_token(app, "read"))
    assert reader.post(BULK, json=body).status_code == 403
    foreign = {"Origin": "https://evil.example"}
    writer = as_bearer(app, make_token(app, "operate"))
    assert writer.post(BULK, json=body, headers=foreign).status_code == 403
    assert writer.get("/api/status").json["counts"]["pending"] == 1
    assert writer.post(BULK, data=json.dumps(body)).status_code == 415


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"operation": "explode", "task_ids": ["x"]}, "operation"),
        ({"task_ids": ["x"]}, "operation"),
        ({"operation": "stop"}, "body"),
        ({"operation": "stop", "task_ids": []}, "task_ids"),
        ({"operation": "stop", "task_ids": [7]}, "task_ids"),
        ({"operation": "stop", "task_ids": ["x"] * 1001}, "task_ids"),
        ({"operation": "stop", "task_ids": ["x"], "filter": {"lane": "main"}}, "body"),
        ({"operation": "stop", "filter": {}}, "filter"),
        ({"operation": "stop", "filter": {"status": ["asleep"]}}, "filter.status"),
        ({"operation": "stop", "filter": {"colour": "red"}}, "filter.colour"),
        ({"operation": "stop", "task_ids": ["x"], "reason": "\0"}, "reason"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_done(
    api: FlaskClient, submit: Submit, body: dict[str, Any], field: str
) -> None:
    submit()
    answer = api.post(BULK, json=body)
    assert answer.status_code == 400, answer.text
    assert field in answer.json["fields"]
    assert api.get("/api/status").json["counts"]["pending"] == 1


def test_if_all_are_refused_the_answer_is_a_refusal_that_says_why_of_each(
    api: FlaskClient, submit: Submit
) -> None:
    waiting = submit().task_id
    answer = act(api, "delete", waiting, NOBODY)
    assert answer.status_code == 409
    assert answer.json["error"] == "nothing_done"
    fates = {fate["task_id"]: fate["code"] for fate in answer.json["results"]}
    assert fates == {waiting: "not_final", NOBODY: "no_such_task"}


@pytest.mark.both_databases
def test_what_is_refused_does_not_hold_up_the_rest(
    api: FlaskClient, submit: Submit, stopped: Callable[..., str]
) -> None:
    over, waiting = stopped(), submit().task_id
    answer = act(api, "delete", over, waiting, over)
    assert answer.status_code == 200
    body = answer.json
    assert (body["success"], body["done"], body["refused"], body["left"]) == (False, 1, 1, 0)
    assert [fate["done"] for fate in body["results"]] == [True, False]
    assert "Stop it first" in body["results"][1]["message"]
    assert api.get(f"/api/tasks/{over}").status_code == 404
    assert api.get(f"/api/tasks/{waiting}").status_code == 200


@pytest.mark.both_databases
def test_waiting_tasks_are_stopped_before_the_active_one_makes_room_for_them(
    api: FlaskClient, submit: Submit, context: Context
) -> None:
    active = submit().task_id
    context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
    waiting = [submit().task_id for _ in range(3)]
    body = act(api, "stop", active, *waiting, reason="enough").json
    assert [fate["task_id"] for fate in body["results"]] == [*waiting, active]
    assert [fate["code"] for fate in body["results"]] == ["cancelled"] * 3 + ["stop_taken"]
    assert api.get(f"/api/tasks/{waiting[0]}").json["stop_reason"] == "enough"
    assert api.get(f"/api/tasks/{active}").json["control"] == "stopping"


@pytest.mark.both_databases
def test_running_again_keeps_the_order_and_is_done_once_for_a_key(
    api: FlaskClient, stopped: Callable[..., str]
) -> None:
    first, second = stopped("first"), stopped("second")
    key = {"Idempotency-Key": "once"}
    body = {"operation": "rerun", "task_ids": [second, first]}
    answer, repeated = (api.post(BULK, json=body, headers=key).json for _ in range(2))
    assert answer == repeated
    new = [fate["new_task_id"] for fate in answer["results"]]
    pending = api.get("/api/tasks?status=pending").json["tasks"]
    assert [task["task_id"] for task in pending] == new[::-1]
    assert [task["rerun_of"] for task in pending] == [second, first]


@pytest.mark.both_databases
def test_a_filter_says_which_and_only_those(
    api: FlaskClient, submit: Submit, stopped: Callable[..., str]
) -> None:
    stopped("needle one")
    stopped("hay")
    kept = submit("needle two").task_id
    body = act(api, "delete", filter={"status": ["stopped"], "q": "NEEDLE"}).json
    assert (body["done"], body["refused"], body["more"]) == (1, 0, False)
    left = {task["task_description"] for task in api.get("/api/tasks").json["tasks"]}
    assert left == {"hay", "needle two"}
    assert act(api, "delete", filter={"q": "nothing"}).json["done"] == 0
    assert api.get(f"/api/tasks/{kept}").status_code == 200


def test_one_call_ends_in_time_and_says_what_is_left(
    app: APIFlask, stopped: Callable[..., str]
) -> None:
    one, two = stopped(), stopped()
    with app.app_context():
        result = bulk.act("delete", [one, two], by="tester", patience_s=0.0)
    assert [fate.task_id for fate in result.done] == [one]
    assert result.left == (two,)


def test_the_audit_log_has_the_call_and_each_task(
    app: APIFlask, api: FlaskClient, stopped: Callable[..., str]
) -> None:
    one, two = stopped(), stopped()
    act(api, "delete", one, two)
    log = AuditEntry.__table__
    with app.app_context():
        rows = db.session.execute(log.select().order_by(log.c.id)).all()[-3:]
    assert [(row.action, row.target) for row in rows] == [
        ("delete_many", None),
        ("delete", one),
        ("delete", two),
    ]
    assert rows[0].detail == {"tasks": 2}


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"task_ids": ["\ud800"]}, "task_ids"),
        ({"filter": {"session_id": "\udfff"}}, "filter.session_id"),
        ({"filter": {"q": "a\ud800"}}, "filter.q"),
    ],
)
def test_text_that_is_no_unicode_is_refused_by_field(
    api: FlaskClient, chosen: dict[str, Any], field: str
) -> None:
    answer = act(api, "stop", **chosen)

    assert answer.status_code == 400
    assert list(answer.get_json()["fields"]) == [field]
