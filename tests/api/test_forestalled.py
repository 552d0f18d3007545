"""A control that the end of the run forestalls is no success."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.conftest import Send
from tests.fakes import ScriptedAgent
from tests.waiting import until
from webapp.agents.protocol import Console, Work
from webapp.queries import activity


def test_a_pause_that_the_end_of_the_run_forestalls_is_no_success(
    api: FlaskClient, app: APIFlask, agent: ScriptedAgent, live: None, send: Send, stored: Any
) -> None:
    def ends(work: Work, _console: Console) -> None:
        until(lambda: stored(work.task_id).wish == "pause")

    agent.scripts["ends"] = ends
    task = send("ends", agent="scripted")
    until(lambda: stored(task["task_id"]).status == "running")

    answer = api.post("/api/tasks/pause")

    assert (answer.status_code, answer.get_json()["error"]) == (409, "ended_unpaused")
    assert stored(task["task_id"]).status == "completed"
    with app.app_context():
        log = [entry.code for entry in activity.newest(task["session_id"], 10)]
    assert log[-2:] == ["ended_unpaused", "completed"]
