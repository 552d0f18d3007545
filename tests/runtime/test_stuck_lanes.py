"""What no agent and no unlucky moment may do: leave a task marked as running that nobody runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import NOON
from tests.fakes import Patient, ScriptedAgent
from tests.waiting import until
from webapp import clock
from webapp.agents.protocol import AgentFailed, Console, Instruction, Result, Work
from webapp.db import db
from webapp.models import Attempt
from webapp.runtime.context import Context
from webapp.runtime.worker import LaneWorker
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]

HALF = "half a character: \ud800"


def return_half_a_character(work: Work, console: Console) -> Result:
    return Result(HALF)


def say_half_a_character(work: Work, console: Console) -> Result:
    console.say(HALF)
    return Result("done")


def say_without_parameters(work: Work, console: Console) -> Result:
    console.say("scripted_hello")
    return Result("done")


def progress_in_an_object(work: Work, console: Console) -> Result:
    console.progress(message=object())  # type: ignore[arg-type]
    return Result("done")


def fail_without_parameters(work: Work, console: Console) -> Result:
    raise AgentFailed("scripted_hello")


@pytest.fixture(autouse=True)
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait between two tries to write an outcome down."""
    monkeypatch.setattr("webapp.runtime.worker.AGAIN_S", 0.01)


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (return_half_a_character, "failed"),
        (fail_without_parameters, "failed"),
        (say_half_a_character, "completed"),
        (say_without_parameters, "completed"),
        (progress_in_an_object, "completed"),
    ],
)
def test_what_an_agent_says_that_cannot_be_stored_does_not_hold_up_its_lane(
    agent: ScriptedAgent, submit: Submit, worker: LaneWorker, stored: Any, script: Any, status: str
) -> None:
    agent.scripts["odd"] = script
    odd, following = submit("odd"), submit("fine")

    assert worker.run_one()
    assert worker.run_one()

    assert stored(odd.task_id).status == status
    assert stored(following.task_id).status == "completed"


class Unsteerable(Patient):
    """Takes its controls itself, and cannot pause."""

    def __call__(self, work: Work, console: Console) -> Result | None:
        console.steer(self)
        self.begun.set()
        self.finish.wait(10)
        return Result("on its own terms")

    def pause(self) -> None:
        raise RuntimeError("on purpose")

    def resume(self) -> None: ...

    def stop(self, grace_s: float) -> None: ...

    def kill(self) -> None:
        self.finish.set()

    def instruct(self, instruction: Instruction) -> None: ...


def test_an_agent_whose_controls_crash_fails_and_the_lane_goes_on(
    agent: ScriptedAgent, submit: Submit, start_worker: Any, becomes: Any, pause: Any
) -> None:
    script = agent.scripts["odd"] = Unsteerable()
    odd, following = submit("odd"), submit("fine")
    start_worker()
    assert script.begun.wait(10)

    pause(odd.task_id)

    assert "on purpose" in becomes(odd.task_id, "failed").error_message
    becomes(following.task_id, "completed")


def test_a_task_that_was_claimed_while_the_server_began_to_leave_is_still_run(
    context: Context, submit: Submit, stored: Any
) -> None:
    first, claimed, waiting = submit("a"), submit("b"), submit("c")
    leaves = iter([False, True])  # within the conclusion of the first, after it asked for a next

    def now() -> datetime:
        if next(leaves, False):
            worker.stop_claiming()
        return clock.now()

    worker = LaneWorker(replace(context, now=now), "main")
    worker.start()
    until(lambda: worker.join(0))

    found = [stored(task.task_id).status for task in (first, claimed, waiting)]
    assert found == ["completed", "completed", "pending"]


def test_a_task_claimed_while_the_server_was_told_to_end_all_is_ended_at_once(
    context: Context, agent: ScriptedAgent, submit: Submit, stored: Any
) -> None:
    agent.scripts["patient"] = Patient()
    task = submit("patient")
    worker = LaneWorker(context, "main")

    worker.interrupt()
    assert worker.run_one()

    assert stored(task.task_id).error_code == "interrupted_by_shutdown"


def test_a_next_task_that_cannot_be_claimed_does_not_keep_the_finished_one(
    app: APIFlask, submit: Submit, worker: LaneWorker, stored: Any
) -> None:
    first, second = submit("fine"), submit("cannot be claimed")
    with app.app_context(), db.engines[None].begin() as connection:
        planted = {"task_id": second.task_id, "number": 1, "runner_id": "x", "started_at": NOON}
        connection.execute(Attempt.__table__.insert(), planted)

    assert worker.run_one()

    assert (stored(first.task_id).status, stored(first.task_id).task_result) == (
        "completed",
        "fine",
    )
