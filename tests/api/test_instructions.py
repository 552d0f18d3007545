"""Instructions and the end of the input: over JSON, with their receipts."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import Send, output
from tests.waiting import until


def test_an_instruction_with_no_active_task_is_400(api: FlaskClient) -> None:
    answer = api.post("/api/tasks/add-new-task", json={"reason": "hurry"})

    assert answer.status_code == 400
    assert answer.get_json()["error"] == "no_active_task"


def test_an_instruction_reaches_the_command_and_its_receipts_are_told(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send('echo ready; read line; echo "heard $line"')
    until(lambda: "ready" in output(api, task["task_id"]))

    sent = api.post("/api/tasks/add-new-task", json={"reason": "mind the gap"}).get_json()
    assert (sent["operation"], sent["new_task"]) == ("add_new_task", "mind the gap")
    becomes(task["task_id"], "completed")

    assert "heard mind the gap" in output(api, task["task_id"])
    [receipt] = api.get(f"/api/tasks/{task['task_id']}/instructions").get_json()["instructions"]
    assert (receipt["state"], receipt["instruction"]) == ("consumed", "mind the gap")
    assert receipt["delivered_at"] <= receipt["consumed_at"]


def test_the_end_of_input_lets_cat_finish_and_nothing_comes_after_it(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send("trap '' TERM; cat; sleep 0.5; echo over")
    path = f"/api/tasks/{task['task_id']}"
    until(lambda: api.get(path).get_json()["status"] == "running")
    api.post(f"{path}/instructions", json={"instruction": "last words"})

    assert api.post(f"{path}/end-input").get_json()["operation"] == "end_input"
    late = api.post(f"{path}/instructions", json={"instruction": "too late"})
    becomes(task["task_id"], "completed")

    assert (late.status_code, late.get_json()["error"]) == (409, "input_ended")
    assert output(api, task["task_id"]) == "last words\nover\n"


def test_lines_that_were_read_do_not_count_against_the_next_and_the_end_always_gets_through(
    api: FlaskClient, live: None, send: Send, becomes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.services.controls.MAX_INSTRUCTIONS", 2)
    task = send("cat >/dev/null")
    path = f"/api/tasks/{task['task_id']}"
    until(lambda: api.get(path).get_json()["status"] == "running")

    def read() -> bool:
        told = api.get(f"{path}/instructions").get_json()["instructions"]
        return all(one["state"] == "consumed" for one in told)

    for _ in range(3):
        assert api.post(f"{path}/instructions", json={"instruction": "x"}).status_code == 200
        until(read)
    api.post("/api/tasks/pause")
    for _ in range(2):
        assert api.post(f"{path}/instructions", json={"instruction": "x"}).status_code == 200
    full = api.post(f"{path}/instructions", json={"instruction": "x"})
    assert (full.status_code, full.get_json()["error"]) == (409, "too_many_instructions")
    assert api.post(f"{path}/end-input").status_code == 200
    api.post("/api/tasks/resume")

    becomes(task["task_id"], "completed")


def test_a_command_without_input_refuses_an_instruction(
    api: FlaskClient, live: None, send: Send
) -> None:
    task = send("sleep 20", stdin="none")
    path = f"/api/tasks/{task['task_id']}"
    until(lambda: api.get(path).get_json()["status"] == "running")

    assert api.post(f"{path}/instructions", json={"instruction": "hello"}).status_code == 409
    assert api.post(f"{path}/end-input").status_code == 409


def test_why_the_input_was_ended_is_in_the_log(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send("cat", session_id="s")
    path = f"/api/tasks/{task['task_id']}"
    until(lambda: api.get(path).get_json()["status"] == "running")

    api.post(f"{path}/end-input", json={"reason": "that was all"})
    becomes(task["task_id"], "completed")

    log = api.get("/api/activity/sessions/s/activity").get_json()["activity_logs"]
    assert any("that was all" in entry["agent_msg"] for entry in log)
