"""All tasks that a filter finds, as one file, over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from webapp.db import db
from webapp.queries import history
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


def rows(api: FlaskClient, query: str = "") -> list[dict[str, str]]:
    """The lines of the CSV file, by their columns."""
    answer = api.get(f"/api/tasks/export?format=csv{query}")
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.mark.any_database
@pytest.mark.parametrize("query", ["format=xml", "status=asleep", "format=csv&format=json", "x=y"])
def test_what_cannot_be_meant_is_refused(api: FlaskClient, query: str) -> None:
    answer = api.get(f"/api/tasks/export?{query}")
    assert answer.status_code == 400
    assert query.split("=", maxsplit=1)[0] in answer.get_json()["fields"]


def test_nobody_gets_it_without_a_login(anonymous: FlaskClient) -> None:
    assert anonymous.get("/api/tasks/export?format=csv").status_code == 401


def test_text_that_looks_like_a_formula_stays_text(api: FlaskClient, submit: Submit) -> None:
    dangerous = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"]
    for text in dangerous:
        submit(text, priority=-10)
    assert [row["task_description"] for row in rows(api)] == [f"'{t}" for t in dangerous[::-1]]
    assert {row["priority"] for row in rows(api)} == {"-10"}


def test_everything_that_the_filters_leave_is_in_the_file_once(
    api: FlaskClient, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH", 3)
    texts = [f'备份 "{number}", done\nsecond line' for number in range(10)]
    for text in texts:
        submit(text, session_id="one")
    submit("other", session_id="two")
    found = rows(api, "&session_id=one&q=备份")
    assert [row["task_description"] for row in found] == texts[::-1]
    assert found[0]["created_at"].endswith("+00:00")
    assert found[0]["started_at"] == ""

    answer = api.get("/api/tasks/export?session_id=one")
    assert answer.get_json()["total_count"] == 10
    assert [task["task_description"] for task in answer.get_json()["tasks"]] == texts[::-1]
    assert answer.headers["Content-Disposition"].endswith('.json"')


def test_nothing_is_held_while_a_client_is_slow(
    anonymous: FlaskClient, token: str, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH", 2)
    for number in range(6):
        submit(f"task {number}")
    asked: list[str] = []
    with anonymous.application.app_context():
        engine = db.engines["read"]
        event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    bearer = {"Authorization": f"Bearer {token}"}
    answer = anonymous.get("/api/tasks/export", headers=bearer, buffered=False)
    pieces = iter(answer.response)
    next(pieces)
    next(pieces)
    begun = len(asked)
    assert engine.pool.checkedout() == 0
    list(pieces)
    assert len(asked) > begun
