"""Lanes: what is refused, what a paused and a draining one do, and how one gets another name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from tests.services.lanes import Do, code_of, name_in_a_flow
from webapp import clock
from webapp.db import db
from webapp.domain import outcome as outcomes
from webapp.domain.errors import Conflict, Invalid, NotFound
from webapp.domain.lanes import MAX_LANES
from webapp.models import Lane
from webapp.queries import history, lanes
from webapp.queries.history import Filter
from webapp.runtime.context import Context
from webapp.services import lanes as verbs

DONE = outcomes.completed(None)


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        (verbs.pause, ("crawl", None)),
        (verbs.drain, ("crawl", None)),
        (verbs.resume, ("crawl",)),
        (verbs.reopen, ("crawl",)),
        (verbs.rename, ("crawl", "fetch")),
        (verbs.remove, ("crawl",)),
    ],
)
def test_a_lane_that_is_not_there_cannot_be_changed(
    do: Do, verb: Callable[..., None], given: tuple[Any, ...]
) -> None:
    with pytest.raises(NotFound, match="no lane named “crawl”"):
        do(verb, *given)


def test_two_lanes_are_not_called_the_same_in_whatever_case(do: Do) -> None:
    do(verbs.create, "crawl")
    do(verbs.create, "report")

    assert code_of(lambda: do(verbs.create, "Crawl")) == "lane_exists"
    assert code_of(lambda: do(verbs.rename, "report", "CRAWL")) == "lane_exists"
    assert code_of(lambda: do(verbs.rename, "report", "report")) == "lane_exists"
    do(verbs.rename, "report", "Report")


def test_there_is_a_bound_to_lanes(do: Do) -> None:
    for number in range(MAX_LANES - 1):
        do(verbs.create, f"lane{number}")

    assert code_of(lambda: do(verbs.create, "one-more")) == "too_many_lanes"


def test_main_keeps_its_name_and_stays(do: Do) -> None:
    assert code_of(lambda: do(verbs.rename, "main", "other")) == "lane_is_main"
    assert code_of(lambda: do(verbs.remove, "main")) == "lane_is_main"


def test_states_do_not_repeat_themselves(do: Do) -> None:
    do(verbs.create, "crawl")
    assert code_of(lambda: do(verbs.resume, "crawl")) == "lane_not_paused"
    assert code_of(lambda: do(verbs.reopen, "crawl")) == "lane_not_draining"
    do(verbs.pause, "crawl", None)
    assert code_of(lambda: do(verbs.pause, "crawl", None)) == "lane_already_paused"
    assert code_of(lambda: do(verbs.reopen, "crawl")) == "lane_not_draining"
    do(verbs.drain, "crawl", None)
    assert code_of(lambda: do(verbs.resume, "crawl")) == "lane_not_paused"


def test_in_a_paused_lane_nothing_begins_and_what_runs_is_concluded(
    do: Do, submit: Do, claim: Do, conclude: Do, look: Do
) -> None:
    do(verbs.create, "crawl")
    riding, waiting = submit(lane="crawl"), submit(lane="crawl")
    taken = claim("crawl")
    do(verbs.pause, "crawl", "their site is down")

    assert conclude(taken, DONE) is None
    assert claim("crawl") is None
    found = look("crawl")
    assert (found.state, found.state_reason, found.state_by) == (
        *("paused", "their site is down", "ann"),
    )
    assert (found.completed, found.pending) == (1, 1)

    do(verbs.resume, "crawl")
    assert claim("crawl").task_id == waiting.task_id != riding.task_id


def test_other_lanes_go_on_beside_a_paused_one(do: Do, submit: Do, claim: Do) -> None:
    do(verbs.create, "crawl")
    do(verbs.pause, "crawl", None)
    submit(lane="crawl")
    task = submit()

    assert claim("main").task_id == task.task_id


def test_a_draining_lane_takes_nothing_and_works_itself_empty(
    do: Do, submit: Do, claim: Do, conclude: Do
) -> None:
    do(verbs.create, "crawl")
    first, second = submit(lane="crawl"), submit(lane="crawl")
    taken = claim("crawl")
    do(verbs.drain, "crawl", "moving away")

    with pytest.raises(Conflict, match="it takes nothing new"):
        submit(lane="crawl")
    following = conclude(taken, DONE)
    assert (taken.task_id, following.task_id) == (first.task_id, second.task_id)
    conclude(following, DONE)

    do(verbs.reopen, "crawl")
    assert submit(lane="crawl").lane == "crawl"


def test_a_failed_attempt_waits_for_its_next_in_a_draining_lane(
    do: Do, submit: Do, claim: Do, conclude: Do, stored: Do
) -> None:
    do(verbs.create, "crawl")
    task = submit(lane="crawl", max_retries=1)
    taken = claim("crawl")
    do(verbs.drain, "crawl", None)

    conclude(taken, outcomes.crashed(RuntimeError("on purpose")))

    assert stored(task.task_id).status == "pending"
    assert claim("crawl", now=clock.now() + timedelta(hours=1)).attempt == 2


def test_a_lane_is_not_deleted_while_something_is_to_be_done_in_it(
    do: Do, submit: Do, claim: Do, conclude: Do, app: APIFlask
) -> None:
    do(verbs.create, "crawl")
    submit(lane="crawl")
    assert code_of(lambda: do(verbs.remove, "crawl")) == "lane_has_waiting"
    taken = claim("crawl")
    assert code_of(lambda: do(verbs.remove, "crawl")) == "lane_has_active"
    conclude(taken, DONE)
    with app.app_context():
        name_in_a_flow("crawl")

    with pytest.raises(Conflict, match="The flow “nightly” runs in the lane “crawl”"):
        do(verbs.remove, "crawl")


def test_finished_tasks_keep_the_name_of_a_deleted_lane_and_find_it_again(
    do: Do, submit: Do, claim: Do, conclude: Do, stored: Do, look: Do, context: Context
) -> None:
    do(verbs.create, "crawl")
    task = submit(lane="crawl")
    conclude(claim("crawl"), DONE)
    do(verbs.remove, "crawl")

    assert context.call(lanes.names) == ["main"]
    assert context.call(lanes.ever) == ["main", "crawl"]
    assert stored(task.task_id).lane == "crawl"
    assert context.call(history.count, Filter(lane="crawl")).number == 1
    with pytest.raises(Invalid, match="there is no lane named 'crawl'"):
        submit(lane="crawl")

    do(verbs.create, "crawl")
    assert look("crawl").completed == 1
    assert submit(lane="crawl").waiting == 0


def test_nothing_is_left_of_a_lane_in_which_nothing_was_done(do: Do, context: Context) -> None:
    do(verbs.create, "crawl")
    before = context.call(version)
    do(verbs.remove, "crawl")

    assert context.call(lanes.ever) == ["main"]
    assert context.call(version) > before  # whoever polls sees that it is gone


def version() -> int:
    rows = db.session.execute(select(Lane.__table__).where(Lane.__table__.c.deleted_at.is_(None)))
    return sum(row.version for row in rows)
