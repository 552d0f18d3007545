"""The rescue of what nobody runs: at the second look, and never of what somebody has in hand."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psutil
import pytest

from tests.fakes import Gate, ScriptedAgent
from tests.waiting import until
from webapp import clock
from webapp.agents.process_table import TABLE
from webapp.db import db
from webapp.models import Runner
from webapp.runtime.context import Context, identify, is_alive
from webapp.runtime.rescue import LEASE, Dropped, rescue_the_dead
from webapp.runtime.worker import LaneWorker
from webapp.services import claims, runners
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


def test_a_turn_of_the_clock_makes_nobody_another(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    booted = psutil.boot_time()
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: booted + 3600)

    assert is_alive(context.identity, identify()) is True


def test_a_server_that_ended_and_was_not_collected_is_dead() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as server:
        seen = TABLE.look(server.pid)
        assert seen is not None
        runner = replace(identify(), pid=server.pid, pid_started=seen.process.started)
        assert is_alive(runner, identify()) is True

        server.kill()
        until(lambda: psutil.Process(server.pid).status() == psutil.STATUS_ZOMBIE)

        assert is_alive(runner, identify()) is False


ELSEWHERE = replace(identify(), runner_id="elsewhere", host="another-machine")
"""A runner that this machine can only tell to be alive by its heartbeat."""


@pytest.fixture
def run_elsewhere(context: Context, submit: Submit) -> str:
    """The id of a task that a runner on another machine has claimed just now."""
    task_id = submit().task_id
    context.call(runners.sign_in, ELSEWHERE, "test", clock.now())
    context.call(claims.claim_next, "main", ELSEWHERE.runner_id, clock.now())
    return task_id


def last_heard(context: Context, ago: timedelta) -> None:
    """Have the other machine's runner been silent for so long."""
    with context.app.app_context(), db.engines[None].begin() as connection:
        values = {"heartbeat_at": clock.now() - ago}
        connection.execute(Runner.__table__.update().values(values))


def test_a_run_on_another_machine_is_left_alone_while_its_runner_is_heard_of(
    context: Context, run_elsewhere: str, stored: Any
) -> None:
    last_heard(context, LEASE - timedelta(seconds=30))

    assert rescue_the_dead(context) == 0
    assert stored(run_elsewhere).status == "running"


def test_a_run_on_another_machine_is_closed_once_its_runner_was_silent_for_too_long(
    context: Context, run_elsewhere: str, stored: Any
) -> None:
    last_heard(context, LEASE + timedelta(seconds=1))

    assert rescue_the_dead(context) == 1
    assert stored(run_elsewhere).error_code == "interrupted"


def test_who_is_silent_is_told_by_the_database_where_machines_share_it(
    context: Context, run_elsewhere: str, stored: Any, backend: str
) -> None:
    hasty = replace(context, now=lambda: clock.now() + timedelta(hours=1))

    closed = rescue_the_dead(hasty)

    assert closed == (0 if backend == "postgresql" else 1)


def test_a_runner_whose_clock_is_wrong_is_not_taken_for_dead_where_machines_share_the_database(
    context: Context, run_elsewhere: str, backend: str
) -> None:
    slow = clock.now() - timedelta(hours=1)

    context.call(runners.beat, ELSEWHERE.runner_id, slow)

    assert rescue_the_dead(context) == (0 if backend == "postgresql" else 1)
