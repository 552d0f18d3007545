"""Secrets of flows: sealed like those of tasks, kept by edits, clones and runs, in no export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.api.test_secrets import MASKED, SECRET, TELL, stored_text
from webapp.db import db
from webapp.models import Flow

pytestmark = pytest.mark.any_database


@pytest.fixture
def flow(api: FlaskClient) -> dict[str, Any]:
    """A flow with a secret, as it was answered when it was made."""
    body = {"name": "nightly", "agent": "shell", "task_description": TELL}
    made = api.post("/api/flows", json={**body, "secret_env": {"TOKEN": SECRET}})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.get_json()
    return found


@pytest.fixture
def runs(api: FlaskClient, live: None, becomes: Any) -> Callable[[str], str]:
    """Run a flow to its end; returns the task's id."""

    def run(flow_id: str) -> str:
        task_id: str = api.post(f"/api/flows/{flow_id}/run", json={}).get_json()["task_id"]
        becomes(task_id, "completed")
        return task_id

    return run


def test_a_run_is_given_the_secret_and_nobody_else_is(
    api: FlaskClient, flow: dict[str, Any], runs: Callable[[str], str]
) -> None:
    assert flow["agent_settings"]["secret_env"] == MASKED
    task_id = runs(flow["flow_id"])

    assert SECRET not in stored_text(api)
    for path in ("flows", f"flows/{flow['flow_id']}", f"tasks/{task_id}", "tasks/export"):
        assert SECRET not in api.get(f"/api/{path}").text


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": 5},
        {"secret_env": MASKED},
        {"agent_settings": {"secret_env": {"TOKEN": "•••"}}},
    ],
)
def test_an_edit_keeps_the_secret_that_it_leaves_out_or_sends_back_masked(
    *, api: FlaskClient, flow: dict[str, Any], runs: Callable[[str], str], changes: dict[str, Any]
) -> None:
    changed = api.put(f"/api/flows/{flow['flow_id']}", json=changes)

    assert changed.status_code == 200, changed.text
    runs(flow["flow_id"])


def test_the_whole_flow_as_it_was_shown_may_be_sent_back(
    api: FlaskClient, flow: dict[str, Any], runs: Callable[[str], str]
) -> None:
    assert api.put(f"/api/flows/{flow['flow_id']}", json=flow).status_code == 200
    runs(flow["flow_id"])


def test_a_clone_and_a_flow_made_of_a_task_have_the_secret_too(
    api: FlaskClient, flow: dict[str, Any], runs: Callable[[str], str]
) -> None:
    clone = api.post(f"/api/flows/{flow['flow_id']}/clone", json={}).get_json()["flow_id"]
    task_id = runs(clone)

    made = api.post(f"/api/tasks/{task_id}/make-flow", json={"name": "of a task"})

    assert made.status_code == 201, made.text
    runs(made.get_json()["flow_id"])


def test_an_export_holds_no_secret_and_says_which_are_left_out(
    api: FlaskClient, flow: dict[str, Any]
) -> None:
    exported = api.get("/api/export").text

    assert "not in here: secret_env.TOKEN" in exported
    assert SECRET not in exported
    assert "$sealed" not in exported


def test_a_sealed_secret_out_of_a_copy_of_the_database_is_opened_for_nobody(
    api: FlaskClient, app: APIFlask, flow: dict[str, Any]
) -> None:
    with app.app_context():
        stored = db.session.execute(select(Flow.agent_settings)).scalar_one()
    stolen = stored["secret_env"]["TOKEN"]
    body = {"agent": "shell", "task_description": "true"}
    task_id = api.post("/api/tasks/submit", json=body).get_json()["task_id"]

    for method, path in (
        ("POST", "/api/tasks/submit"),
        ("POST", f"/api/tasks/{task_id}/rerun"),
        ("POST", f"/api/tasks/{task_id}/make-flow"),
        ("POST", "/api/flows"),
        ("PUT", f"/api/flows/{flow['flow_id']}"),
    ):
        given = {} if path.endswith("/rerun") else {"name": "Other", **body}
        if path.endswith("/submit"):
            del given["name"]
        for place in ("env", "secret_env"):
            answer = api.open(path, method=method, json={**given, place: {"TOKEN": stolen}})
            assert answer.status_code == 400, (path, place)
            assert place in answer.get_json()["fields"], path
