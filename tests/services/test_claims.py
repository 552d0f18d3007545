"""Claiming: one at a time, in order, and what a waiting task may become."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.conftest import NOON
from tests.services.conftest import FAILED, log_of
from webapp import clock
from webapp.db import db
from webapp.domain.outcome import completed
from webapp.models import Attempt, Task
from webapp.queries import tasks
from webapp.runtime.context import Context
from webapp.services import claims, controls
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


def test_a_second_active_task_in_a_lane_is_refused_by_the_database_itself(
    app: APIFlask, submit: Submit
) -> None:
    for description in "ab":
        submit(description)
    with app.app_context(), db.engines[None].begin() as connection:
        table = Task.__table__
        with pytest.raises(IntegrityError):
            connection.execute(table.update().values(status="running"))


@pytest.mark.parametrize("status", ["RUNNING", "Completed", "", "lost"])
def test_the_database_refuses_a_status_that_is_none(
    app: APIFlask, submit: Submit, status: str
) -> None:
    submit()
    with (
        app.app_context(),
        db.engines[None].begin() as connection,
        pytest.raises(IntegrityError),
    ):
        connection.execute(Task.__table__.update().values(status=status))


def test_nothing_can_be_written_outside_a_verb(app: APIFlask, submit: Submit) -> None:
    submit()
    with app.app_context(), pytest.raises(DBAPIError, match=r"read-?only"):
        db.session.execute(Task.__table__.update().values(priority=1))


def test_a_busy_lane_has_nothing_to_claim(submit: Submit, claim: Any) -> None:
    submit("a")
    submit("b")

    assert claim() is not None
    assert claim(runner="another") is None


def test_a_task_in_its_backoff_leaves_the_lane_free(
    submit: Submit, claim: Any, conclude: Any
) -> None:
    submit("fails", max_retries=1, now=NOON)
    other = submit("other", now=NOON)
    first = claim(now=NOON)

    following = conclude(first, FAILED, NOON)

    assert following.task_id == other.task_id


def test_a_failed_attempt_with_retries_left_waits_and_is_tried_again(
    submit: Submit, claim: Any, conclude: Any, stored: Any, app: APIFlask
) -> None:
    task = submit("fails", max_retries=1, now=NOON)

    conclude(claim(now=NOON), FAILED, NOON)
    waiting = stored(task.task_id)
    assert (waiting.status, waiting.error_message) == ("pending", None)
    assert NOON < waiting.not_before <= NOON + timedelta(seconds=2)
    assert claim(now=NOON) is None

    later = NOON + timedelta(seconds=3)
    again = claim(now=later)
    assert again.attempt == 2
    conclude(again, FAILED, later)
    ended = stored(task.task_id)
    assert (ended.status, ended.started_at, ended.completed_at) == ("failed", NOON, later)
    with app.app_context():
        assert [(a.number, a.outcome) for a in tasks.attempts(task.task_id)] == [
            (1, "failed"),
            (2, "failed"),
        ]


def test_no_time_of_a_task_lies_before_the_one_it_follows(
    submit: Submit, claim: Any, conclude: Any, stored: Any, app: APIFlask
) -> None:
    task = submit("a", now=NOON)

    started = claim(now=NOON - timedelta(milliseconds=3))  # it waited for who submitted meanwhile
    assert stored(task.task_id).started_at == NOON
    conclude(started, completed(None), NOON - timedelta(hours=1))  # the clock was turned back

    ended = stored(task.task_id)
    assert ended.created_at == ended.started_at == ended.completed_at == ended.updated_at == NOON
    with app.app_context():
        [attempt] = tasks.attempts(task.task_id)
    assert attempt.started_at == attempt.ended_at == NOON


def test_the_highest_priority_goes_first_and_age_breaks_a_tie(
    submit: Submit, claim: Any, conclude: Any
) -> None:
    ids = {name: submit(name, priority=p).task_id for name, p in [("a", 0), ("b", 5), ("c", 5)]}
    order, assignment = [], claim()
    while assignment is not None:
        order.append(assignment.task_id)
        assignment = conclude(assignment, completed(None))

    assert order == [ids["b"], ids["c"], ids["a"]]


def test_how_long_it_may_wait_is_over_once_a_task_has_begun(
    submit: Submit, claim: Any, conclude: Any, context: Context
) -> None:
    submit(waiting_timeout_s=60, max_retries=1, now=NOON)
    later = NOON + timedelta(minutes=5)
    conclude(claim(now=NOON), FAILED, later)

    assert context.call(claims.give_up_waiting, later) == 0

    assert claim(now=later + timedelta(minutes=5)).attempt == 2


def test_a_task_that_waited_too_long_fails_with_that_reason(
    context: Context, app: APIFlask, submit: Submit, claim: Any, stored: Any
) -> None:
    task = submit(waiting_timeout_s=60, now=NOON)
    late = NOON + timedelta(seconds=61)

    assert claim(now=late) is None
    assert context.call(claims.give_up_waiting, NOON) == 0
    assert context.call(claims.give_up_waiting, late) == 1

    ended = stored(task.task_id)
    assert (ended.status, ended.error_code, ended.started_at) == ("failed", "waited_too_long", None)
    assert [s for _, s in log_of(app, task.session_id)] == ["request", "done"]


def test_a_waiting_task_whose_agent_is_gone_fails(
    context: Context, submit: Submit, stored: Any
) -> None:
    task = submit()

    context.call(claims.give_up_without_agent, frozenset({"shell"}), clock.now())

    assert stored(task.task_id).error_message == "There is no agent named “scripted” any more."


def test_a_task_stopped_while_waiting_still_opens_and_closes_in_the_log(
    context: Context, app: APIFlask, submit: Submit
) -> None:
    task = submit()

    context.call(controls.stop, task.task_id, by="ann", reason=None, now=clock.now())

    assert log_of(app, task.session_id)[0] == ("user", "request")
    assert log_of(app, task.session_id)[-1] == ("scripted", "done")


def plant_attempt(app: APIFlask, task_id: str) -> None:
    """An attempt that must not be there: the task cannot be claimed for the first time."""
    with app.app_context(), db.engines[None].begin() as connection:
        planted = {"task_id": task_id, "number": 1, "runner_id": "nobody", "started_at": NOON}
        connection.execute(Attempt.__table__.insert(), planted)


def test_what_keeps_a_task_from_being_claimed_is_not_taken_for_a_busy_lane(
    app: APIFlask, submit: Submit, claim: Any
) -> None:
    plant_attempt(app, submit().task_id)

    with pytest.raises(IntegrityError, match="attempts"):
        claim()
