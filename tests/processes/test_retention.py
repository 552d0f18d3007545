"""Retention in a running server, and kill -9 in the middle of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

from tests.processes.server import ROOT, Home, Server, environment
from tests.waiting import until
from webapp import clock, create_app
from webapp.config import Settings
from webapp.db import dispose
from webapp.services import controls, submissions
from webapp.services.submissions import Bounds, Submission

TASKS = 120
SOON = """
from datetime import timedelta
from webapp.cli import main
from webapp.runtime import ticker
from webapp.services import retention
ticker.FIRST_ROUND = timedelta(milliseconds=100)
retention.SILENT = timedelta(0)  # so that what the dead one had begun goes on at once
main()
"""


def fill(home: Home) -> None:
    """Tasks that have long been over, with output, in a few sessions with files."""
    app = create_app(Settings(data=home.data))
    then = clock.now() - timedelta(days=90)
    with app.app_context():
        for number in range(TASKS):
            task = submissions.submit(
                Submission("true", "shell", {}, session_id=f"s{number % 3}", when_busy="queue"),
                by="tests",
                bounds=Bounds(1000, home.data / "workspaces"),
                now=then,
            )
            controls.stop(task.task_id, by="tests", reason=None, now=then)
            (home.data / "output" / task.task_id / "1").mkdir(parents=True)
    for number in range(3):
        (home.data / "workspaces" / f"s{number}").mkdir(parents=True)
    dispose(app)


def cleaning(home: Home) -> Server:
    """A server that begins with it at once."""
    server = home.server(keep_tasks_days="30")
    server.program = ("-c", SOON)
    return server.start()


def examined(home: Home) -> str:
    """What the doctor says."""
    doctor = [sys.executable, "-m", "webapp.cli", "doctor"]
    given = environment(**home.settings)
    done = subprocess.run(doctor, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_server_killed_while_it_removes_leaves_nothing_wrong_and_the_next_goes_on(
    home: Home,
) -> None:
    fill(home)
    old = "SELECT count(*) FROM tasks WHERE status = 'stopped'"
    first = cleaning(home)
    until(lambda: home.query(old)[0][0] < TASKS, first.said)
    first.kill()

    assert examined(home) == "Nothing disagrees.\n"
    assert home.broken() == []

    second = cleaning(home)
    young = second.submit("echo here", session_id="young")
    assert home.becomes(young, "completed")
    until(lambda: home.query(old)[0][0] == 0, second.said)
    until(lambda: home.query("SELECT finished_at FROM housekeeping")[0][0], second.said)
    assert home.query("SELECT count(*) FROM sessions WHERE deleted_at IS NULL")[0][0] == 1
    assert {path.name for path in (home.data / "output").iterdir()} <= {young, ".trash"}
    counts = second.http.get("/api/status").json()["counts"]
    assert (sum(counts.values()), counts["completed"]) == (1, 1)
