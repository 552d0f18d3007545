"""The lane's worker, when an agent is deaf, the machine slept, or the database is away."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.fakes import Gate, Patient, ScriptedAgent
from tests.runtime.conftest import failing
from tests.waiting import until
from webapp import clock, runtime
from webapp.agents.protocol import Console, Result, Work
from webapp.db import db
from webapp.domain.outcome import Outcome
from webapp.queries import activity
from webapp.runtime.context import Context
from webapp.runtime.run import Run
from webapp.runtime.worker import LaneWorker
from webapp.services import claims, controls
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


def test_an_agent_that_ignores_its_stop_is_left_behind_and_the_lane_goes_on(
    app: APIFlask, context: Context, agent: ScriptedAgent, submit: Submit, start_worker: Any,
    becomes: Any, stored: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("webapp.runtime.run.MARGIN_S", 0.05)
    gate = agent.scripts["deaf"] = Gate()
    task, following = submit("deaf"), submit("fine")
    start_worker()
    gate.begun.wait(10)

    context.call(controls.stop, task.task_id, by="ann", reason="enough", now=clock.now())

    ended = becomes(task.task_id, "stopped")
    becomes(following.task_id, "completed")
    assert (ended.abandoned, ended.stop_reason) == (True, "enough")
    assert context.abandoned == [task.task_id]
    with app.app_context():
        before = activity.newest(task.session_id, 100)
    assert "left behind" in before[-2].agent_msg

    gate.open.set()
    until(lambda: not [t for t in threading.enumerate() if t.name == f"task-{task.task_id}"])
    with app.app_context():
        assert activity.newest(task.session_id, 100) == before
    assert context.output.read(task.task_id, 1, 0, 100).data == b""


def test_a_task_whose_agent_is_left_behind_is_not_tried_again_beside_it(
    context: Context, agent: ScriptedAgent, submit: Submit, start_worker: Any, becomes: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("webapp.runtime.run.MARGIN_S", 0.05)
    gate = agent.scripts["deaf"] = Gate()
    task = submit("deaf", timeout_s=0.05, max_retries=2, retry_delay_s=0)
    start_worker()

    ended = becomes(task.task_id, "failed")

    assert (ended.abandoned, ended.attempt, ended.error_code) == (True, 1, "timed_out")
    gate.open.set()


@pytest.mark.any_database
def test_what_an_agent_forks_is_no_second_server(
    app: APIFlask, agent: ScriptedAgent, submit: Submit, becomes: Any
) -> None:
    def fork(_work: Work, _console: Console) -> Result:
        with warnings.catch_warnings(action="ignore"):  # that a process with threads forks
            child = os.fork()
        if child == 0:
            os._exit("runtime-start" in [thread.name for thread in threading.enumerate()])
        return Result(f"ended with {os.waitpid(child, 0)[1]}")

    agent.scripts["fork"] = fork
    task = submit("fork")
    runtime.start(app)

    assert becomes(task.task_id, "completed").task_result == "ended with 0"

    runtime.stop(app)


def test_a_run_that_slept_through_its_rescue_changes_nothing_when_it_wakes(
    app: APIFlask, context: Context, agent: ScriptedAgent, submit: Submit, stored: Any
) -> None:
    gate = agent.scripts["sleep"] = Gate()
    task = submit("sleep", max_retries=1)
    assignment = context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
    assert assignment is not None
    old = Run(context, assignment)
    old.begin()
    gate.begun.wait(10)

    lost = Outcome("fail", code="interrupted")
    context.call(claims.rescue, task.task_id, 1, lost, clock.now())
    with app.app_context(), db.engines[None].begin() as connection:
        connection.exec_driver_sql("UPDATE tasks SET not_before = NULL")
    again = context.call(claims.claim_next, "main", "another runner", clock.now())
    assert again is not None
    assert again.attempt == 2
    before = stored(task.task_id)

    assert old.step() is False
    gate.open.set()
    assert old.end() is None

    assert stored(task.task_id) == before
    assert context.output.read(task.task_id, 1, 0, 100).data == b""


def test_an_outcome_is_written_when_the_database_is_back(
    context: Context, submit: Submit, worker: LaneWorker, stored: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The database is made to fail at its edge: the commit of the first two conclusions."""
    monkeypatch.setattr("webapp.runtime.worker.AGAIN_S", 0.01)
    task = submit()
    with failing(context, "disk I/O error", [False, True, True]):  # the claim gets through
        worker.run_one()

    assert stored(task.task_id).status == "completed"


def test_a_pause_is_written_when_the_database_is_back_and_harms_nobody_before(
    agent: ScriptedAgent, submit: Submit, start_worker: Any, becomes: Any,
    context: Context, pause: Any, resume: Any,
) -> None:  # fmt: skip
    patient = agent.scripts["look in"] = Patient()
    task = submit("look in")
    start_worker()
    patient.begun.wait(10)
    pause(task.task_id)

    with failing(context, "database is locked", [True] * 5):
        becomes(task.task_id, "paused")

    resume(task.task_id)
    becomes(task.task_id, "running")
    patient.finish.set()
    becomes(task.task_id, "completed")
