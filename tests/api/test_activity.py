"""The activity calls and the lists, in the shapes clients know."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

Send = Callable[..., dict[str, Any]]


@pytest.mark.any_database
@pytest.mark.parametrize("limit", ["0", "-2", "1001", "x", "1.5"])
def test_a_limit_out_of_range_is_400(api: FlaskClient, limit: str) -> None:
    answer = api.get(f"/api/activity/tasks?limit={limit}")

    assert answer.status_code == 400
    assert "limit" in answer.get_json()["fields"]


@pytest.mark.any_database
@pytest.mark.parametrize(
    "query",
    [
        "status=RUNNING",
        "since=yesterday",
        "limit=0",
        "cursor=x",
        "colour=red",
        "lane=main&lane=other",
        "status=pending&status=asleep",
        "limit=1001",
        "cursor=9223372036854775808",
        "since=0001-01-01T00:00:00%2B01:00",
        "until=9999-12-31T23:59:59-01:00",
    ],
)
def test_a_wrong_filter_is_refused_by_name(api: FlaskClient, query: str) -> None:
    answer = api.get(f"/api/tasks?{query}")

    assert answer.status_code == 400
    assert query.split("=", maxsplit=1)[0] in answer.get_json()["fields"]


def test_an_unknown_task_is_404(api: FlaskClient) -> None:
    assert api.get("/api/activity/nobody").status_code == 404


def test_an_unknown_session_is_empty_not_missing(api: FlaskClient) -> None:
    base = "/api/activity/sessions/nobody"

    assert api.get(f"{base}/tasks").get_json() == {
        "session_id": "nobody", "tasks": [], "total_count": 0,
    }  # fmt: skip
    assert api.get(f"{base}/activity").get_json() == {
        "session_id": "nobody", "activity_logs": [], "total_count": 0, "original_total": 0,
    }  # fmt: skip
    assert api.get(f"{base}/activity?message_index=0").get_json() == {
        "session_id": "nobody", "activity_log": None, "message_index": 0, "total_available": 0,
    }  # fmt: skip
    assert api.get(f"{base}/latest_activity").get_json() == {
        "session_id": "nobody", "latest_vibesurf_log": None, "latest_task": None,
    }  # fmt: skip


def test_tasks_come_newest_first_and_all_of_them_as_a_stream(api: FlaskClient, send: Send) -> None:
    ids = [send("true", session_id="s")["task_id"] for _ in range(3)]

    two = api.get("/api/activity/tasks?limit=2").get_json()
    everything = json.loads(api.get("/api/activity/tasks?limit=-1").data)

    assert [t["task_id"] for t in two["tasks"]] == ids[:0:-1]
    assert (two["total_count"], two["limit"]) == (2, 2)
    assert [t["task_id"] for t in everything["tasks"]] == ids[::-1]
    assert (everything["total_count"], everything["limit"]) == (3, -1)
    assert set(two["tasks"][0]) == {
        "task_id", "session_id", "task_description", "status", "task_result", "error_message",
        "report_path", "created_at", "started_at", "completed_at",
    }  # fmt: skip


def test_the_cursor_pages_through_everything_once(api: FlaskClient, send: Send) -> None:
    ids = [send("true")["task_id"] for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/api/tasks?limit=2{cursor}").get_json()
        seen += [t["task_id"] for t in page["tasks"]]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None

    assert seen == ids[::-1]


def test_a_cursor_is_of_no_use_with_other_filters(api: FlaskClient, send: Send) -> None:
    for _ in range(2):
        send("true")
    cursor = api.get("/api/tasks?limit=1").get_json()["next_cursor"]

    answer = api.get(f"/api/tasks?limit=1&status=pending&cursor={cursor}")

    assert answer.status_code == 400
    assert "other filters" in answer.get_json()["fields"]["cursor"]
    assert api.get(f"/api/tasks?limit=5&cursor={cursor}").status_code == 200


def test_tasks_are_filtered_by_what_is_asked(api: FlaskClient, send: Send) -> None:
    send("echo 100%", session_id="a")
    wanted = send("echo 100_", session_id="b")
    api.post(f"/api/tasks/{wanted['task_id']}/stop")

    def found(query: str) -> list[str]:
        return [t["session_id"] for t in api.get(f"/api/tasks?{query}").get_json()["tasks"]]

    assert found("status=stopped") == found("session_id=b") == found("q=100_") == ["b"]
    assert found("status=stopped&status=pending") == ["b", "a"]
    assert found("lane=main") == ["b", "a"]
    assert found("flow_id=none") == found("llm_profile_name=none") == []
    assert found("since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00%2B01:00") == []
    assert found("since=2000-01-01T00:00:00Z") == ["b", "a"]


def test_the_log_of_a_session_opens_closes_and_is_read_by_index(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send("echo hello", session_id="s")
    becomes(task["task_id"], "completed")
    base = "/api/activity/sessions/s"

    log = api.get(f"{base}/activity").get_json()
    first, last = log["activity_logs"][0], log["activity_logs"][-1]
    assert (first["agent_name"], first["agent_status"]) == ("user", "request")
    assert first["agent_msg"] == "echo hello"
    assert last["agent_status"] == "done"
    assert log["total_count"] == log["original_total"] == len(log["activity_logs"])
    one = api.get(f"{base}/activity?message_index=0").get_json()
    assert (one["activity_log"], one["total_available"]) == (first, log["original_total"])
    newest = api.get(f"{base}/activity?limit=1").get_json()
    assert (newest["activity_logs"], newest["total_count"]) == ([last], 1)
    latest = api.get(f"{base}/latest_activity").get_json()
    assert latest["latest_vibesurf_log"] == last
    assert latest["latest_task"]["task_id"] == task["task_id"]


def test_why_a_waiting_task_is_stopped_is_in_the_log(api: FlaskClient, send: Send) -> None:
    task = send("true")

    api.post(f"/api/tasks/{task['task_id']}/stop", json={"reason": "Not today."})

    log = api.get(f"/api/activity/sessions/{task['session_id']}/activity").get_json()
    asked, done = log["activity_logs"][-2:]
    assert (asked["agent_name"], asked["agent_status"]) == ("user", "stop")
    assert asked["agent_msg"].endswith(" asked to stop: Not today.")
    assert done["agent_msg"] == "Stopped: Not today."


def test_one_task_and_the_sessions_have_the_shapes_clients_know(
    api: FlaskClient, send: Send
) -> None:
    task = send("true", session_id="s")

    shown = api.get(f"/api/activity/{task['task_id']}").get_json()
    assert shown["mcp_server_config"] == {}
    assert set(shown) == {
        "task_id", "session_id", "task_description", "status", "upload_files_path",
        "mcp_server_config", "llm_profile_name", "task_result", "error_message", "report_path",
        "created_at", "started_at", "completed_at", "metadata",
    }  # fmt: skip
    sessions = api.get("/api/activity/sessions").get_json()
    assert (sessions["total_count"], sessions["limit"], sessions["offset"]) == (1, 50, 0)
    assert set(sessions["sessions"][0]) == {
        "session_id", "task_count", "created_at", "last_activity", "status",
    }  # fmt: skip
    listed = api.get("/api/activity/sessions/s/tasks").get_json()
    assert (listed["total_count"], listed["tasks"][0]["task_id"]) == (1, task["task_id"])


def test_every_stored_column_is_in_the_task_by_its_name(api: FlaskClient, send: Send) -> None:
    task = api.get(f"/api/tasks/{send('true')['task_id']}").get_json()

    assert {
        "task_id", "session_id", "task_description", "status", "llm_profile_name",
        "upload_files_path", "workspace_dir", "mcp_server_config", "agent_mode", "task_result",
        "error_message", "report_path", "task_metadata", "created_at", "updated_at", "started_at",
        "completed_at", "version", "agent", "lane", "priority", "attempt", "control", "progress",
        "seq",
    } <= set(task)  # fmt: skip
    assert task["created_at"].endswith("+00:00")


def test_a_log_and_a_session_longer_than_one_read_come_whole_and_in_order(
    api: FlaskClient, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.queries.activity.BATCH", 2)
    ids = [send("true", session_id="s")["task_id"] for _ in range(5)]
    for task_id in ids:
        api.post(f"/api/tasks/{task_id}/stop")

    tasks = api.get("/api/activity/sessions/s/tasks").get_json()
    log = api.get("/api/activity/sessions/s/activity").get_json()["activity_logs"]

    assert [t["task_id"] for t in tasks["tasks"]] == ids
    assert [entry["message_index"] for entry in log] == list(range(len(log)))
    assert len(log) == 15
