"""A task is given uploaded files: those of its session, which it can read and which it keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.conftest import output
from tests.uploading import sent
from webapp.housekeeping import disposal

READ = 'printf \'%s\\n\' "$LINEUP_TASK_UPLOADS" | while read -r file; do cat "$file"; done'

Send = Callable[..., dict[str, Any]]


@pytest.fixture
def file(api: FlaskClient) -> Callable[..., dict[str, Any]]:
    """Upload a file; it as JSON."""

    def upload(name: str = "a.txt", content: bytes = b"hello", **fields: str) -> dict[str, Any]:
        answer = api.post("/api/files/upload", **sent((name, content), **fields))
        assert answer.status_code == 200, answer.text
        stored: dict[str, Any] = answer.get_json()["files"][0]
        return stored

    return upload


def test_a_file_of_another_session_is_refused_by_name_and_nothing_is_stored(
    api: FlaskClient, file: Send
) -> None:
    theirs, other = file(session_id="theirs"), file(session_id="other")
    body = {"agent": "shell", "task_description": "true"}

    mixed = api.post(
        "/api/tasks/submit", json={**body, "upload_file_ids": [theirs["file_id"], other["file_id"]]}
    )
    elsewhere = api.post(
        "/api/tasks/submit",
        json={**body, "session_id": "mine", "upload_files_path": theirs["file_path"]},
    )

    assert mixed.status_code == elsewhere.status_code == 400
    assert other["file_id"] in mixed.get_json()["fields"]["upload_file_ids"]
    assert "belongs to the session theirs" in elsewhere.get_json()["fields"]["upload_files_path"]
    assert api.get("/api/tasks").get_json()["tasks"] == []
    sessions = api.get("/api/activity/sessions").get_json()["sessions"]
    assert {s["session_id"] for s in sessions} == {"theirs", "other"}


def test_a_task_runs_in_the_session_of_its_files_and_reads_them(
    api: FlaskClient, live: None, send: Send, file: Send, becomes: Any
) -> None:
    first = file("two words.txt", b"first\n")
    second = file("b.txt", b"second\n", session_id=first["session_id"])

    task = send(READ, upload_file_ids=[second["file_id"], first["file_id"]])
    becomes(task["task_id"], "completed")

    assert task["session_id"] == first["session_id"]
    assert output(api, task["task_id"]) == "second\nfirst\n"
    stored = api.get(f"/api/tasks/{task['task_id']}").get_json()
    assert [f["path"] for f in stored["upload_files"]] == [second["file_path"], first["file_path"]]
    assert stored["upload_files_path"] == str(Path(first["file_path"]).parent)


def test_a_file_can_be_given_by_its_path_and_is_shown_while_the_task_runs(
    api: FlaskClient, live: None, send: Send, file: Send, becomes: Any
) -> None:
    given = file()
    task = send("cat uploads/a.txt; read -r line", upload_files_path=given["file_path"])
    becomes(task["task_id"], "running")

    active = api.get("/api/tasks/status").get_json()["active_task"]

    assert active["upload_files"] == [given["file_path"]]
    assert active["session_id"] == given["session_id"]


def test_a_task_that_runs_again_is_given_the_same_files_or_others(
    api: FlaskClient, live: None, send: Send, file: Send, becomes: Any
) -> None:
    given = file()
    other = file("b.txt", b"other", session_id=given["session_id"])
    task = send(READ, upload_file_ids=[given["file_id"]])
    becomes(task["task_id"], "completed")

    def rerun(**changes: Any) -> str:
        again = api.post(f"/api/tasks/{task['task_id']}/rerun", json=changes).get_json()
        becomes(again["task_id"], "completed")
        return output(api, again["task_id"])

    assert rerun() == "hello"
    assert rerun(upload_file_ids=[other["file_id"]]) == "other"
    assert rerun(upload_files_path=other["file_path"]) == "other"
    api.delete(f"/api/files/{given['file_id']}")
    gone = api.post(f"/api/tasks/{task['task_id']}/rerun", json={})
    assert given["file_id"] in gone.get_json()["fields"]["upload_file_ids"]


def test_a_file_that_an_open_task_was_given_is_not_deleted(
    api: FlaskClient, send: Send, file: Send
) -> None:
    given = file()
    task = send("true", upload_file_ids=[given["file_id"]])

    refused = api.delete(f"/api/files/{given['file_id']}")

    assert (refused.status_code, refused.get_json()["error"]) == (409, "file_in_use")
    assert task["task_id"] in refused.get_json()["detail"]
    api.post(f"/api/tasks/{task['task_id']}/stop")
    assert api.delete(f"/api/files/{given['file_id']}").status_code == 200


def test_files_go_with_their_session_and_stay_when_a_task_is_deleted(
    app: APIFlask, api: FlaskClient, live: None, send: Send, file: Send, becomes: Any
) -> None:
    given = file()
    task = send("true", upload_file_ids=[given["file_id"]])
    becomes(task["task_id"], "completed")
    api.delete(f"/api/tasks/{task['task_id']}")
    assert api.get("/api/files").get_json()["total_count"] == 1

    with app.app_context():
        disposal.delete(given["session_id"], by="tests")

    assert api.get("/api/files").get_json()["total_count"] == 0
    assert api.get(f"/api/files/{given['file_id']}").status_code == 404
    assert not Path(given["file_path"]).exists()
