"""When a task is run again: its own delays, and attempts that were interrupted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conftest import NOON
from tests.services.conftest import FAILED
from webapp.domain.outcome import interrupted
from webapp.domain.policies import MAX_INTERRUPTIONS
from webapp.domain.retry import backoff
from webapp.runtime.context import Context
from webapp.services import claims, controls, records
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
DIED = interrupted("interrupted")


@pytest.fixture
def die(context: Context) -> Callable[..., bool]:
    """The server of an attempt dies, and another one finds it."""

    def rescue(taken: Any, now: datetime) -> bool:
        return context.call(claims.rescue, taken.task_id, taken.attempt, DIED, now)

    return rescue


@pytest.mark.any_database
def test_the_first_delay_is_the_tasks_own_and_each_further_one_twice_as_long() -> None:
    waits = [backoff("t", attempt, 60.0).total_seconds() for attempt in range(1, 6)]

    for wait, full in zip(waits, [60, 120, 240, 480, 600], strict=True):
        assert full * 0.75 <= wait <= full
    assert backoff("t", 9, 3600.0) <= timedelta(hours=1), "never shorter than the first, nor longer"
    assert backoff("t", 9, 3600.0) >= timedelta(minutes=45)
    assert backoff("t", 1) <= timedelta(seconds=2)
    assert backoff("t", 2000, 0.001) <= timedelta(minutes=10)


def test_a_failed_attempt_waits_as_long_as_its_task_says(
    submit: Submit, claim: Any, conclude: Any, stored: Any
) -> None:
    task = submit(max_retries=1, retry_delay_s=3600.0, now=NOON)

    conclude(claim(now=NOON), FAILED, NOON)

    assert NOON + timedelta(minutes=45) <= stored(task.task_id).not_before
    assert stored(task.task_id).not_before <= NOON + timedelta(hours=1)


def test_an_interrupted_attempt_is_not_run_again_unless_the_task_says_so(
    submit: Submit, claim: Any, stored: Any, die: Callable[..., bool]
) -> None:
    task = submit(max_retries=5, now=NOON)

    die(claim(now=NOON), NOON)

    assert (stored(task.task_id).status, stored(task.task_id).error_code) == (
        "failed",
        "interrupted",
    )


def test_an_interrupted_attempt_is_run_again_at_once_before_what_came_later(
    submit: Submit, claim: Any, stored: Any, die: Callable[..., bool]
) -> None:
    task = submit(rerun_interrupted=True, now=NOON)
    submit("later", now=NOON)

    die(claim(now=NOON), NOON)

    waiting = stored(task.task_id)
    assert (waiting.status, waiting.error_message, waiting.runner_id) == ("pending", None, None)
    again = claim(now=NOON)
    assert (again.task_id, again.attempt) == (task.task_id, 2)


@pytest.mark.parametrize("retries", [0, 2])
def test_a_task_that_kills_its_server_each_time_is_given_up(
    submit: Submit, claim: Any, stored: Any, die: Callable[..., bool], retries: int
) -> None:
    task = submit(rerun_interrupted=True, max_retries=retries, now=NOON)

    died = 0
    while (taken := claim(now=NOON)) is not None:
        die(taken, NOON)
        died += 1

    assert died == 1 + retries + MAX_INTERRUPTIONS
    ended = stored(task.task_id)
    assert (ended.status, ended.error_code, ended.attempt) == ("failed", "interrupted", died)


def test_an_interruption_uses_up_a_retry(
    submit: Submit, claim: Any, conclude: Any, stored: Any, die: Callable[..., bool]
) -> None:
    task = submit(rerun_interrupted=True, max_retries=1, now=NOON)
    die(claim(now=NOON), NOON)

    conclude(claim(now=NOON), FAILED, NOON)

    assert stored(task.task_id).status == "failed"


def test_a_task_that_was_to_be_stopped_when_its_server_died_is_stopped(
    context: Context, submit: Submit, claim: Any, stored: Any, die: Callable[..., bool]
) -> None:
    task = submit(rerun_interrupted=True, now=NOON)
    taken = claim(now=NOON)
    context.call(controls.stop, task.task_id, by="ann", reason="enough", now=NOON)

    die(taken, NOON)

    assert stored(task.task_id).status == "stopped"


def test_what_an_earlier_process_left_behind_is_forgotten_with_it(
    context: Context, submit: Submit, claim: Any, stored: Any, die: Callable[..., bool]
) -> None:
    task = submit(rerun_interrupted=True, now=NOON)
    taken = claim(now=NOON)
    context.call(records.abandon, taken.task_id, taken.attempt, NOON)

    die(taken, NOON)

    assert (stored(task.task_id).status, stored(task.task_id).abandoned) == ("pending", False)
