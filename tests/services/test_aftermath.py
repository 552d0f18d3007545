"""What the end of a run means for its flow: a count, a pause, and what is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import NOON
from tests.flowing import Rows, rows, run
from tests.services.conftest import FAILED
from webapp import clock
from webapp.db import transaction
from webapp.domain.outcome import Outcome, completed, stopped
from webapp.models import Flow, Notification, Schedule
from webapp.runtime.context import Context
from webapp.services import claims, schedules
from webapp.services.notices import aftermath
from webapp.services.notices.aftermath import Missed

__all__ = ["rows", "run"]

Run = Callable[..., str]
DONE = completed("done")
EDIT: dict[str, Any] = {"min_interval_s": 1.0, "by": "me"}


@pytest.fixture(autouse=True)
def _flow(rows: Rows) -> None:
    rows.flow()


def in_a_row(rows: Rows) -> int:
    """How often the flow has failed in a row."""
    return int(rows.one(Flow).failures_in_row)


def test_failures_are_counted_until_a_run_completes_and_a_stopped_one_changes_nothing(
    rows: Rows, run: Run
) -> None:
    counted = []
    for outcome in (FAILED, FAILED, stopped(), FAILED, DONE, FAILED):
        run(outcome)
        counted.append(in_a_row(rows))

    assert counted == [1, 2, 2, 3, 0, 1]


def test_an_attempt_that_is_tried_again_is_no_failure_of_its_flow(rows: Rows, run: Run) -> None:
    rows.channel()

    run(FAILED, max_retries=1)

    assert in_a_row(rows) == 0
    assert rows.told() == []


def test_who_waited_too_long_or_was_interrupted_has_failed(
    rows: Rows, submit: Any, claim: Any, context: Context
) -> None:
    rows.belongs(submit(waiting_timeout_s=1, now=NOON).task_id)
    context.call(claims.give_up_waiting, NOON + timedelta(seconds=2))
    assert in_a_row(rows) == 1

    rows.belongs(submit().task_id)
    task = claim()
    dead = Outcome("fail", code="interrupted", may_retry=False)
    context.call(claims.rescue, task.task_id, task.attempt, dead, clock.now())
    assert in_a_row(rows) == 2
    assert rows.one(Flow).failed_task_id == task.task_id


def test_a_task_whose_flow_is_gone_ends_as_any_other(run: Run, stored: Any) -> None:
    assert stored(run(FAILED, "deleted")).status == "failed"
    assert stored(run(DONE, "deleted")).status == "completed"


def test_the_schedule_is_switched_off_after_so_many_failures_in_a_row(rows: Rows, run: Run) -> None:
    rows.schedule(pause_after_failures=2, next_execution_at=NOON, fire_at=NOON, version=7)

    run(FAILED)
    assert rows.one(Schedule).is_enabled

    run(FAILED)
    paused = rows.one(Schedule)
    assert not paused.is_enabled
    assert (paused.next_execution_at, paused.fire_at) == (None, None)
    assert paused.pause_code == "paused_after_failures"
    assert paused.pause_params == {"count": 2, "error": "The agent crashed: on purpose"}
    assert paused.paused_at is not None
    assert paused.version == 8

    run(FAILED)
    assert rows.one(Schedule).version == 8


def test_a_schedule_that_a_person_switched_off_is_not_called_paused(rows: Rows, run: Run) -> None:
    rows.schedule(pause_after_failures=1, is_enabled=False)

    run(FAILED)

    assert rows.one(Schedule).paused_at is None


def test_each_channel_is_told_when_the_row_is_as_long_as_it_wants_and_not_again(
    rows: Rows, run: Run
) -> None:
    rows.channel("first", failed_after=1)
    rows.channel("third", failed_after=3)
    rows.channel("never", failed_after=None)

    for _ in range(5):
        run(FAILED)

    assert rows.told() == [("first", "failed"), ("third", "failed")]


def test_a_recovery_is_told_once_and_only_to_whom_the_failure_was_told(
    rows: Rows, run: Run
) -> None:
    rows.channel("first", failed_after=1)
    rows.channel("third", failed_after=3)
    rows.channel("quiet", failed_after=1, recovered=False)

    for outcome in (FAILED, DONE, DONE):
        run(outcome)

    assert rows.told() == [("first", "failed"), ("quiet", "failed"), ("first", "recovered")]


def test_a_pause_is_told_instead_of_the_failure_that_led_to_it(rows: Rows, run: Run) -> None:
    rows.schedule(pause_after_failures=1)
    rows.channel("both")
    rows.channel("failures", paused=False)

    run(FAILED)

    assert rows.told() == [("both", "paused"), ("failures", "failed")]


def test_what_is_off_already_stays_paused_when_it_is_saved_as_off(
    rows: Rows, run: Run, context: Context
) -> None:
    rows.schedule(pause_after_failures=2, version=1)
    run(FAILED)
    run(FAILED)
    paused = rows.one(Schedule)

    for changes in ({"is_enabled": False}, {"is_enabled": False, "description": "a note"}):
        context.call(schedules.change, "nightly", changes, **EDIT, now=clock.now())

    saved = rows.one(Schedule)
    assert (saved.description, saved.version) == ("a note", paused.version + 1)
    assert (saved.paused_at, saved.pause_code) == (paused.paused_at, paused.pause_code)
    assert saved.pause_params == paused.pause_params


def test_whoever_switched_it_off_failures_count_anew_when_it_is_switched_on(
    rows: Rows, run: Run, context: Context
) -> None:
    rows.schedule(pause_after_failures=2)
    run(FAILED)
    for on in (True, False):  # on, which it is, is no new beginning
        context.call(schedules.switch, "nightly", on, **EDIT, now=clock.now())
    run(FAILED)
    assert in_a_row(rows) == 2

    context.call(schedules.switch, "nightly", True, **EDIT, now=clock.now())

    assert in_a_row(rows) == 0
    run(FAILED)
    assert rows.one(Schedule).is_enabled


def test_after_a_resumption_failures_count_anew_and_the_recovery_is_still_told(
    rows: Rows, run: Run, context: Context
) -> None:
    rows.channel()
    rows.schedule(pause_after_failures=2)
    run(FAILED)
    run(FAILED)

    context.call(schedules.switch, "nightly", True, **EDIT, now=clock.now())

    assert in_a_row(rows) == 0
    run(DONE)
    assert [event for _, event in rows.told()] == ["failed", "paused", "recovered"]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"off": True}, []),
        ({"channels": ["b"]}, ["b"]),
        ({"channels": []}, []),
        ({"failed_after": 1}, ["a", "b"]),
        ({"failed_after": None}, []),
        ({"failed_after": 2}, []),
        ({"recovered": False}, ["a"]),
    ],
)
def test_a_flow_may_have_rules_of_its_own(
    rows: Rows, run: Run, rules: dict[str, Any], told: list[str]
) -> None:
    rows.flow("own", notify=rules)
    rows.channel("a")
    rows.channel("b", failed_after=5 if "failed_after" in rules or "recovered" in rules else 1)

    run(FAILED, "own")

    assert [name for name, _ in rows.told()] == told


def test_a_channel_that_is_switched_off_is_told_nothing(rows: Rows, run: Run) -> None:
    rows.channel(is_enabled=False)

    run(FAILED)

    assert rows.told() == []
    assert rows.read(Notification.__table__.select()) == []


def test_ten_thousand_missed_due_times_are_one_notice(rows: Rows, context: Context) -> None:
    rows.channel()
    rows.schedule()
    hours = [NOON + timedelta(hours=n) for n in range(3)]

    context.call(miss, [Missed("nightly", hours[0], hours[1], 9_999)], hours[1])
    context.call(miss, [Missed("nightly", hours[2], hours[2])], hours[1])

    assert rows.told() == [("phone", "missed")]
    assert rows.one(Notification).params["count"] == 9_999
    schedule = rows.one(Schedule)
    assert schedule.missed_count == 10_000
    assert (schedule.missed_from, schedule.missed_until) == (hours[0], hours[2])


def test_the_next_outage_is_told_and_counted_by_itself(rows: Rows, context: Context) -> None:
    rows.channel()
    rows.schedule()
    later = NOON + timedelta(days=2)

    context.call(miss, [Missed("nightly", NOON, NOON)], NOON)
    context.call(miss, [Missed("nightly", later, later)], later)

    assert len(rows.told()) == 2
    assert rows.one(Schedule).missed_count == 1


def miss(misses: list[Missed], now: Any) -> None:
    """What firing does with due times that it is too late for."""
    transaction(aftermath.missed)(misses, now)
