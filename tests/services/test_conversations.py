"""What was said to models is kept and counted, and what may not begin because of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tests.conftest import NOON
from tests.factories import MakeFlow
from webapp.db import db
from webapp.domain.errors import LostAttempt
from webapp.domain.spending import UNLIMITED, Allowance
from webapp.models import Attempt, SessionMessage, SpentDay, Task
from webapp.queries import conversations
from webapp.runtime.context import Context
from webapp.services import claims, lanes, spending
from webapp.services.claims import Assignment
from webapp.services.spending import Used
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
DAY = "2026-11-29"
USED = Used("tiny-1", requests=1, input_tokens=100, output_tokens=20, cost=0.5)


@pytest.fixture
def talk(submit: Submit) -> Submit:
    """Submit a task for a model past the doors."""
    return lambda **fields: submit("Talk.", agent="llm", agent_settings={}, **fields)


def claim(
    context: Context, lane: str = "main", allowance: Allowance = UNLIMITED
) -> Assignment | None:
    runner = context.identity.runner_id
    return context.call(claims.claim_next, lane, runner, NOON, allowance=allowance)


def keep(context: Context, task: Assignment, messages: dict[int, Any], used: Any = None) -> None:
    context.call(
        spending.keep,
        task.task_id,
        task.attempt,
        messages,
        NOON,
        used=used,
        allowance=Allowance(DAY),
    )


def test_a_run_that_lost_its_attempt_keeps_and_counts_nothing(
    app: APIFlask, context: Context, talk: Submit
) -> None:
    talk()
    task = claim(context)
    assert task is not None
    lost = replace(task, attempt=task.attempt + 1)

    with pytest.raises(LostAttempt):
        keep(context, lost, {0: {"kind": "request"}}, USED)

    with app.app_context():
        assert db.session.execute(select(SessionMessage.id)).all() == []
        assert db.session.execute(select(SpentDay.day)).all() == []


def test_a_message_that_grew_replaces_itself_and_the_order_stays(
    context: Context, talk: Submit
) -> None:
    talk()
    task = claim(context)
    assert task is not None

    keep(context, task, {0: {"n": 0}, 1: {"n": 1}})
    keep(context, task, {1: {"n": "1, grown"}, 2: {"n": 2}})

    found = context.call(conversations.said, task.session_id, most_characters=10_000)
    assert found == [{"n": 0}, {"n": "1, grown"}, {"n": 2}]


def test_only_about_as_much_is_read_as_is_to_be_told(context: Context, talk: Submit) -> None:
    talk()
    task = claim(context)
    assert task is not None
    keep(context, task, {number: {"text": "x" * 100} for number in range(300)})

    found = context.call(conversations.said, task.session_id, most_characters=1_000)

    assert 9 <= len(found) <= 100
    assert context.call(conversations.said, task.session_id, most_characters=0) == []


def test_what_is_used_is_counted_for_the_attempt_the_flow_and_the_day(
    app: APIFlask, context: Context, talk: Submit, make_flow: MakeFlow
) -> None:
    flow_id = make_flow()
    talk(flow_id=flow_id)
    task = claim(context)
    assert task is not None

    keep(context, task, {}, USED)
    keep(context, task, {}, replace(USED, cost=None))

    with app.app_context():
        attempt = db.session.execute(select(Attempt.__table__)).one()
        days = conversations.spent(DAY, [flow_id, ""])
    assert (attempt.requests, attempt.input_tokens, attempt.output_tokens) == (2, 200, 40)
    assert (attempt.cost, attempt.unpriced, attempt.model) == (0.5, 1, "tiny-1")
    assert days == {one: {"requests": 2, "tokens": 240, "cost": 0.5} for one in (flow_id, "")}


def test_runs_at_the_same_moment_are_all_counted(
    app: APIFlask, context: Context, talk: Submit
) -> None:
    talk()
    task = claim(context)
    assert task is not None
    ready = threading.Barrier(4)

    def count() -> None:
        ready.wait()
        for _ in range(5):
            keep(context, task, {}, USED)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert context.call(conversations.spent, DAY, [""])[""]["requests"] == 20


@pytest.mark.parametrize("limits", [{"requests": 1}, {"tokens": 100}, {"cost": 0.4}])
def test_a_day_without_anything_left_keeps_models_waiting_and_nobody_else(
    *, context: Context, talk: Submit, submit: Submit, limits: dict[str, Any]
) -> None:
    talk()
    task = claim(context)
    assert task is not None
    keep(context, task, {}, USED)
    context.call(claims.rescue, task.task_id, task.attempt, claims.outcomes.stopped(), NOON)
    waiting, other = talk(), submit("b")

    claimed = claim(context, allowance=Allowance(DAY, **limits))
    assert claimed is not None
    assert claimed.task_id == other.task_id
    context.call(claims.rescue, other.task_id, claimed.attempt, claims.outcomes.stopped(), NOON)
    assert claim(context, allowance=Allowance(DAY, **limits)) is None

    tomorrow = claim(context, allowance=Allowance("2026-11-30", **limits))
    assert tomorrow is not None
    assert tomorrow.task_id == waiting.task_id


def test_the_database_itself_refuses_a_second_talk_in_a_session(
    app: APIFlask, context: Context, talk: Submit
) -> None:
    context.call(lanes.create, "side", by="ann", now=NOON)
    first = talk()
    second = talk(session_id=first.session_id, lane="side")
    table = Task.__table__
    with app.app_context(), db.engines[None].begin() as connection:
        ours = table.c.task_id.in_([first.task_id, second.task_id])
        with pytest.raises(IntegrityError, match=r"session_id|active_talk"):
            connection.execute(table.update().where(ours).values(status="paused"))
