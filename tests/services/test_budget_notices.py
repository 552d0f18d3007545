"""Eighty per cent of a budget of the day: told once a day, a flow's and the server's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import NOON
from tests.flowing import Rows, rows
from webapp.domain.errors import LostAttempt
from webapp.domain.spending import OVERALL, Allowance
from webapp.models import Flow, Notification, SpentDay
from webapp.runtime.context import Context
from webapp.services import spending
from webapp.services.spending import Used

__all__ = ["rows"]

DAY = "2026-11-23"
FREE = Allowance(DAY)
Use = Callable[..., None]


@pytest.fixture
def use(submit: Any, claim: Any, rows: Rows, context: Context) -> Use:
    """Have a run of a flow use so many tokens in one answer; it goes on."""
    running: list[Any] = []

    def keep(
        tokens: int, *, flow_id: str = "", allowance: Allowance = FREE, cost: float | None = None
    ) -> None:
        if not running:
            task_id = submit().task_id
            if flow_id:
                rows.belongs(task_id, flow_id)
            running.append(claim())
        used = Used("tiny-1", 1, tokens, 0, cost)
        task = running[0]
        context.call(
            spending.keep, task.task_id, task.attempt, {}, NOON, used=used, allowance=allowance
        )

    return keep


def sentences(rows: Rows) -> list[tuple[str, Any]]:
    """What was told, as code and parameters."""
    found = rows.read(Notification.__table__.select().order_by(Notification.notification_id))
    return [(row.code, row.params) for row in found]


def warned(rows: Rows) -> dict[str, bool]:
    """Of whose budgets somebody was told, by flow."""
    return {row.flow_id: row.warned for row in rows.read(SpentDay.__table__.select())}


def test_below_eighty_per_cent_and_without_a_budget_nothing_is_told(rows: Rows, use: Use) -> None:
    rows.channel()
    rows.flow("ask", budget={"tokens": 100})

    use(79, flow_id="ask")
    use(0, flow_id="ask", allowance=Allowance(DAY, tokens=100))

    assert rows.told() == []
    assert warned(rows) == {OVERALL: False, "ask": False}


def test_a_flows_budget_is_told_of_once_a_day(rows: Rows, use: Use) -> None:
    rows.channel()
    rows.flow("ask", budget={"tokens": 100, "requests": 50})

    for tokens in (79, 1, 30):
        use(tokens, flow_id="ask")

    assert rows.told() == [("phone", "budget")]
    params = {"flow": "ask", "limit": "100", "part": 80}
    assert sentences(rows) == [("told_flow_budget_tokens", params)]
    notice = rows.one(Notification)
    assert (notice.flow_id, notice.task_id is not None) == ("ask", True)
    use(95, flow_id="ask", allowance=Allowance("2026-11-24"))
    assert len(rows.told()) == 2


def test_the_servers_budget_is_told_of_and_is_about_no_flow(rows: Rows, use: Use) -> None:
    rows.channel()
    allowed = Allowance(DAY, cost=0.1)

    use(10, cost=0.08, allowance=allowed)
    use(10, cost=0.08, allowance=allowed)

    assert sentences(rows) == [("told_day_budget_cost", {"limit": "0.10", "part": 80})]
    assert rows.one(Notification).flow_id is None


def test_both_are_told_where_both_are_reached_and_one_may_go_beyond(rows: Rows, use: Use) -> None:
    rows.channel()
    rows.flow("ask", budget={"requests": 1})

    use(150, flow_id="ask", allowance=Allowance(DAY, tokens=100))

    assert [code for code, _ in sentences(rows)] == [
        "told_day_budget_tokens",
        "told_flow_budget_requests",
    ]
    assert [params["part"] for _, params in sentences(rows)] == [150, 100]


def test_who_does_not_want_it_is_not_told(rows: Rows, use: Use) -> None:
    rows.channel("wants")
    rows.channel("not", budget=False)
    rows.flow("ask", budget={"tokens": 10}, notify={"channels": ["not"], "budget": True})

    use(10, flow_id="ask", allowance=Allowance(DAY, tokens=10))

    assert rows.told() == [("wants", "budget"), ("not", "budget")]
    assert [row.flow_id for row in rows.read(Notification.__table__.select())] == [None, "ask"]


@pytest.mark.parametrize("notify", [{"off": True}, {"budget": False}])
def test_a_flow_may_have_it_told_to_nobody(rows: Rows, use: Use, notify: dict[str, bool]) -> None:
    rows.channel()
    rows.flow("ask", budget={"tokens": 10}, notify=notify)

    use(10, flow_id="ask")

    assert rows.told() == []
    assert warned(rows)["ask"]


def test_a_flow_that_is_gone_has_no_budget(rows: Rows, use: Use) -> None:
    rows.channel()
    rows.flow("ask", budget={"tokens": 10})
    use(1, flow_id="ask")
    rows.write(Flow.__table__.delete())

    use(10, flow_id="ask")

    assert rows.told() == []


def test_a_run_that_was_lost_counts_and_tells_nothing(
    rows: Rows, submit: Any, context: Context
) -> None:
    rows.channel()
    task_id = submit().task_id
    used = Used("tiny-1", 1, 100, 0, None)

    with pytest.raises(LostAttempt):
        context.call(
            spending.keep, task_id, 1, {}, NOON, used=used, allowance=Allowance(DAY, tokens=10)
        )

    assert rows.told() == []
    assert warned(rows) == {}
