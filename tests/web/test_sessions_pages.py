"""The list of sessions over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from tests.web.conftest import Browser, counted, linked, names, paged, poll
from webapp import clock
from webapp.db import db
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize("cursor", ["x", "~", "-1~s", "1~", "9999999999999999999999~s", "5~\0"])
def test_a_cursor_that_is_none_counts_as_not_given(
    browser: Browser, submit: Submit, cursor: str
) -> None:
    submit("one", session_id="s")
    answer = browser.get("/sessions", query_string={"before": cursor, "after": cursor})
    assert answer.status_code == 200
    assert browser.get("/sessions/~rows", query_string={"top": cursor}).status_code == 200


@pytest.mark.both_databases
def test_the_list_pages_by_cursor_without_a_hole_or_a_double(
    browser: Browser, submit: Submit
) -> None:
    at = clock.now()
    for number in range(120):  # all at one moment: the id decides
        submit(f"about {number}", session_id=f"s{number:03}", now=at)
    seen, last = paged(browser, "/sessions")
    assert seen == [f"about {number}" for number in reversed(range(120))]
    newer = linked(last, "prev")
    assert newer
    assert names(browser.get(newer).text)[-1] == "about 20"


@pytest.mark.both_databases
def test_a_session_is_found_by_its_id_and_by_its_first_task(
    browser: Browser, submit: Submit
) -> None:
    submit("Crawl 100% of prices", session_id="Nightly")
    submit("second", session_id="Nightly")
    submit("invoices", session_id="x1")
    assert names(browser.get("/sessions?q=nigh").text) == ["Crawl 100% of prices"]
    assert names(browser.get("/sessions?q=100%25").text) == ["Crawl 100% of prices"]
    assert names(browser.get("/sessions?q=second").text) == []
    nothing = browser.get("/sessions?q=_").text
    assert names(nothing) == []
    assert "No session is about" in nothing


@pytest.mark.both_databases
def test_a_search_that_ends_before_the_first_session_says_so_and_goes_on(
    browser: Browser, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.queries.sessions.SEARCHED", 2)
    for number in range(5):
        submit("needle" if number == 0 else "hay", session_id=f"s{number}")
    page, found = browser.get("/sessions?q=needle").text, []
    while not found:
        further = re.search(r'href="([^"]+)">Look further back', page)
        assert further
        page = browser.get(further[1].replace("&amp;", "&")).text
        found = names(page)
    assert found == ["needle"]


@pytest.mark.both_databases
def test_rows_that_are_looked_at_stay_while_others_are_announced(
    browser: Browser, submit: Submit, api: Any
) -> None:
    submit("old", session_id="old")
    submit("older", session_id="older")
    page = browser.get("/sessions").text
    address = poll(page, "rows") + "&shown=older+old"
    assert browser.get(address).status_code == 204
    submit("again", session_id="old")
    submit("new", session_id="new")
    task_id = api.get("/api/activity/sessions/older/tasks").json["tasks"][0]["task_id"]
    api.post(f"/api/tasks/{task_id}/stop")

    answer = browser.get(address).text

    assert names(answer) == ["older", "old"]
    assert "stopped" in answer
    assert "1 new" in answer


@pytest.mark.parametrize("name", [".", "..", "a:b", "~rows", "rows"])
def test_a_session_of_any_name_has_a_page(browser: Browser, submit: Submit, name: str) -> None:
    if name != "~rows":
        submit("about", session_id=name)
    page = browser.get("/sessions").text
    if name == "~rows":
        assert browser.get("/sessions/~rows").status_code == 200
        return
    link = re.search(r'col-what"><a\s+href="([^"]+)"', page)
    assert link
    assert "about" in browser.get(link[1]).text


@pytest.mark.both_databases
def test_pages_of_sessions_ask_the_database_a_bounded_number_of_times(
    app: APIFlask, browser: Browser, submit: Submit, claim: Any, says: Any
) -> None:
    for number in range(30):
        submit(f"task {number}", session_id="s" if number % 2 else None)
    says(claim(), [f"line {number}" for number in range(300)])
    live = poll(browser.get("/sessions/s").text, "live")
    rows = poll(browser.get("/sessions").text, "rows")
    most = {  # of a page the strip asks some: world, freeze, what is next, what needs a look
        "/sessions": 7,
        "/sessions/s": 17,
        "/sessions/s/tasks": 9,
        "/sessions/s/details": 7,
        live: 3,
        rows: 3,
        live.partition("&v=")[0]: 10,
    }
    for path, bound in most.items():
        with counted(app) as statements:
            assert browser.client.get(path).status_code in (200, 204)
        asked = [s for s in statements if not s.startswith(("BEGIN", "PRAGMA"))]
        assert len(asked) <= bound, (path, len(asked), asked)


def test_lists_and_logs_are_read_by_an_index(app: APIFlask, submit: Submit) -> None:
    submit("one", session_id="s")
    plans = {
        "SELECT session_id FROM sessions WHERE deleted_at IS NULL"
        " ORDER BY last_activity DESC, session_id DESC LIMIT 50": "ix_sessions_last_activity",
        "SELECT 1 FROM tasks WHERE session_id = 's'"
        " AND status IN ('pending', 'running', 'paused')": "ix_tasks_open",
        "SELECT session_id FROM sessions WHERE deleted_at IS NOT NULL": "ix_sessions_deleted",
    }
    with app.app_context():
        if db.engine.dialect.name != "sqlite":
            return
        for query, index in plans.items():
            plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
            assert any(index in row[-1] for row in plan), plan
