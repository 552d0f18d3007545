"""The freeze: nothing new begins, what runs goes on, and it outlasts everything but a thaw."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.conftest import Send, output
from tests.waiting import until
from webapp import clock
from webapp.runtime.context import Context
from webapp.services import claims


@pytest.mark.any_database
@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": 7}, {"reason": "x" * 2001}])
def test_a_freeze_needs_a_reason(api: FlaskClient, body: dict[str, Any]) -> None:
    answer = api.post("/api/freeze", json=body)

    assert answer.status_code == 400
    assert "reason" in answer.get_json()["fields"]
    assert api.get("/api/freeze").get_json()["frozen"] is False


def test_what_is_frozen_cannot_be_frozen_and_what_moves_cannot_be_thawed(api: FlaskClient) -> None:
    assert api.delete("/api/freeze").status_code == 409
    assert api.post("/api/freeze", json={"reason": "moving house"}).status_code == 200

    assert api.post("/api/freeze", json={"reason": "again"}).get_json()["error"] == "already_frozen"
    assert api.get("/api/freeze").get_json()["reason"] == "moving house"


def test_what_runs_goes_on_what_is_submitted_waits_and_says_so(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    riding = send("echo begun; read line; echo ended")
    until(lambda: "begun" in output(api, riding["task_id"]))
    api.post("/api/freeze", json={"reason": "moving house"})

    waiting = send("true")
    assert "frozen: moving house" in waiting["message"]
    api.post(f"/api/tasks/{riding['task_id']}/instructions", json={"instruction": "go on"})
    becomes(riding["task_id"], "completed")
    assert api.get(f"/api/tasks/{waiting['task_id']}").get_json()["status"] == "pending"
    page = api.get("/").text
    assert "moving house" in page
    assert "waits: frozen" in page

    api.delete("/api/freeze")

    becomes(waiting["task_id"], "completed")


def test_a_freeze_is_a_rule_of_the_database_and_not_of_a_process(
    api: FlaskClient, app: APIFlask, context: Context, send: Send
) -> None:
    api.post("/api/freeze", json={"reason": "moving house"})
    send("true")

    assert context.call(claims.claim_next, "main", "another process", clock.now()) is None

    api.delete("/api/freeze")
    assert context.call(claims.claim_next, "main", "another process", clock.now()) is not None


def test_a_poll_sees_the_freeze_come_and_go(api: FlaskClient) -> None:
    def version() -> str:
        page = api.get("/strip").text
        return page.partition('name="v" value="')[2].partition('"')[0]

    first = version()
    assert api.get("/strip", query_string={"v": first}).status_code == 204
    api.post("/api/freeze", json={"reason": "moving house"})

    assert "moving house" in api.get("/strip", query_string={"v": first}).text


def test_a_repeated_request_is_answered_as_before_whatever_was_frozen_since(
    api: FlaskClient,
) -> None:
    body = {"task_description": "true", "agent": "shell"}
    keyed = {"Idempotency-Key": "once"}
    first = api.post("/api/tasks/submit", json=body, headers=keyed).get_json()
    api.post("/api/freeze", json={"reason": "moving house"})

    assert api.post("/api/tasks/submit", json=body, headers=keyed).get_json() == first
