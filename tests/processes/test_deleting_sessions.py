"""kill -9 of a server while it deletes a session: it is all there, or none of it is left."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import httpx

from tests.processes.server import Home, Server
from tests.waiting import until
from webapp import clock, create_app
from webapp.config import Settings
from webapp.db import dispose
from webapp.services import controls, submissions
from webapp.services.submissions import Bounds, Submission

TASKS = 200
ADDRESS = "/api/activity/sessions/large"


def fill(home: Home) -> Path:
    """A session of many tasks that are over, with output and files; returns its workspace."""
    app = create_app(Settings(data=home.data, database_url=home.database_url))
    workspace = home.data / "workspaces" / "large"
    deep = workspace / "a" / "b"
    deep.mkdir(parents=True)
    for number in range(TASKS):
        (deep / f"file{number}").touch()
    with app.app_context():
        for number in range(TASKS):
            task = submissions.submit(
                Submission(f"echo {number}", "shell", {}, session_id="large", when_busy="queue"),
                by="tests",
                bounds=Bounds(1000, home.data / "workspaces"),
                now=clock.now(),
            )
            controls.stop(task.task_id, by="tests", reason=None, now=clock.now())
            (home.data / "output" / task.task_id / "1").mkdir(parents=True)
    dispose(app)
    return workspace


def delete_and_die(server: Server, pieces: int) -> None:
    """Ask for the deletion, and kill the server after so many pieces were removed."""

    def ask() -> None:
        with suppress(httpx.TransportError):
            server.http.delete(ADDRESS)

    asking = threading.Thread(target=ask)
    asking.start()
    tasks = "SELECT count(*) FROM tasks"
    until(lambda: server.home.query(tasks)[0][0] <= TASKS - 5 * pieces, server.said)
    server.kill()
    asking.join()


def test_a_session_that_was_being_deleted_when_its_server_was_killed_goes_after_the_next_start(
    home: Home,
) -> None:
    workspace = fill(home)
    for pieces in (1, 2):
        server = home.server().start()
        delete_and_die(server, pieces)
        assert not workspace.exists()
    third = home.server().start()
    assert third.http.get(ADDRESS).status_code == 404
    assert third.http.delete(ADDRESS).status_code == 404
    late = third.post_task("true", session_id="large")
    assert late.status_code in (200, 409)

    left = "SELECT count(*) FROM sessions WHERE deleted_at IS NOT NULL"
    until(lambda: home.query(left)[0][0] == 0, third.said)
    until(lambda: not list((home.data / "workspaces" / ".trash").iterdir()), third.said)
    home.all_final()
    rest = {row["session_id"] for row in home.query("SELECT session_id FROM tasks")}
    assert rest <= {"large"}
    assert home.query("SELECT count(*) FROM tasks")[0][0] == (late.status_code == 200)
    outputs = {path.name for path in (home.data / "output").iterdir()}
    assert len(outputs) <= 1
    counts = third.http.get("/api/status").json()["counts"]
    assert sum(counts.values()) == (late.status_code == 200)
