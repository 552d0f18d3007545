"""The rescue of what nobody runs: at the second look, and never of what somebody has in hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes import Gate, ScriptedAgent
from webapp import clock
from webapp.runtime.context import Context
from webapp.runtime.rescue import Dropped, rescue_the_dead
from webapp.runtime.worker import LaneWorker
from webapp.services import claims
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


def test_a_run_that_a_worker_has_in_hand_is_never_closed(
    context: Context, agent: ScriptedAgent, submit: Submit, start_worker: Any, becomes: Any
) -> None:
    gate = agent.scripts["wait"] = Gate()
    task = submit("wait")
    worker: LaneWorker = start_worker()
    gate.begun.wait(10)
    dropped = Dropped(context, lambda: {worker.holds} if worker.holds else set())

    assert [dropped.look() for _ in range(3)] == [0, 0, 0]
    assert rescue_the_dead(context) == 0

    gate.open.set()
    becomes(task.task_id, "completed")


def test_a_run_of_this_process_that_no_worker_has_is_closed_at_the_second_look(
    context: Context, submit: Submit, stored: Any
) -> None:
    task = submit()
    context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
    dropped = Dropped(context, set)

    assert dropped.look() == 0
    assert stored(task.task_id).status == "running"
    assert dropped.look() == 1

    ended = stored(task.task_id)
    assert (ended.status, ended.error_code) == ("failed", "interrupted_unknown")


def test_an_active_task_whose_runner_nobody_knows_is_closed(
    context: Context, submit: Submit, stored: Any
) -> None:
    task = submit()
    context.call(claims.claim_next, "main", "a runner that never signed in", clock.now())

    assert rescue_the_dead(context) == 1

    assert stored(task.task_id).error_message.startswith("interrupted")
