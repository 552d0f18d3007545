"""POST /api/tasks/submit: what is refused, in which words, and what is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

SHELL = {"task_description": "true", "agent": "shell"}


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("fields", "named", "reason"),
    [
        ({"task_description": None}, "task_description", "string"),
        ({"task_description": ""}, "task_description", "empty"),
        ({"task_description": " \n"}, "task_description", "empty"),
        ({"task_description": "x" * 100_001}, "task_description", "100,000"),
        ({"task_description": "a\0b"}, "task_description", "NUL"),
        ({"task_description": "\ud800"}, "task_description", "Unicode"),
        ({"task_description": 7}, "task_description", "string"),
        ({"agent": None}, "agent", "which agent"),
        ({"agent": None, "flow_id": "x"}, "flow_id", "/api/flows/"),
        ({"agent": "llm"}, "llm_profile_name", "no default"),
        ({"agent": None, "llm_profile_name": "gpt"}, "llm_profile_name", "no LLM profile 'gpt'"),
        ({"agent": "llm", "agent_mode": "deep"}, "agent_mode", "thinking"),
        ({"agent": "http"}, "url", "say which address"),
        ({"agent": "browser"}, "llm_profile_name", "no default"),
        ({"agent": "browser", "url": "http://a.example"}, "url", "not a setting of browser"),
        ({"agent": "telepathy"}, "agent", "no agent 'telepathy'"),
        ({"session_id": "a/b"}, "session_id", "A-Z"),
        ({"session_id": "x" * 65}, "session_id", "64"),
        ({"session_id": ""}, "session_id", "1 to 64"),
        ({"lane": "nowhere"}, "lane", "no lane named"),
        ({"priority": False}, "priority", "integer"),
        ({"priority": 1.5}, "priority", "integer"),
        ({"priority": 10**9}, "priority", "1000000"),
        ({"timeout_s": 0}, "timeout_s", "above 0"),
        ({"timeout_s": -1}, "timeout_s", "above 0"),
        ({"timeout_s": "10"}, "timeout_s", "number"),
        ({"silence_timeout_s": True}, "silence_timeout_s", "number"),
        ({"max_retries": -1}, "max_retries", "0 to 100"),
        ({"max_retries": 101}, "max_retries", "0 to 100"),
        ({"when_busy": "panic"}, "when_busy", "reject"),
        ({"llm_profile_name": "gpt"}, "llm_profile_name", "not a setting of shell"),
        ({"upload_files_path": "/tmp/x"}, "upload_files_path", "no uploaded file '/tmp/x'"),
        ({"upload_files_path": "x"}, "upload_files_path", "absolute path"),
        ({"upload_file_ids": ["x"]}, "upload_file_ids", "no uploaded file 'x'"),
        ({"upload_file_ids": "x"}, "upload_file_ids", "list"),
        ({"upload_file_ids": ["x"] * 101}, "upload_file_ids", "at most 100"),
        ({"mcp_server_config": {"mcpServers": {}}}, "mcp_server_config", "not a setting of shell"),
        ({"agent_mode": "flash"}, "agent_mode", "not a setting of shell"),
        ({"agent": "llm", "mcp_server_config": {}}, "mcp_server_config", "mcpServers"),
        ({"taks_description": "typo"}, "taks_description", ""),
        ({"working_dir": "/no/such/place"}, "working_dir", ""),
        ({"env": {"A": 1}}, "env", ""),
        ({"stdin": "maybe"}, "stdin", ""),
    ],
)
def test_a_field_that_cannot_be_used_is_named_with_the_reason_and_nothing_is_stored(
    api: FlaskClient, fields: dict[str, Any], named: str, reason: str
) -> None:
    answer = api.post("/api/tasks/submit", json={**SHELL, **fields})

    body = answer.get_json()
    assert answer.status_code == 400
    assert named in body["fields"]
    assert reason in body["fields"][named]
    assert named in body["detail"]
    assert body["error"]
    assert body["success"] is False
    assert api.get("/api/tasks").get_json()["tasks"] == []


def test_every_wrong_field_is_named_at_once(api: FlaskClient) -> None:
    body = api.post(
        "/api/tasks/submit",
        json={**SHELL, "session_id": "a b", "working_dir": "x", "priority": 10**9},
    ).get_json()

    assert {"session_id", "working_dir", "priority"} <= body["fields"].keys()


@pytest.mark.any_database
@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"nul", b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_json_object_is_refused_in_words(api: FlaskClient, body: bytes) -> None:
    answer = api.post("/api/tasks/submit", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.get_json()["error"] == "bad_json"


def test_text_is_never_run_as_a_command_unless_shell_was_named(
    api: FlaskClient, live: None, tmp_path: Path
) -> None:
    answer = api.post("/api/tasks/submit", json={"task_description": f"touch {tmp_path}/ran"})

    assert answer.status_code == 400
    assert "agent" in answer.get_json()["fields"]
    assert not (tmp_path / "ran").exists()


def test_a_busy_lane_is_409_and_names_the_task_in_the_way(
    api: FlaskClient, send: Callable[..., dict[str, Any]]
) -> None:
    first = send("true")

    answer = api.post("/api/tasks/submit", json=SHELL)

    body = answer.get_json()
    assert answer.status_code == 409
    assert (body["success"], body["error"]) == (False, "task_running")
    assert body["active_task"] == {
        "task_id": first["task_id"],
        "status": "pending",
        "session_id": first["session_id"],
        "start_time": None,
    }


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("query", "fields", "named", "reason"),
    [
        ("lane=crawl", {"lane": "main"}, "lane", "another lane than the body"),
        ("lane=nowhere", {}, "lane", "no lane named"),
        ("lane=", {}, "lane", "must be the name of a lane"),
        ("lane=crawl&lane=main", {}, "lane", "more than once"),
        ("priority=5", {}, "priority", "no such field"),
    ],
)
def test_an_address_that_names_no_lane_of_its_own_is_refused_and_nothing_is_stored(
    api: FlaskClient, query: str, fields: dict[str, Any], named: str, reason: str
) -> None:
    api.post("/api/lanes", json={"name": "crawl"})

    answer = api.post(f"/api/tasks/submit?{query}", json={**SHELL, **fields})

    assert answer.status_code == 400
    assert reason in answer.get_json()["fields"][named]
    assert api.get("/api/tasks").get_json()["tasks"] == []


def test_the_address_names_the_lane_where_the_body_names_none(api: FlaskClient) -> None:
    api.post("/api/lanes", json={"name": "crawl"})
    keyed = {"Idempotency-Key": "once"}

    def post(query: str, **fields: Any) -> int:
        address, body = f"/api/tasks/submit{query}", {**SHELL, "when_busy": "queue", **fields}
        return api.post(address, json=body, headers=keyed if not fields else {}).status_code

    assert post("?lane=crawl") == post("?lane=crawl") == 200
    assert post("?lane=main") == post("") == 422
    assert post("?lane=crawl", lane=None) == post("?lane=crawl", lane="crawl") == 200
    tasks = api.get("/api/tasks").get_json()["tasks"]
    assert [task["lane"] for task in tasks] == ["crawl"] * 3


@pytest.mark.parametrize("key", ["", "with space", "x" * 256])
def test_an_idempotency_key_of_the_wrong_shape_is_refused(api: FlaskClient, key: str) -> None:
    answer = api.post("/api/tasks/submit", json=SHELL, headers={"Idempotency-Key": key})

    assert "Idempotency-Key" in answer.get_json()["fields"]


def test_a_repeated_request_gets_the_first_answer(api: FlaskClient) -> None:
    keyed = {"Idempotency-Key": "once"}
    first = api.post("/api/tasks/submit", json=SHELL, headers=keyed)
    again = api.post("/api/tasks/submit", json=SHELL, headers=keyed)
    other = api.post("/api/tasks/submit", json={**SHELL, "priority": 1}, headers=keyed)

    assert first.get_json() == again.get_json()
    assert other.status_code == 422
    assert len(api.get("/api/tasks").get_json()["tasks"]) == 1


def test_the_answer_has_the_shape_clients_know(send: Callable[..., dict[str, Any]]) -> None:
    answer = send("true", session_id="mine")

    assert set(answer) == {
        "success", "task_id", "session_id", "status", "message", "llm_profile", "workspace_dir",
    }  # fmt: skip
    assert (answer["success"], answer["status"], answer["session_id"]) == (
        True,
        "submitted",
        "mine",
    )


def test_a_repeated_request_gets_the_first_answer_although_it_could_not_be_made_now(
    api: FlaskClient, live: None, becomes: Any, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    keyed = {"Idempotency-Key": "once"}
    body = {**SHELL, "working_dir": str(gone)}
    first = api.post("/api/tasks/submit", json=body, headers=keyed).get_json()
    becomes(first["task_id"], "completed")
    again = api.post(f"/api/tasks/{first['task_id']}/rerun", json={}, headers=keyed).get_json()
    becomes(again["task_id"], "completed")
    gone.rmdir()
    assert api.post("/api/tasks/submit", json=body, headers=keyed).get_json() == first
    api.delete(f"/api/tasks/{first['task_id']}")

    repeated = api.post(f"/api/tasks/{first['task_id']}/rerun", json={}, headers=keyed)

    assert repeated.get_json() == again
    assert api.post("/api/tasks/submit", json=body, headers=keyed).status_code == 410
    other = api.post("/api/tasks/submit", json=body)
    assert "working_dir" in other.get_json()["fields"]


def test_unreadable_json_is_told_where(api: FlaskClient) -> None:
    answer = api.post("/api/tasks/submit", data=b'{"a": }', content_type="application/json")

    assert "line 1 column 7" in answer.get_json()["detail"]


def test_a_null_counts_as_not_sent(api: FlaskClient) -> None:
    answer = api.post(
        "/api/tasks/submit", json={**SHELL, "llm_profile_name": None, "timeout_s": None}
    )

    assert answer.status_code == 200


def test_secrets_in_the_environment_of_a_task_are_masked_but_reach_it(
    api: FlaskClient, live: None, send: Callable[..., dict[str, Any]], becomes: Any
) -> None:
    task = send("expr length $SECRET = 9", env={"SECRET": "swordfish"})
    becomes(task["task_id"], "completed")
    again = api.post(f"/api/tasks/{task['task_id']}/rerun", json={})
    becomes(again.get_json()["task_id"], "completed")

    shown = api.get(f"/api/tasks/{task['task_id']}")
    assert "swordfish" not in shown.get_data(as_text=True)
    assert shown.get_json()["agent_settings"]["env"] == {"SECRET": "•••"}


def test_a_call_that_is_asked_for_with_another_method_is_not_taken_for_a_task(
    api: FlaskClient,
) -> None:
    calls = [str(r) for r in api.application.url_map.iter_rules() if r.rule.count("/") == 3]
    for path in [call for call in calls if call.startswith("/api/tasks/") and "<" not in call]:
        answer = api.delete(path)
        assert (answer.status_code, answer.get_json()["error"]) == (405, "method_not_allowed"), path
    assert "POST" in api.get("/api/tasks/submit").headers["Allow"]
