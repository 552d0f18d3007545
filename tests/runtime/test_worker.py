"""The lane's worker: whatever an agent does, its task ends truly and the lane goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.fakes import Gate, Patient, ScriptedAgent
from tests.waiting import until
from webapp import clock
from webapp.agents.protocol import AgentFailed, Console, Result, Stopped, Work
from webapp.db import db
from webapp.domain.errors import Conflict
from webapp.queries import activity, tasks
from webapp.runtime.context import Context
from webapp.runtime.worker import LaneWorker
from webapp.services import controls
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


def crash(work: Work, console: Console) -> Result:
    raise RuntimeError("on purpose")


def leave(work: Work, console: Console) -> Result:
    raise SystemExit(3)


def fail_by_name(work: Work, console: Console) -> Result:
    raise AgentFailed("scripted_hello", who="failure", text="so far", exit_code=7)


def fail_in_words(work: Work, console: Console) -> Result:
    raise AgentFailed("The moon was in the wrong place.")


def return_nonsense(work: Work, console: Console) -> Any:
    return "a string, not a Result"


def make_up_a_receipt(work: Work, console: Console) -> Any:
    console.receipt("an instruction", "chewed")  # type: ignore[arg-type]


def stop_by_itself(work: Work, console: Console) -> Result:
    raise Stopped


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (crash, "The agent crashed: RuntimeError: on purpose"),
        (leave, "The agent crashed: SystemExit: 3"),
        (fail_by_name, "Hello, failure."),
        (fail_in_words, "The moon was in the wrong place."),
        (make_up_a_receipt, "The agent crashed: ValueError: 'chewed' is not a valid Receipt"),
        (return_nonsense, "The agent crashed: it returned str, not a Result"),
    ],
)
def test_a_crashing_agent_fails_its_task_and_the_worker_lives_on(
    agent: ScriptedAgent, submit: Submit, worker: LaneWorker, stored: Any, script: Any, error: str
) -> None:
    agent.scripts["break"] = script
    broken, following = submit("break"), submit("fine")

    assert worker.run_one()
    assert worker.run_one()

    assert stored(broken.task_id).status == "failed"
    assert stored(broken.task_id).error_message == error
    assert stored(following.task_id).status == "completed"


def test_a_failure_keeps_its_exit_code_and_what_was_achieved(
    app: APIFlask, agent: ScriptedAgent, submit: Submit, worker: LaneWorker, stored: Any
) -> None:
    agent.scripts["break"] = fail_by_name
    task = submit("break")

    worker.run_one()

    assert stored(task.task_id).task_result == "so far"
    with app.app_context():
        [attempt] = tasks.attempts(task.task_id)
    assert (attempt.exit_code, attempt.error) == (7, "Hello, failure.")


def test_a_task_whose_agent_is_gone_fails_by_name(
    submit: Submit, worker: LaneWorker, stored: Any
) -> None:
    task = submit(agent="vanished", max_retries=3)

    worker.run_one()

    assert stored(task.task_id).error_message == "There is no agent named “vanished” any more."


def test_a_workspace_that_cannot_be_made_fails_the_task(
    settings: Any, submit: Submit, worker: LaneWorker, stored: Any
) -> None:
    (settings.data / "workspaces").write_text("a file where a directory should be")
    task = submit()

    worker.run_one()

    assert stored(task.task_id).error_code == "workspace_unusable"


def test_there_is_nothing_to_do_on_an_idle_lane(worker: LaneWorker) -> None:
    assert worker.run_one() is False


def test_no_transaction_is_open_while_an_agent_works(
    context: Context, agent: ScriptedAgent, submit: Submit, start_worker: Any, becomes: Any
) -> None:
    gate = agent.scripts["wait"] = Gate()
    task = submit("wait")
    start_worker()
    gate.begun.wait(10)

    with context.app.app_context(), db.engines[None].begin() as connection:
        connection.exec_driver_sql("UPDATE lanes SET version = version + 1")

    gate.open.set()
    becomes(task.task_id, "completed")


def test_a_submission_wakes_the_worker_and_the_next_task_follows(
    submit: Submit, start_worker: Any, becomes: Any
) -> None:
    worker = start_worker()
    for name in "abc":
        last = submit(name)
    worker.wake()

    becomes(last.task_id, "completed")


def test_an_agent_pauses_at_its_checkpoint_goes_on_and_hears_an_instruction(
    app: APIFlask, context: Context, agent: ScriptedAgent, submit: Submit, start_worker: Any,
    becomes: Any, pause: Any, resume: Any,
) -> None:  # fmt: skip
    patient = agent.scripts["look in"] = Patient()
    task = submit("look in")
    start_worker()
    patient.begun.wait(10)

    pause(task.task_id, reason="lunch")
    paused = becomes(task.task_id, "paused")
    assert (paused.pause_reason, paused.wish) == ("lunch", None)

    resume(task.task_id)
    becomes(task.task_id, "running")
    instruction_id = context.call(
        controls.instruct, task.task_id, "mind the gap", by="ann", now=clock.now(),
        refuses=lambda *_: None,
    )  # fmt: skip
    until(lambda: [i.text for i in patient.heard] == ["mind the gap"])
    patient.finish.set()
    becomes(task.task_id, "completed")

    with app.app_context():
        [receipt] = tasks.instructions(task.task_id)
        log = [r.agent_status for r in activity.newest(task.session_id, 100)]
    assert (receipt.instruction_id, receipt.state) == (instruction_id, "consumed")
    assert receipt.step == "step 1"
    assert receipt.delivered_at <= receipt.consumed_at
    assert log == [
        "request", "pause", "paused", "resume", "working", "additional_request", "done",
    ]  # fmt: skip


def test_what_an_agent_said_before_it_paused_is_not_told_after(
    app: APIFlask, agent: ScriptedAgent, submit: Submit, start_worker: Any, becomes: Any,
    stored: Any, pause: Any, resume: Any,
) -> None:  # fmt: skip
    def talk(work: Work, console: Console) -> None:
        until(lambda: stored(work.task_id).wish == "pause")
        console.say("the last word")
        while stored(work.task_id).wish == "pause":
            console.checkpoint()

    agent.scripts["talk"] = talk
    task = submit("talk")
    start_worker()
    becomes(task.task_id, "running")

    pause(task.task_id)
    becomes(task.task_id, "paused")
    resume(task.task_id)
    becomes(task.task_id, "completed")

    with app.app_context():
        said = [r.agent_msg for r in activity.newest(task.session_id, 100)]
    assert said.index("the last word") < said.index("Paused.")


def test_a_pause_taken_back_before_it_happened_leaves_the_task_running(
    agent: ScriptedAgent, submit: Submit, start_worker: Any, becomes: Any,
    stored: Any, pause: Any, resume: Any,
) -> None:  # fmt: skip
    gate = agent.scripts["wait"] = Gate()
    task = submit("wait")
    start_worker()
    gate.begun.wait(10)
    pause(task.task_id)
    assert tasks.control(stored(task.task_id)) == "pausing"

    resume(task.task_id)
    until(lambda: stored(task.task_id).wish is None)

    assert stored(task.task_id).status == "running"
    gate.open.set()
    becomes(task.task_id, "completed")


def test_a_third_party_agent_may_not_open_or_close_a_task_in_the_log(
    app: APIFlask, agent: ScriptedAgent, submit: Submit, worker: LaneWorker
) -> None:
    def pretend(work: Work, console: Console) -> None:
        console.say("all is well", status="done")

    agent.scripts["pretend"] = pretend
    task = submit("pretend")

    worker.run_one()

    with app.app_context():
        log = [r.agent_status for r in activity.newest(task.session_id, 10)]
    assert log == ["request", "working", "done"]


def test_a_pause_that_can_never_work_is_refused_with_the_agents_reason(
    agent: ScriptedAgent,
    submit: Submit,
    start_worker: Any,
    becomes: Any,
    pause: Any,
) -> None:
    gate = agent.scripts["wait"] = Gate()
    task = submit("wait")
    start_worker()
    gate.begun.wait(10)

    with pytest.raises(Conflict, match="Hello, ann"):
        pause(task.task_id, refuses=lambda *_: "Hello, ann.")

    gate.open.set()
    becomes(task.task_id, "completed")
