"""Limits of time, with a clock the test turns: ten minutes of silence take no minute here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import FakeClock
from tests.fakes import Patient, ScriptedAgent
from tests.waiting import until
from webapp import clock
from webapp.agents.protocol import Console, Result, Work
from webapp.domain.outcome import Outcome
from webapp.runtime.context import Context
from webapp.runtime.run import Run
from webapp.services import claims, controls
from webapp.services.submissions import Submitted

Begin = Callable[..., Run]


class Talking(Patient):
    """Prints a line whenever the test asks for one."""

    def __init__(self) -> None:
        super().__init__()
        self.console: Console | None = None

    def __call__(self, work: Work, console: Console) -> Result | None:
        self.console = console
        return super().__call__(work, console)


@pytest.fixture
def talking(agent: ScriptedAgent) -> Iterator[Talking]:
    """The script ``talk``."""
    script = agent.scripts["talk"] = Talking()
    yield script
    script.finish.set()


@pytest.fixture
def begin(
    context: Context, fake_clock: FakeClock, talking: Talking, submit: Callable[..., Submitted]
) -> Begin:
    """A run of ``talk`` under way, watched by the fake clock."""
    timed = replace(context, now=fake_clock.now, monotonic=fake_clock.monotonic)

    def start(**limits: Any) -> Run:
        submit("talk", now=fake_clock.now(), **limits)
        assignment = timed.call(
            claims.claim_next, "main", timed.identity.runner_id, fake_clock.now()
        )
        assert assignment is not None
        run = Run(timed, assignment)
        run.begin()
        assert talking.begun.wait(10)
        return run

    return start


def outcome(run: Run) -> Outcome:
    """What became of a run that is being ended."""
    until(run.finished, "the agent did not end")
    ended = run.end()
    assert ended is not None
    return ended[0]


def wish(context: Context, run: Run, what: str) -> None:
    now, task_id = clock.now(), run.assignment.task_id
    if what == "pause":
        context.call(
            controls.pause, task_id, by="ann", reason=None, now=now, refuses=lambda *_: None
        )
    else:
        context.call(controls.resume, task_id, by="ann", reason=None, now=now)


def test_an_attempt_that_runs_longer_than_its_limit_fails(
    begin: Begin, fake_clock: FakeClock
) -> None:
    run = begin(timeout_s=600.0)
    fake_clock.forward(599)
    run.step()
    assert not run.being_ended

    fake_clock.forward(1)
    run.step()

    ended = outcome(run)
    assert (ended.move, ended.code, ended.params) == ("fail", "timed_out", {"limit": "600"})


def test_paused_time_does_not_count_as_running_time(
    begin: Begin, fake_clock: FakeClock, context: Context, stored: Any
) -> None:
    run = begin(timeout_s=600.0, silence_timeout_s=500.0)
    run.step()
    wish(context, run, "pause")
    run.step()
    until(lambda: stored(run.assignment.task_id).status == "paused")
    run.step()
    fake_clock.forward(100_000)
    run.step()
    assert not run.being_ended

    wish(context, run, "resume")
    run.step()
    until(lambda: stored(run.assignment.task_id).status == "running")
    run.step()
    fake_clock.forward(499)
    run.step()

    assert not run.being_ended


def test_ten_minutes_of_silence_fail_the_attempt(begin: Begin, fake_clock: FakeClock) -> None:
    run = begin(silence_timeout_s=600.0)
    fake_clock.forward(600)

    run.step()

    assert outcome(run).code == "went_silent"


def test_output_breaks_the_silence(begin: Begin, fake_clock: FakeClock, talking: Talking) -> None:
    run = begin(silence_timeout_s=600.0)
    assert talking.console is not None
    for _ in range(5):
        fake_clock.forward(599)
        talking.console.write(b"still here\n")
        run.step()

    assert not run.being_ended


def test_without_limits_a_run_may_take_for_ever(begin: Begin, fake_clock: FakeClock) -> None:
    run = begin()
    fake_clock.forward(10_000_000)

    run.step()

    assert not run.being_ended


def test_a_shutdown_fails_the_run_and_no_retry_is_promised(begin: Begin) -> None:
    run = begin(max_retries=5)

    run.interrupt()
    run.step()

    ended = outcome(run)
    assert (ended.code, ended.may_retry) == ("interrupted_by_shutdown", False)
    assert ended.was_interrupted, "so that it is run again if it says so"
