"""The life of a task: every move that is not in the table is refused."""

from __future__ import annotations

from itertools import product

import pytest

from webapp.domain.errors import IllegalMove
from webapp.domain.task_state import ACTIVE, FINAL, MOVES, Status, after

ALLOWED = {
    ("pending", "claim"): "running",
    ("pending", "cancel"): "stopped",
    ("pending", "give_up"): "failed",
    ("running", "pause"): "paused",
    ("paused", "resume"): "running",
    **{(status, "complete"): "completed" for status in ("running", "paused")},
    **{(status, "fail"): "failed" for status in ("running", "paused")},
    **{(status, "stop"): "stopped" for status in ("running", "paused")},
    **{(status, "retry"): "pending" for status in ("running", "paused")},
}
EVERY = list(product(Status, MOVES))


@pytest.mark.parametrize(("status", "move"), [p for p in EVERY if p not in ALLOWED])
def test_a_move_that_the_table_does_not_have_is_refused(status: Status, move: str) -> None:
    with pytest.raises(IllegalMove) as refused:
        after(status, move)

    assert refused.value.status == 409
    assert str(status) in str(refused.value)


@pytest.mark.parametrize(("status", "move"), [p for p in EVERY if p in ALLOWED])
def test_a_move_of_the_table_leads_where_it_says(status: Status, move: str) -> None:
    assert after(status, move) == ALLOWED[status, move]


def test_nothing_leads_out_of_a_final_state() -> None:
    assert all(not sources & FINAL for sources, _ in MOVES.values())


def test_only_running_and_paused_tasks_hold_their_lane() -> None:
    assert {"running", "paused"} == ACTIVE
