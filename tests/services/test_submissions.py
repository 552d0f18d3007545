"""Taking a task in: refusals first, and what a race may not do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import NOON
from webapp import clock
from webapp.db import db
from webapp.domain.errors import Conflict, Gone, Invalid, Refused, TooMany, Unprocessable
from webapp.domain.outcome import completed
from webapp.queries import history
from webapp.queries.history import Filter
from webapp.runtime.context import Context
from webapp.services import claims
from webapp.services import tasks as task_verbs
from webapp.services.news import News
from webapp.services.submissions import Promise, Submitted

Submit = Callable[..., Submitted]


def everything(app: APIFlask) -> list[Any]:
    with app.app_context():
        return history.page(Filter(), limit=1000, whole=True).rows


def run_one(context: Context) -> None:
    """Claim the next task and complete it."""
    assignment = context.call(claims.claim_next, "main", "tests", clock.now())
    assert assignment is not None
    context.call(claims.conclude, assignment, completed("done"), News(), clock.now(), next_for=None)


def test_an_unknown_lane_is_refused_by_name_and_nothing_is_stored(
    app: APIFlask, submit: Submit
) -> None:
    with pytest.raises(Invalid) as refused:
        submit(lane="nowhere")

    assert "lane" in refused.value.fields
    assert everything(app) == []


@pytest.mark.parametrize("first", ["pending", "running"])
def test_a_busy_lane_refuses_and_names_the_oldest_task(
    context: Context, submit: Submit, first: str
) -> None:
    oldest = submit("oldest")
    submit("younger")
    if first == "running":
        context.call(claims.claim_next, "main", "tests", clock.now())

    with pytest.raises(Conflict) as refused:
        submit(when_busy="reject")

    assert refused.value.code == "task_running"
    active = refused.value.extra["active_task"]
    assert (active["task_id"], active["status"]) == (oldest.task_id, first)
    assert (active["start_time"] is None) == (first == "pending")


def test_a_full_queue_is_429_with_a_time_to_come_back(submit: Submit) -> None:
    submit(max_pending=1)

    with pytest.raises(TooMany) as refused:
        submit(max_pending=1)

    assert refused.value.retry_after_s > 0


def test_of_fifty_simultaneous_rejecting_submissions_exactly_one_wins(
    app: APIFlask, submit: Submit
) -> None:
    start, answers = threading.Barrier(50), []

    def hand_in() -> None:
        start.wait()
        try:
            answers.append(submit(when_busy="reject").task_id)
        except Refused as refusal:
            answers.append(refusal.code)

    threads = [threading.Thread(target=hand_in) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(everything(app)) == 1
    assert answers.count("task_running") == 49


def test_a_key_with_another_body_is_refused(submit: Submit) -> None:
    submit(promise=Promise("submit", "k", "one body"))

    with pytest.raises(Unprocessable):
        submit(promise=Promise("submit", "k", "another body"))


def test_a_key_whose_task_was_deleted_is_gone(context: Context, submit: Submit) -> None:
    first = submit(promise=Promise("submit", "k", "body"))
    run_one(context)
    context.call(task_verbs.delete, first.task_id, by="tester", now=clock.now())

    with pytest.raises(Gone):
        submit(promise=Promise("submit", "k", "body"))


def test_a_refusal_is_not_remembered_for_its_key(context: Context, submit: Submit) -> None:
    submit("in the way")
    promise = Promise("submit", "k", "body")
    with pytest.raises(Conflict):
        submit(when_busy="reject", promise=promise)
    run_one(context)

    assert submit(when_busy="reject", promise=promise).task_id


def test_the_same_key_and_body_get_the_first_answer(app: APIFlask, submit: Submit) -> None:
    promise = Promise("submit", "k", "body")

    assert submit(promise=promise) == submit(promise=promise)
    assert len(everything(app)) == 1


@pytest.mark.parametrize("differs", ["principal", "route", "age"])
def test_a_key_counts_for_one_principal_one_route_and_one_day(
    app: APIFlask, submit: Submit, differs: str
) -> None:
    submit(promise=Promise("submit", "k", "body"), now=NOON)
    submit(
        promise=Promise("rerun" if differs == "route" else "submit", "k", "body"),
        by="somebody else" if differs == "principal" else "tester",
        now=NOON + timedelta(hours=25 if differs == "age" else 0),
    )

    assert len(everything(app)) == 2


def test_fifty_repeats_of_one_request_at_once_make_one_task(app: APIFlask, submit: Submit) -> None:
    start, answers = threading.Barrier(50), set()

    def hand_in() -> None:
        start.wait()
        answers.add(submit(promise=Promise("submit", "k", "body")).task_id)

    threads = [threading.Thread(target=hand_in) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == len(everything(app)) == 1


@pytest.mark.any_database
@pytest.mark.parametrize("session_id", ["..", ".", "a:b", "Upper", "x" * 64])
def test_no_session_id_leads_out_of_the_workspaces(
    submit: Submit, settings: Any, session_id: str
) -> None:
    workspaces = settings.data / "workspaces"

    made = submit(session_id=session_id).workspace_dir

    assert (workspaces / made).resolve().parent == workspaces.resolve()


def test_tasks_of_one_session_share_its_workspace(submit: Submit) -> None:
    first, second = submit(session_id="s"), submit(session_id="s")

    assert first.workspace_dir == second.workspace_dir


def test_what_was_not_sent_is_null_in_the_database_and_not_the_word(
    app: APIFlask, submit: Submit
) -> None:
    submit()

    with app.app_context(), db.engines[None].connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM tasks WHERE mcp_server_config IS NULL AND progress IS NULL"
        )
        assert found.scalar_one() == 1
