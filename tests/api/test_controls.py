"""Pause, resume, stop, run again and delete: over JSON, on real processes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.conftest import NOBODY, Send, output
from tests.waiting import until
from webapp import clock
from webapp.services import controls


@pytest.fixture
def running(api: FlaskClient, live: None, send: Send) -> dict[str, Any]:
    """A command that counts for ever, and has begun to."""
    task = send("i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done")
    until(lambda: output(api, task["task_id"]).count("\n") > 2)
    return task


@pytest.mark.parametrize("operation", ["pause", "resume", "stop"])
def test_with_nothing_to_act_on_the_answer_is_400(api: FlaskClient, operation: str) -> None:
    answer = api.post(f"/api/tasks/{operation}")

    assert answer.status_code == 400
    assert answer.get_json()["error"] == "no_active_task"


@pytest.mark.parametrize("operation", ["pause", "resume", "stop", "end-input"])
def test_an_unknown_task_is_404(api: FlaskClient, operation: str) -> None:
    assert api.post(f"/api/tasks/{NOBODY}/{operation}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/instructions"), ("get", "/instructions"), ("get", "/output"),
        ("get", "/output/raw"), ("post", "/rerun"), ("delete", ""), ("get", ""),
    ],
)  # fmt: skip
def test_everything_of_an_unknown_task_is_404_in_json(
    api: FlaskClient, method: str, path: str
) -> None:
    body = {"instruction": "x"} if path == "/instructions" and method == "post" else None
    answer = getattr(api, method)(f"/api/tasks/{NOBODY}{path}", **({"json": body} if body else {}))

    assert answer.status_code == 404
    assert answer.get_json()["error"] == "no_such_task"


@pytest.mark.parametrize("operation", ["pause", "resume", "stop", "end-input", "instructions"])
def test_a_control_of_a_finished_task_is_409(
    api: FlaskClient, live: None, send: Send, becomes: Any, operation: str
) -> None:
    task = send("true")
    becomes(task["task_id"], "completed")
    body = {"instruction": "too late"} if operation == "instructions" else {}

    answer = api.post(f"/api/tasks/{task['task_id']}/{operation}", json=body)

    assert answer.status_code == 409
    assert "completed" in answer.get_json()["detail"]


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("pause", {"reason": 7}, "reason"),
        ("stop", {"reason": "x" * 2001}, "reason"),
        ("stop", {"raeson": "x"}, "raeson"),
        ("instructions", {}, "instruction"),
        ("instructions", {"instruction": ""}, "instruction"),
        ("instructions", {"instruction": "x" * 100_001}, "instruction"),
    ],
)
def test_a_control_with_a_wrong_body_names_the_field(
    api: FlaskClient, send: Send, path: str, body: dict[str, Any], named: str
) -> None:
    task = send("true")

    answer = api.post(f"/api/tasks/{task['task_id']}/{path}", json=body)

    assert answer.status_code == 400
    assert named in answer.get_json()["fields"]


def test_an_unknown_lane_is_refused_by_name(api: FlaskClient) -> None:
    answer = api.get("/api/tasks/status?lane=nowhere")

    assert answer.status_code == 400
    assert "lane" in answer.get_json()["fields"]


def test_pausing_stops_the_counting_and_resuming_goes_on(
    api: FlaskClient, running: dict[str, Any]
) -> None:
    answer = api.post("/api/tasks/pause", json={"reason": "lunch"}).get_json()
    assert (answer["success"], answer["operation"], answer["control"]) == (True, "pause", None)
    status = api.get("/api/tasks/detailed-status").get_json()
    assert (status["status"], status["pause_reason"]) == ("paused", "lunch")
    counted = output(api, running["task_id"])
    again = api.post("/api/tasks/pause")
    assert (again.status_code, again.get_json()["error"]) == (409, "already_paused")
    assert output(api, running["task_id"]) == counted

    assert api.post("/api/tasks/resume").get_json()["control"] is None

    until(lambda: len(output(api, running["task_id"])) > len(counted))
    assert api.post("/api/tasks/resume").status_code == 409


def test_a_stop_ends_the_processes_and_keeps_the_reason(
    api: FlaskClient, running: dict[str, Any]
) -> None:
    answer = api.post(f"/api/tasks/{running['task_id']}/stop", json={"reason": "enough"})

    assert answer.get_json()["control"] is None
    task = api.get(f"/api/tasks/{running['task_id']}").get_json()
    assert (task["status"], task["stop_reason"], task["control"]) == ("stopped", "enough", None)
    assert api.get("/api/tasks/status").get_json() == {
        "has_active_task": False,
        "active_task": None,
    }


def test_a_paused_task_can_be_stopped(api: FlaskClient, running: dict[str, Any]) -> None:
    api.post("/api/tasks/pause")

    api.post("/api/tasks/stop")

    assert api.get(f"/api/tasks/{running['task_id']}").get_json()["status"] == "stopped"


def test_a_command_that_ignores_the_request_is_ended_by_force_after_the_grace(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send("trap '' TERM; echo deaf; while :; do sleep 0.05; done")
    until(lambda: "deaf" in output(api, task["task_id"]))

    api.post("/api/tasks/stop")

    becomes(task["task_id"], "stopped")


def test_a_waiting_task_is_cancelled_at_once(api: FlaskClient, send: Send) -> None:
    task = send("true")

    answer = api.post(f"/api/tasks/{task['task_id']}/stop").get_json()

    assert (answer["success"], answer["control"]) == (True, None)
    assert answer["message"] == "The task was stopped before it began."
    assert api.get(f"/api/tasks/{task['task_id']}").get_json()["status"] == "stopped"


def test_a_task_that_waits_for_its_next_attempt_is_stopped_in_true_words(
    api: FlaskClient, live: None, send: Send
) -> None:
    task_id = send("exit 1", max_retries=1, retry_delay_s=3600.0)["task_id"]
    path = f"/api/tasks/{task_id}"
    until(lambda: {"status": "pending", "attempt": 1}.items() <= api.get(path).get_json().items())

    answer = api.post(f"{path}/stop").get_json()

    assert answer["message"] == "The task was stopped before its next attempt began."
    assert api.get(path).get_json()["status"] == "stopped"


def test_a_second_stop_adds_its_reason(
    app: APIFlask, api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send("trap '' TERM; echo deaf; while :; do sleep 0.05; done")
    until(lambda: "deaf" in output(api, task["task_id"]))
    with app.app_context():
        controls.stop(task["task_id"], by="ann", reason=None, now=clock.now())

    api.post(f"/api/tasks/{task['task_id']}/stop", json={"reason": "because of X"})

    assert becomes(task["task_id"], "stopped").stop_reason == "because of X"


def test_running_again_keeps_every_limit(api: FlaskClient, send: Send) -> None:
    limits = {"timeout_s": 60.0, "silence_timeout_s": 30.0, "max_retries": 2}
    first = send("true", waiting_timeout_s=90, **limits)

    again = api.post(f"/api/tasks/{first['task_id']}/rerun", json={"when_busy": "queue"}).get_json()

    shown = api.get(f"/api/tasks/{again['task_id']}").get_json()
    assert {name: shown[name] for name in limits} == limits
    waits = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(
        shown["created_at"]
    )
    assert waits.total_seconds() == pytest.approx(90)


def test_a_failed_command_is_failed_with_its_last_lines(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send("echo the reason; exit 3")
    becomes(task["task_id"], "failed")

    shown = api.get(f"/api/tasks/{task['task_id']}").get_json()
    assert "3" in shown["error_message"]
    assert "the reason" in shown["error_message"]


def test_only_a_finished_task_can_be_deleted(
    api: FlaskClient, running: dict[str, Any], settings: Any
) -> None:
    path = f"/api/tasks/{running['task_id']}"
    refused = api.delete(path)
    assert (refused.status_code, refused.get_json()["error"]) == (409, "not_final")
    api.post(f"{path}/stop")

    assert api.delete(path).get_json().keys() == {"message"}

    assert api.get(path).status_code == 404
    assert not (settings.data / "output" / running["task_id"]).exists()
    assert api.get("/api/status").get_json()["counts"]["stopped"] == 0


def test_running_again_makes_a_new_task_with_what_is_changed(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    first = send("echo one", priority=3, env={"A": "b"})
    becomes(first["task_id"], "completed")
    path = f"/api/tasks/{first['task_id']}/rerun"
    assert api.post(path, json={"priority": "high"}).status_code == 400

    second = api.post(path, json={"task_description": "echo two $A"}).get_json()
    becomes(second["task_id"], "completed")

    assert second["task_id"] != first["task_id"]
    assert second["session_id"] == first["session_id"]
    assert output(api, second["task_id"]) == "two b\n"
    shown = api.get(f"/api/tasks/{second['task_id']}").get_json()
    assert (shown["priority"], shown["rerun_of"]) == (3, first["task_id"])


def test_the_status_calls_have_the_shapes_clients_know(
    api: FlaskClient, running: dict[str, Any]
) -> None:
    status = api.get("/api/tasks/status").get_json()
    assert status["has_active_task"] is True
    active = status["active_task"]
    assert set(active) == {
        "task_id", "status", "session_id", "task", "llm_profile_name", "workspace_dir",
        "upload_files", "active_mcp_servers", "start_time", "end_time", "agent_id", "control",
    }  # fmt: skip
    assert active["agent_id"] == active["task_id"] == running["task_id"]
    assert (active["upload_files"], active["active_mcp_servers"]) == ([], [])

    detailed = api.get("/api/tasks/detailed-status").get_json()
    assert set(detailed) == {
        "has_active_task", "task_id", "status", "session_id", "task", "start_time", "end_time",
        "result", "error", "pause_reason", "stop_reason", "control", "agent_status",
        "vibesurf_status",
    }  # fmt: skip
    agent = detailed["agent_status"]
    assert agent == detailed["vibesurf_status"]
    assert set(agent) == {
        "overall_status", "active_step", "agent_statuses", "progress", "last_update",
    }  # fmt: skip
    assert set(agent["agent_statuses"][running["task_id"]]) == {
        "agent_id", "status", "current_action", "last_update", "error_message", "pause_reason",
    }  # fmt: skip

    api.post("/api/tasks/stop")
    idle = api.get("/api/tasks/detailed-status").get_json()
    assert set(idle) == {"has_active_task", "message"}


def test_marked_lines_become_progress_steps_and_result(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send(
        "echo '::lineup progress 2/4 upload'; echo '::lineup result all is well'; read wait"
    )
    path = f"/api/tasks/{task['task_id']}"
    until(lambda: api.get(path).get_json()["progress"])
    progress = api.get(path).get_json()["progress"]
    assert (progress["step"], progress["steps"], progress["message"]) == (2, 4, "upload")

    api.post(f"{path}/end-input")
    ended = becomes(task["task_id"], "failed")

    assert ended.task_result == "all is well"
