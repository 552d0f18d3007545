"""A request as a task: submitted by JSON, steered, run again; its secrets are shown nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.agents.serving import Server, answer
from tests.waiting import until

pytestmark = pytest.mark.any_database
KEY = "sk-1234567890-x4Qz"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        yield made


@pytest.fixture
def ask(api: FlaskClient) -> Callable[..., str]:
    """Submit a request, queued; returns the task's id."""

    def submit(url: str, **settings: Any) -> str:
        body = {"agent": "http", "task_description": "Ask it", "when_busy": "queue", "url": url}
        sent = api.post("/api/tasks/submit", json={**body, **settings})
        assert sent.status_code == 200, sent.text
        return str(sent.get_json()["task_id"])

    return submit


def test_an_answer_is_the_tasks_result(
    live: None, server: Server, ask: Callable[..., str], becomes: Any
) -> None:
    task_id = ask(server.on("/", answer(body='{"a":1}', Content_Type="application/json")))

    assert becomes(task_id, "completed").task_result == '{\n  "a": 1\n}'


def test_a_secret_header_reaches_the_server_again_and_again_and_is_shown_nowhere(
    *, live: None, api: FlaskClient, server: Server, ask: Callable[..., str], becomes: Any
) -> None:
    url = server.on("/", answer("500 Oops", f"your key {KEY} is wrong"))
    task_id = ask(url, secret_headers={"X-Api-Key": KEY}, request_retries=1,
                  request_retry_delay_s=0)  # fmt: skip
    failed = becomes(task_id, "failed")
    again = api.post(
        f"/api/tasks/{task_id}/rerun", json={"secret_headers": {"X-Api-Key": "•••x4Qz"}}
    )
    becomes(again.get_json()["task_id"], "failed")

    assert "your key ••• is wrong" in failed.error_message
    assert [asked.headers["x-api-key"] for asked in server.asked] == [KEY] * 4
    shown = api.get(f"/api/tasks/{task_id}").get_json()["agent_settings"]
    assert shown["secret_headers"] == {"X-Api-Key": "•••x4Qz"}
    session = failed.session_id
    for path in (f"tasks/{task_id}", f"tasks/{task_id}/output", "tasks/export",
                 f"activity/sessions/{session}/activity", f"activity/{task_id}"):  # fmt: skip
        assert KEY not in api.get(f"/api/{path}").text


def test_a_stop_during_a_slow_answer_ends_the_task(
    live: None, api: FlaskClient, server: Server, ask: Callable[..., str], becomes: Any
) -> None:
    task_id = ask(server.on("/", server.trickle))
    until(lambda: "begun" in api.get(f"/api/tasks/{task_id}/output").get_json()["data"])

    stopped = api.post(f"/api/tasks/{task_id}/stop", json={})

    assert stopped.status_code == 200
    assert becomes(task_id, "stopped").error_message is None


def test_what_a_request_cannot_do_is_refused_with_the_reason(
    live: None, api: FlaskClient, server: Server, ask: Callable[..., str], becomes: Any
) -> None:
    task_id = ask(server.on("/", server.silent), request_retries=0)
    becomes(task_id, "running")

    paused = api.post(f"/api/tasks/{task_id}/pause", json={})
    told = api.post(f"/api/tasks/{task_id}/instructions", json={"instruction": "hurry"})

    assert (paused.status_code, told.status_code) == (409, 409)
    assert "cannot be paused" in paused.get_json()["detail"]
    assert "no further instructions" in told.get_json()["detail"]
    api.post(f"/api/tasks/{task_id}/stop", json={})
    becomes(task_id, "stopped")


def test_a_run_longer_than_its_limit_is_cancelled_and_failed(
    live: None, server: Server, ask: Callable[..., str], becomes: Any
) -> None:
    task_id = ask(server.on("/", server.silent), timeout_s=0.2)

    assert becomes(task_id, "failed").error_code == "timed_out"
