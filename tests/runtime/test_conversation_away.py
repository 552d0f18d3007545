"""A conversation goes on while the database is away for moments, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests.profiles import make_profile
from tests.runtime.conftest import failing
from webapp.db import db
from webapp.queries import conversations
from webapp.runtime.context import Context
from webapp.runtime.worker import LaneWorker
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
SETTINGS = {"llm_profile_name": "demo", "memory": False}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("webapp.agents.llm.run.AWAY_S", "webapp.runtime.run.AWAY_S"):
        monkeypatch.setattr(place, 0.01)


def test_commits_that_fail_now_and_then_lose_neither_words_nor_figures(
    app: APIFlask, context: Context, submit: Submit, worker: LaneWorker, stored: Any
) -> None:
    make_profile(app)
    task = submit("Go.", agent="llm", agent_settings=SETTINGS)
    with failing(context, "gone", [False, *([True, False] * 12)]):
        worker.run_one()

    assert stored(task.task_id).status == "completed"
    used = context.call(conversations.usage, task.task_id)
    assert used is not None
    assert used["requests"] == 5
    said = context.call(conversations.said, task.session_id, most_characters=100_000)
    assert [message["kind"] for message in said] == ["request", "response"] * 5


def test_a_read_that_fails_is_asked_again(
    app: APIFlask, context: Context, submit: Submit, worker: LaneWorker, stored: Any
) -> None:
    make_profile(app)
    task = submit("Go.", agent="llm", agent_settings=SETTINGS)
    failed: list[str] = []

    def fail(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        about = statement.lstrip().startswith(("SELECT spent_days", "SELECT llm_profiles"))
        if about and len(failed) < 4:
            failed.append(statement)
            raise OperationalError(statement, {}, Exception("gone"))

    with app.app_context():
        engines = list(db.engines.values())
    for engine in engines:
        event.listen(engine, "before_cursor_execute", fail)
    try:
        worker.run_one()
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", fail)

    assert failed
    assert stored(task.task_id).status == "completed"
