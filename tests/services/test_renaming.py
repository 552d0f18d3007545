"""A lane gets another name: at once for what is open, in pieces for what is over."""

from __future__ import annotations

import pytest
from apiflask import APIFlask

from tests.services.lanes import Do, code_of, name_in_a_flow
from webapp import clock
from webapp.doctor import quick
from webapp.domain import outcome as outcomes
from webapp.domain.errors import Invalid
from webapp.queries import history, lanes
from webapp.queries.history import Filter
from webapp.runtime.context import Context
from webapp.services import lanes as verbs
from webapp.services.claims import Assignment

DONE = outcomes.completed(None)


def disagreements(app: APIFlask, context: Context) -> list[str]:
    """What the doctor finds wrong with the lanes."""
    with app.app_context():
        found = quick.findings(app, context.settings, clock.now())
    return [one.found for one in found if one.found == "found_lane_counts"]


def test_a_renamed_lane_takes_along_what_waits_what_runs_and_flows(
    do: Do, submit: Do, claim: Do, conclude: Do, stored: Do, look: Do, app: APIFlask
) -> None:
    do(verbs.create, "crawl")
    riding, waiting = submit(lane="crawl"), submit(lane="crawl")
    taken: Assignment = claim("crawl")
    do(verbs.pause, "crawl", "moving")
    with app.app_context():
        name_in_a_flow("crawl")
    do(verbs.rename, "crawl", "fetch")

    found = look("fetch")
    assert (found.running, found.pending, found.flows) == (1, 1, 1)
    assert (found.state, found.state_reason, found.task_id) == ("paused", "moving", riding.task_id)
    assert stored(riding.task_id).lane == "fetch"
    with pytest.raises(Invalid, match="the lane 'crawl' is called 'fetch' now"):
        submit(lane="crawl")

    assert conclude(taken, DONE) is None  # the run goes on where it was claimed, and ends here
    assert (look("fetch").completed, look("fetch").running) == (1, 0)
    do(verbs.resume, "fetch")
    assert claim("crawl") is None
    assert claim("fetch").task_id == waiting.task_id


def test_a_name_changes_at_once_and_finished_tasks_follow_in_pieces(
    do: Do, submit: Do, claim: Do, conclude: Do, look: Do, app: APIFlask, context: Context
) -> None:
    do(verbs.create, "crawl")
    for _ in range(5):
        submit(lane="crawl")
        conclude(claim("crawl"), DONE)
    do(verbs.rename, "crawl", "fetch")

    def move(limit: int) -> bool:
        return bool(context.call(verbs.move_finished, "crawl", limit, clock.now()))

    def known() -> tuple[int, int]:
        count = context.call(history.count, Filter(lane="fetch"))
        return count.number, len(context.call(history.page, Filter(lane="fetch")).rows)

    assert (look("fetch").completed, known()) == (0, (5, 5))
    assert move(2) is False
    assert (look("fetch").completed, known()) == (2, (5, 5))
    assert disagreements(app, context) == []
    assert code_of(lambda: do(verbs.create, "crawl")) == "lane_being_renamed"

    do(verbs.rename, "fetch", "gather")  # while they move, which then move there
    assert context.call(history.count, Filter(lane="gather")).number == 5
    for name in context.call(lanes.renamed):
        while not context.call(verbs.move_finished, name, 2, clock.now()):
            pass
    assert (look("gather").completed, context.call(lanes.ever)) == (5, ["main", "gather"])
    assert disagreements(app, context) == []


def test_a_lane_may_have_its_old_name_back_while_its_tasks_still_move(
    do: Do, submit: Do, claim: Do, conclude: Do, look: Do, context: Context
) -> None:
    do(verbs.create, "crawl")
    for _ in range(3):
        submit(lane="crawl")
        conclude(claim("crawl"), DONE)
    do(verbs.rename, "crawl", "fetch")
    context.call(verbs.move_finished, "crawl", 1, clock.now())

    do(verbs.rename, "fetch", "crawl")
    while not context.call(verbs.move_finished, "fetch", 10, clock.now()):
        pass

    assert look("crawl").completed == 3
    assert context.call(lanes.ever) == ["main", "crawl"]
