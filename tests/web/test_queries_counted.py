"""Pages and fragments ask the database a bounded number of times, however much there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from apiflask import APIFlask
from sqlalchemy import event

from tests.web.conftest import Browser
from webapp import clock
from webapp.db import db
from webapp.runtime.context import Context
from webapp.services import claims
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
FEW, MANY = 60, 120  # both more than a page, for what fits into one is not counted
MOST = {  # statements for one answer, the guard's own among them
    "/": 15,
    "/strip": 6,
    "/now/riding": 8,
    "/now/aside": 12,
    "/tasks": 14,
    "/tasks?status=pending&status=failed&agent=scripted&q=backup&when=7d": 30,
    "/tasks/rows?top=1000&bottom=1&first=1": 11,
    "/sessions": 8,
    "/sessions/one": 17,
    "/tasks/{task_id}": 11,
    "/tasks/{task_id}/live?tab=activity": 11,
    "/tasks/{task_id}/output": 9,
    "/tasks/{task_id}/details": 10,
    "/settings/health": 12,
    "/settings/llm-profiles": 12,
    "/settings/mcp-servers": 8,
    "/settings/composio": 9,
    "/api/status": 5,
    "/api/tasks/status": 3,
    "/api/tasks": 5,
    "/api/tasks?q=backup&status=pending&agent=scripted": 12,
    "/api/activity/sessions": 5,
    "/metrics": 14,
}
UNCHANGED = {"/strip": 4, "/now/riding": 4, "/now/aside": 5, "/tasks/rows": 3}


@pytest.fixture
def counted(app: APIFlask) -> Callable[[], Iterator[list[str]]]:
    """Every statement that reads while a block is entered."""

    @contextmanager
    def count() -> Iterator[list[str]]:
        asked: list[str] = []

        def note(*given: object) -> None:
            asked.append(str(given[2]))

        with app.app_context():
            engine = db.engines["read"]
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield asked
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return count


def test_the_number_of_queries_is_bounded_and_the_same_with_few_and_many_tasks(
    browser: Browser, submit: Submit, context: Context, counted: Callable[..., Iterator[list[str]]]
) -> None:
    for number in range(FEW):
        submit(f"backup {number}", session_id="one")
    taken = context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
    assert taken is not None

    def ask() -> dict[str, int]:
        found = {}
        for path in MOST:
            with counted() as asked:
                answer = browser.get(path.format(task_id=taken.task_id))
            assert answer.status_code == 200, path
            found[path] = len(asked)
        return found

    few = ask()
    for number in range(MANY):
        submit(f"backup {number}", session_id="one" if number % 2 else f"s{number}")
    many = ask()
    assert {path: count for path, count in many.items() if count > MOST[path]} == {}
    plain = [path for path in MOST if "q=" not in path]  # a text is looked for in one to three ways
    more = {path: (few[path], many[path]) for path in plain if many[path] > few[path] + 1}
    assert more == {}


def test_a_poll_that_learns_nothing_new_asks_hardly_anything(
    browser: Browser, submit: Submit, counted: Callable[..., Iterator[list[str]]]
) -> None:
    submit("backup")
    for path, most in UNCHANGED.items():
        page = browser.get(path, headers={"HX-Request": "true"}).text
        version = page.partition('name="v" value="')[2].partition('"')[0]
        with counted() as asked:
            answer = browser.get(f"{path}?v={version}", headers={"HX-Request": "true"})
        assert answer.status_code == 204, path
        assert len(asked) <= most, (path, asked)
