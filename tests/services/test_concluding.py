"""Concluding, and writes of a run that is not the task's own any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import NOON
from tests.services.conftest import FAILED, log_of
from webapp import clock
from webapp.db import db
from webapp.domain.errors import LostAttempt, NoSuchTask
from webapp.domain.outcome import Outcome, completed
from webapp.queries import activity, tasks
from webapp.runtime.context import Context
from webapp.services import claims, controls, records
from webapp.services.activity import Entry
from webapp.services.news import News
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


def test_concluding_and_claiming_the_next_are_one_commit(
    submit: Submit, claim: Any, conclude: Any, stored: Any
) -> None:
    first, second = submit("a"), submit("b")

    following = conclude(claim(), completed("done"))

    assert following.task_id == second.task_id
    assert (stored(first.task_id).status, stored(second.task_id).status) == ("completed", "running")


@pytest.mark.parametrize(
    "write",
    [
        lambda c, a: c.call(
            claims.conclude, a, completed("late"), News(), clock.now(), next_for=None
        ),
        lambda c, a: c.call(
            records.record,
            a.task_id,
            a.attempt,
            News([Entry(a.task_id, a.attempt, "late", "working", text="late")]),
            clock.now(),
        ),
        lambda c, a: c.call(records.paused, a.task_id, a.attempt, clock.now()),
        lambda c, a: c.call(records.resumed, a.task_id, a.attempt, clock.now()),
        lambda c, a: c.call(records.withdraw, a.task_id, a.attempt, "resume", clock.now()),
        lambda c, a: c.call(records.abandon, a.task_id, a.attempt, clock.now()),
    ],
    ids=["conclude", "record", "paused", "resumed", "withdraw", "abandon"],
)
@pytest.mark.parametrize("reclaimed", [True, False])
def test_no_write_of_a_lost_attempt_lands(
    app: APIFlask,
    context: Context,
    submit: Submit,
    claim: Any,
    stored: Any,
    write: Any,
    reclaimed: bool,
) -> None:
    task = submit("slept", max_retries=1, now=NOON)
    lost = claim(now=NOON)
    rescued = Outcome("fail", code="interrupted", may_retry=reclaimed)
    context.call(claims.rescue, lost.task_id, lost.attempt, rescued, NOON)
    if reclaimed:
        assert claim(runner="another", now=NOON + timedelta(minutes=1)).attempt == 2
    before = stored(task.task_id), log_of(app, task.session_id)

    with pytest.raises(LostAttempt):
        write(context, lost)

    assert (stored(task.task_id), log_of(app, task.session_id)) == before


def test_a_rescue_that_comes_too_late_changes_nothing(
    context: Context, submit: Submit, claim: Any, conclude: Any, stored: Any
) -> None:
    task = submit()
    assignment = claim()
    conclude(assignment, completed("done"))

    rescued = context.call(claims.rescue, task.task_id, 1, FAILED, clock.now())

    assert (rescued, stored(task.task_id).status) == (False, "completed")


def test_a_stop_accepted_before_the_agent_returned_makes_it_stopped_and_keeps_the_result(
    context: Context, submit: Submit, claim: Any, conclude: Any, stored: Any
) -> None:
    task = submit()
    assignment = claim()
    context.call(controls.stop, task.task_id, by="ann", reason="enough", now=clock.now())

    conclude(assignment, completed("almost all of it"))

    ended = stored(task.task_id)
    assert (ended.status, ended.task_result) == ("stopped", "almost all of it")
    assert (ended.stop_reason, ended.wish, ended.error_message) == ("enough", None, None)


def test_a_result_text_never_stands_in_for_a_failure(
    submit: Submit, claim: Any, conclude: Any, stored: Any
) -> None:
    task = submit()

    conclude(claim(), Outcome("fail", result="half of it", code="crashed", params={"error": "x"}))

    ended = stored(task.task_id)
    assert (ended.status, ended.task_result) == ("failed", "half of it")
    assert ended.error_message == "The agent crashed: x"
    assert ended.error_code == "crashed"


def test_no_two_neighbours_in_a_log_are_equal_and_the_index_has_no_hole(
    context: Context, app: APIFlask, submit: Submit, claim: Any
) -> None:
    task = submit()
    claim()
    again = Entry(task.task_id, 1, "scripted", "working", text="still here")
    context.call(records.record, task.task_id, 1, News([again, again]), clock.now())
    context.call(records.record, task.task_id, 1, News([again]), clock.now())
    elsewhere = Entry("another task", 1, "scripted", "working", text="still here")
    context.call(records.record, task.task_id, 1, News([elsewhere]), clock.now())

    with app.app_context():
        rows = activity.newest(task.session_id, 100)
    said = [(r.agent_name, r.agent_status, r.agent_msg) for r in rows]
    assert all(a != b for a, b in pairwise(said))
    assert [r.message_index for r in rows] == list(range(len(rows)))
    assert [m for *_, m in said[1:]] == ["still here", "still here (task another task)"]


def test_the_counts_of_lane_and_session_are_kept_by_every_move(
    app: APIFlask, context: Context, submit: Submit, claim: Any, conclude: Any
) -> None:
    for name in "abc":
        submit(name, session_id="s")
    conclude(claim(), completed(None))

    with app.app_context():
        assert tasks.counts() == {
            "pending": 1,
            "running": 1,
            "paused": 0,
            "completed": 1,
            "failed": 0,
            "stopped": 0,
        }
        [session], total = activity.sessions(10, 0)
    assert (session.task_count, session.status, total) == (3, "pending", 1)


def test_concluding_a_task_that_does_not_exist_is_refused(
    submit: Submit, claim: Any, conclude: Any, app: APIFlask
) -> None:
    submit()
    assignment = claim()
    with app.app_context(), db.engines[None].begin() as connection:
        connection.exec_driver_sql("DELETE FROM tasks")

    with pytest.raises(NoSuchTask):
        conclude(assignment, completed(None))


def test_a_retry_forgets_why_the_attempt_before_was_paused(
    context: Context, submit: Submit, claim: Any, conclude: Any, stored: Any
) -> None:
    task = submit(max_retries=1)
    assignment = claim()
    context.call(
        controls.pause, task.task_id, by="ann", reason="lunch", now=NOON, refuses=lambda *_: None
    )
    context.call(records.paused, task.task_id, 1, NOON)
    assert stored(task.task_id).pause_reason == "lunch"

    conclude(assignment, FAILED)

    assert (stored(task.task_id).status, stored(task.task_id).pause_reason) == ("pending", None)
