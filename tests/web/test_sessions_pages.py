"""The list of sessions and the pages of one, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from tests.web.conftest import Browser, counted, linked, names, paged
from webapp import clock
from webapp.config import Settings
from webapp.db import db
from webapp.runtime.context import Context
from webapp.services import records
from webapp.services.activity import Entry
from webapp.services.claims import Assignment
from webapp.services.news import News
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def says(context: Context) -> Callable[[Assignment, list[str]], None]:
    """A claimed task tells something."""

    def tell(taken: Assignment, lines: list[str]) -> None:
        entries = tuple(
            Entry(taken.task_id, taken.attempt, "scripted", "working", text=line) for line in lines
        )
        context.call(records.record, taken.task_id, taken.attempt, News(entries), clock.now())

    return tell


def poll(page: str, element: str) -> str:
    """The address that an element of the page asks, with the version it shows."""
    found = re.search(rf'id="{element}".*?hx-get="([^"]+)".*?name="v" value="([^"]+)"', page, re.S)
    assert found
    address = found[1].replace("&amp;", "&")
    return f"{address}{'&' if '?' in address else '?'}v={found[2]}"


def test_a_session_that_is_not_there_is_not_found_on_every_page(browser: Browser) -> None:
    for tab in ("", "/tasks", "/details", "/live?tab=conversation", "/ask/delete", "?before=3"):
        answer = browser.get(f"/sessions/nobody{tab}")
        assert (answer.status_code, "There is no session nobody." in answer.text) == (404, True)
    for verb in ("tasks", "delete"):
        assert browser.post(f"/sessions/nobody/{verb}").status_code == 404


def test_a_session_with_an_open_task_is_not_deleted(browser: Browser, submit: Submit) -> None:
    task_id = submit("wait", session_id="s").task_id
    asked = browser.get("/sessions/s/ask/delete", headers=HTMX).text
    assert "Stop them first" in asked
    assert "Delete it" not in asked

    answer = browser.post("/sessions/s/delete")

    assert answer.status_code == 409
    assert task_id in answer.text
    assert browser.get("/sessions/s").status_code == 200


@pytest.mark.parametrize("cursor", ["x", "~", "-1~s", "1~", "9999999999999999999999~s", "5~\0"])
def test_a_cursor_that_is_none_counts_as_not_given(
    browser: Browser, submit: Submit, cursor: str
) -> None:
    submit("one", session_id="s")
    answer = browser.get("/sessions", query_string={"before": cursor, "after": cursor})
    assert answer.status_code == 200
    assert browser.get("/sessions/~rows", query_string={"top": cursor}).status_code == 200


def test_what_is_wrong_with_a_new_task_is_said_and_nothing_typed_is_lost(
    browser: Browser, submit: Submit, api: Any
) -> None:
    submit("one", session_id="s")
    browser.get("/sessions/s")
    form = {"task_description": "echo kept", "agent": "shell", "working_dir": "relative"}
    for headers in ({}, HTMX):
        answer = browser.post("/sessions/s/tasks", {**form, "when_busy": "queue"}, headers=headers)
        assert answer.status_code == 422
        assert "absolute path" in answer.text
        assert "echo kept" in answer.text
        assert 'action="/sessions/s/tasks"' in answer.text
    assert api.get("/api/activity/sessions/s").json["task_count"] == 1


def test_only_if_free_is_refused_with_the_choice_to_wait(browser: Browser, submit: Submit) -> None:
    submit("one", session_id="s")
    browser.get("/sessions/s")
    form = {"task_description": "true", "agent": "shell", "when_busy": "reject"}
    answer = browser.post("/sessions/s/tasks", form, headers=HTMX)
    assert answer.status_code == 422
    assert "Add to lineup" in answer.text


def test_a_session_goes_on_with_a_new_task_of_its_own_whatever_the_form_says(
    browser: Browser, submit: Submit, api: Any
) -> None:
    submit("one", session_id="s")
    page = browser.get("/sessions/s").text
    assert 'id="composer"' in page
    form = {"task_description": "echo two", "agent": "shell", "when_busy": "queue"}

    answer = browser.post("/sessions/s/tasks", {**form, "session_id": "other"})

    assert (answer.status_code, answer.location) == (303, "/sessions/s")
    tasks = api.get("/api/activity/sessions/s/tasks").json["tasks"]
    assert [task["task_description"] for task in tasks] == ["one", "echo two"]
    again = browser.post("/sessions/s/tasks", form, headers=HTMX)
    assert again.headers["HX-Trigger"] == "refresh"
    assert "In the lineup" in again.text


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


@pytest.mark.both_databases
def test_a_conversation_is_grouped_by_task_and_lives(
    browser: Browser, submit: Submit, claim: Any, finish: Any, says: Any
) -> None:
    submit("first question", session_id="s")
    submit("second question\nin two lines", session_id="s")
    one = claim()
    says(one, ["thinking"])
    finish(one)
    page = browser.get("/sessions/s").text
    assert page.index("first question") < page.index("thinking") < page.index("Completed.")
    assert page.index("Completed.") < page.index("second question")  # it waits
    assert "every 1s" in page
    address = poll(page, "live")
    assert browser.get(address).status_code == 204

    two = claim()
    answer = browser.get(address).text
    assert 'id="head"' in answer
    assert answer.count('class="card turn"') == 2
    assert "in two lines</pre>" in answer
    finish(two)
    assert "every 5s" in browser.get("/sessions/s").text


def test_a_long_conversation_is_cut_and_what_was_before_comes_on_demand(
    browser: Browser, submit: Submit, claim: Any, says: Any
) -> None:
    submit("talk", session_id="s")
    taken = claim()
    says(taken, [f"line {number}" for number in range(1, 451)])
    seen = []
    address, headers = "/sessions/s", {}
    while address:
        page = browser.get(address, headers=headers).text
        seen.append([int(n) for n in re.findall(r">line (\d+)<", page)])
        found = re.search(r'hx-get="([^"]+before=\d+)"', page)
        address, headers = (found[1] if found else ""), HTMX
    assert [n for part in reversed(seen) for n in part] == list(range(1, 451))
    assert max(len(part) for part in seen) <= 200


def test_a_page_that_stays_open_keeps_its_beginning_until_that_is_too_much(
    browser: Browser, submit: Submit, claim: Any, says: Any
) -> None:
    submit("talk", session_id="s")
    taken = claim()
    address = poll(browser.get("/sessions/s").text, "live")
    says(taken, [f"line {number}" for number in range(1, 401)])
    assert ">line 1<" in browser.get(address).text
    says(taken, [f"line {number}" for number in range(401, 601)])
    answer = browser.get(address).text
    assert ">line 1<" not in answer
    assert ">line 600<" in answer
    left_out = re.search(r'href="([^"]+before=\d+)">What is left out', answer)
    assert left_out
    assert ">line 400<" in browser.get(left_out[1]).text


def test_a_deleted_task_leaves_its_words_in_the_conversation(
    browser: Browser, submit: Submit, api: Any
) -> None:
    task_id = submit("forgotten", session_id="s").task_id
    api.post(f"/api/tasks/{task_id}/stop")
    api.delete(f"/api/tasks/{task_id}")
    page = browser.get("/sessions/s").text
    assert "A task that was deleted" in page
    assert "forgotten" in page


def test_words_of_agents_and_names_of_sessions_are_never_markup(
    browser: Browser, submit: Submit, claim: Any, says: Any
) -> None:
    submit("<b>bold</b>", session_id="s")
    says(claim(), ["<script>alert(1)</script>"])
    for path in ("/sessions", "/sessions/s", "/sessions/s/tasks", "/sessions/s/ask/delete"):
        page = browser.get(path).text
        assert "&lt;b&gt;bold" in page
        assert "<b>bold" not in page
        assert "<script>alert" not in page
    assert "<b>" not in browser.get("/sessions?q=%3Cb%3E").text


def test_tasks_of_a_session_have_a_page_and_so_have_its_details(
    browser: Browser, submit: Submit
) -> None:
    for number in range(60):
        submit(f"task {number}", session_id="s")
    submit("elsewhere")
    page = browser.get("/sessions/s/tasks").text
    assert names(page) == [f"task {n}" for n in reversed(range(10, 60))]
    older = re.search(r'rel="next"\s+href="([^"]+)"', page)
    assert older
    page = browser.get(older[1]).text
    assert names(page) == [f"task {n}" for n in reversed(range(10))]
    assert browser.get(poll(page, "live")).status_code == 204
    details = browser.get("/sessions/s/details").text
    assert "/workspaces/s</code>" in details
    assert "/api/activity/sessions/s" in details


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


def test_a_deleted_session_is_gone(
    browser: Browser, submit: Submit, api: Any, settings: Settings
) -> None:
    task_id = submit("about", session_id="s").task_id
    api.post(f"/api/tasks/{task_id}/stop")
    workspace = settings.data / "workspaces" / "s"
    workspace.mkdir(parents=True)
    (workspace / "file").write_bytes(bytes(2048))
    asked = browser.get("/sessions/s/ask/delete").text
    assert "1 task with its output" in asked
    assert "1 file, 2.0 KiB" in asked
    assert browser.post("/sessions/s/delete").location == "/sessions"
    page = browser.get("/sessions").text
    assert "is deleted, with its tasks" in page
    assert names(page) == []
    assert browser.get("/sessions/s").status_code == 404
    assert browser.get(f"/tasks/{task_id}").status_code == 404


@pytest.mark.both_databases
def test_pages_of_sessions_ask_the_database_a_bounded_number_of_times(
    app: APIFlask, browser: Browser, submit: Submit, claim: Any, says: Any
) -> None:
    for number in range(30):
        submit(f"task {number}", session_id="s" if number % 2 else None)
    says(claim(), [f"line {number}" for number in range(300)])
    live = poll(browser.get("/sessions/s").text, "live")
    rows = poll(browser.get("/sessions").text, "rows")
    most = {
        "/sessions": 6,
        "/sessions/s": 12,
        "/sessions/s/tasks": 7,
        "/sessions/s/details": 6,
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
