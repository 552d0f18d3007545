"""Sessions by JSON: one of them, and deleting it with everything in it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from webapp import clock
from webapp.config import Settings
from webapp.domain.errors import Conflict
from webapp.housekeeping import disposal
from webapp.runtime.context import Context
from webapp.runtime.firing import Firing
from webapp.runtime.ticker import Ticker
from webapp.services import sessions

pytestmark = pytest.mark.both_databases

Send = Callable[..., dict[str, Any]]
BASE = "/api/activity/sessions"


@pytest.fixture
def counted(app: APIFlask) -> Callable[..., int]:
    """How many rows a table has."""

    def count(table: str) -> int:
        with app.app_context():
            from sqlalchemy import text

            from webapp.db import db

            return int(db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    return count


@pytest.fixture
def finished(api: FlaskClient, send: Send) -> Callable[..., list[str]]:
    """A session of tasks that were stopped while they waited; returns their ids."""

    def make(session_id: str, count: int = 1) -> list[str]:
        ids = [send("true", session_id=session_id)["task_id"] for _ in range(count)]
        for task_id in ids:
            assert api.post(f"/api/tasks/{task_id}/stop").status_code == 200
        return ids

    return make


@pytest.fixture
def mark(app: APIFlask) -> Callable[[str], None]:
    """Delete a session, and die before anything was removed."""

    def condemn(session_id: str) -> None:
        with app.app_context():
            sessions.condemn(session_id, by="tester", now=clock.now())

    return condemn


def test_a_session_that_is_not_there_is_404(api: FlaskClient) -> None:
    for answer in (api.get(f"{BASE}/nobody"), api.delete(f"{BASE}/nobody")):
        assert (answer.status_code, answer.get_json()["error"]) == (404, "no_such_session")


def test_a_session_is_not_deleted_while_a_task_of_it_is_not_over(
    api: FlaskClient, send: Send, finished: Any
) -> None:
    finished("s")
    waits = send("true", session_id="s")["task_id"]
    finished("s")

    answer = api.delete(f"{BASE}/s")

    assert answer.status_code == 409
    body = answer.get_json()
    assert body["error"] == "session_not_final"
    assert body["active_task"]["task_id"] == waits
    assert waits in body["detail"]
    assert len(api.get(f"{BASE}/s/tasks").get_json()["tasks"]) == 3


def test_deleting_takes_everything_of_the_session_and_nothing_of_another(
    api: FlaskClient, finished: Any, counted: Any, settings: Settings
) -> None:
    mine, other = finished("mine", 3), finished("other")
    workspace = settings.data / "workspaces" / "mine"
    workspace.mkdir(parents=True)
    (workspace / "file").write_text("x")
    for task_id in (*mine, *other):
        (settings.data / "output" / task_id / "1").mkdir(parents=True)

    answer = api.delete(f"{BASE}/mine")

    assert (answer.status_code, list(answer.get_json())) == (200, ["message"])
    assert counted("tasks") == counted("sessions") == 1
    assert counted("activity WHERE session_id = 'mine'") == 0
    assert os.listdir(settings.data / "output") == other
    assert os.listdir(settings.data / "workspaces") == [".trash"]
    assert os.listdir(settings.data / "workspaces" / ".trash") == []
    assert api.get(f"{BASE}/mine").status_code == api.delete(f"{BASE}/mine").status_code == 404
    assert api.get(f"/api/tasks/{mine[0]}").status_code == 404
    assert api.get("/api/status").get_json()["counts"]["stopped"] == 1
    assert api.get(f"{BASE}").get_json()["total_count"] == 1
    assert counted("audit_log WHERE action = 'delete_session' AND target = 'mine'") == 1


def test_a_working_directory_elsewhere_is_not_touched(
    api: FlaskClient, live: None, send: Send, becomes: Any, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    sent = send("echo kept > file", session_id="s", working_dir=str(elsewhere))
    becomes(sent["task_id"], "completed")

    assert api.delete(f"{BASE}/s").status_code == 200

    assert (elsewhere / "file").read_text() == "kept\n"
    assert not Path(sent["workspace_dir"]).exists()


def test_a_repeated_request_for_a_deleted_task_is_told_so(
    api: FlaskClient, mark: Callable[[str], None]
) -> None:
    body = {"agent": "shell", "task_description": "true", "session_id": "s"}
    again = {"json": body, "headers": {"Idempotency-Key": "k"}}
    task_id = api.post("/api/tasks/submit", **again).get_json()["task_id"]
    api.post(f"/api/tasks/{task_id}/stop")
    mark("s")
    assert api.post("/api/tasks/submit", **again).status_code == 410

    with api.application.app_context():
        assert disposal.remove_deleted(lambda: False)

    assert api.post("/api/tasks/submit", **again).status_code == 410


def test_what_a_crash_left_of_a_deleted_session_is_there_for_nobody_and_removed_later(
    api: FlaskClient, context: Context, finished: Any, counted: Any, mark: Any, settings: Settings
) -> None:
    finished("s", 2)
    workspace = settings.data / "workspaces" / "s"
    workspace.mkdir(parents=True)
    mark("s")

    assert api.get(f"{BASE}/s").status_code == 404
    assert api.get(BASE).get_json()["sessions"] == []
    assert api.get(f"{BASE}/s/tasks").get_json()["tasks"] == []
    assert api.get(f"{BASE}/s/activity").get_json()["activity_logs"] == []
    assert api.get(f"{BASE}/s/activity?message_index=0").get_json()["activity_log"] is None
    assert api.get(f"{BASE}/s/latest_activity").get_json()["latest_task"] is None
    late = api.post(
        "/api/tasks/submit",
        json={"agent": "shell", "task_description": "true", "session_id": "s"},
    )
    assert (late.status_code, late.get_json()["error"]) == (409, "session_being_deleted")

    quiet = Firing(context, lambda lane: None, lambda task_id: None)
    Ticker(context, lambda: None, set, firing=quiet).tidy()

    assert counted("tasks") == counted("sessions") == counted("activity") == 0
    assert not workspace.exists()


def test_a_new_session_of_the_same_name_keeps_what_an_old_removal_would_take(
    api: FlaskClient, app: APIFlask, finished: Any, send: Send, settings: Settings
) -> None:
    finished("s")
    assert api.delete(f"{BASE}/s").status_code == 200
    send("true", session_id="s")
    workspace = settings.data / "workspaces" / "s"
    workspace.mkdir(parents=True)

    with app.app_context():  # somebody who found the mark before it was gone
        sessions.set_aside("s", app.extensions["lineup"].trash.take)
        assert sessions.drop_rest("s", 10)

    assert workspace.is_dir()
    assert api.get(f"{BASE}/s").get_json()["task_count"] == 1


def test_a_task_submitted_while_its_session_is_deleted_is_refused_or_keeps_it(
    app: APIFlask, api: FlaskClient, finished: Any, submit: Any
) -> None:
    def race(name: str) -> tuple[str, int]:
        """Both at once: what became of the submission, and of the deletion."""
        together = threading.Barrier(2)
        outcome = []

        def late() -> None:
            together.wait()
            try:
                outcome.append(submit("true", session_id=name).task_id)
            except Conflict as refusal:
                outcome.append(refusal.code)

        thread = threading.Thread(target=late)
        thread.start()
        together.wait()
        answer = api.delete(f"{BASE}/{name}")
        thread.join()
        return outcome[0], answer.status_code

    for round_ in range(15):
        name = f"s{round_}"
        finished(name)
        submitted, deleted = race(name)
        there = api.get(f"{BASE}/{name}")
        if submitted == "session_being_deleted":
            assert (deleted, there.status_code) == (200, 404)
            continue
        assert there.get_json()["newest_task_id"] == submitted
        assert there.get_json()["task_count"] == (2 if deleted == 409 else 1)
        api.post(f"/api/tasks/{submitted}/stop")


def test_a_large_session_goes_in_pieces(
    api: FlaskClient, finished: Any, counted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("FIRST", "SMALLEST", "LARGEST"):
        monkeypatch.setattr(f"webapp.housekeeping.pace.{bound}", 2)
    finished("s", 5)

    assert api.delete(f"{BASE}/s").status_code == 200

    assert counted("tasks") == counted("activity") == counted("sessions") == 0
    assert api.get("/api/status").get_json()["counts"]["stopped"] == 0


@pytest.mark.parametrize("name", [".", "..", "a:b", "-", "~x", "..."])
def test_a_session_of_any_name_has_an_address(
    api: FlaskClient, app: APIFlask, finished: Any, name: str
) -> None:
    with app.test_request_context():
        address = app.url_for("api_activity.one_session", session_id=name)
    if name == "~x":
        assert api.get(address).status_code == 404
        return
    finished(name)
    found = api.get(address).get_json()
    assert (found["session_id"], found["open"], found["title"]) == (name, False, "true")
    assert api.delete(address).status_code == 200


def test_sessions_come_last_active_first_and_page_by_offset(api: FlaskClient, send: Send) -> None:
    for name in ("a", "b", "c"):
        send("true", session_id=name)
    send("true", session_id="a")

    def page(query: str) -> tuple[list[str], int]:
        found = api.get(f"{BASE}?{query}").get_json()
        return [s["session_id"] for s in found["sessions"]], found["total_count"]

    assert page("limit=2") == (["a", "c"], 3)
    assert page("limit=2&offset=2") == (["b"], 3)
    assert page("offset=9") == ([], 3)
    for query in ("limit=0", "limit=1001", "offset=-1", "limit=-1", "limit=x"):
        assert api.get(f"{BASE}?{query}").status_code == 400, query


def test_the_log_is_limited_to_the_newest_and_minus_one_is_all(
    api: FlaskClient, finished: Any
) -> None:
    finished("s", 2)

    def found(query: str) -> tuple[list[int], int]:
        log = api.get(f"{BASE}/s/activity?{query}").get_json()
        return [entry["message_index"] for entry in log["activity_logs"]], log["original_total"]

    assert found("limit=2") == ([4, 5], 6)
    assert found("limit=-1") == found("limit=9000000") == found("") == ([0, 1, 2, 3, 4, 5], 6)
    assert api.get(f"{BASE}/s/activity?message_index=6").get_json()["activity_log"] is None
    for query in ("limit=0", "limit=-2", "message_index=-1", "message_index=x"):
        assert api.get(f"{BASE}/s/activity?{query}").status_code == 400, query
