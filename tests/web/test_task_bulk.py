"""Acting on many tasks from the list: asked by name, done once, and told exactly."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from apiflask import APIFlask
from flask import render_template
from werkzeug.test import TestResponse

from tests.web.conftest import Browser, as_bearer, make_token
from webapp.doors import bulk
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
HTMX = {"HX-Request": "true"}
ASK, ACT = "/tasks/bulk/ask", "/tasks/bulk"


def send(browser: Browser, path: str, operation: str, *task_ids: str, **more: str) -> TestResponse:
    """Send what the list's form sends."""
    data = {"csrf_token": browser.form_token, "operation": operation, **more}
    fields = [*data.items(), *(("task", task_id) for task_id in task_ids)]
    body = "&".join(f"{name}={value}" for name, value in fields)
    return browser.client.post(path, data=body, content_type="application/x-www-form-urlencoded")


def words(answer: TestResponse) -> str:
    """What a page says, in one line."""
    main = answer.text.partition("<main")[2].partition("</main>")[0] or answer.text
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)))


@pytest.fixture
def stopped(browser: Browser, submit: Submit) -> Callable[..., str]:
    """A task that was stopped while it waited."""

    def make(name: str = "over") -> str:
        task_id = submit(name).task_id
        assert browser.post(f"/tasks/{task_id}/stop").status_code == 303
        return task_id

    return make


def test_whoever_may_not_change_anything_is_refused(
    app: APIFlask, stranger: Browser, browser: Browser, submit: Submit
) -> None:
    task_id = submit().task_id
    form = {"operation": "stop", "task": task_id}
    reader = as_bearer(app, make_token(app, "read"))
    for path in (ASK, ACT):
        assert stranger.post(path, form).status_code == 401
        assert browser.post(path, {**form, "csrf_token": "forged"}).status_code == 403
        foreign = {"Origin": "https://evil.example"}
        assert browser.post(path, form, headers=foreign).status_code == 403
        assert reader.post(path, data=form).status_code == 403
    assert browser.client.get("/api/status").json["counts"]["pending"] == 1


def test_what_cannot_be_used_is_refused_in_words(browser: Browser, submit: Submit) -> None:
    task_id = submit().task_id
    for answer, said in [
        (send(browser, ASK, "explode", task_id), "there is no such operation"),
        (send(browser, ACT, "explode", task_id), "there is no such operation"),
        (send(browser, ASK, "stop"), "select at least one task"),
        (send(browser, ACT, "stop"), "select at least one task"),
        (send(browser, ACT, "stop", *map(str, range(1001))), "at most 1,000 at once"),
        (send(browser, ASK, "delete", scope="match"), "choose a filter first"),
        (send(browser, ASK, "delete", scope="match", when="never"), "no such period"),
    ]:
        assert answer.status_code == 400, said
        assert said in words(answer)
    assert browser.client.get("/api/status").json["counts"]["pending"] == 1


def test_a_confirmation_names_what_goes_and_what_stays(
    browser: Browser, submit: Submit, stopped: Callable[..., str]
) -> None:
    over = [stopped(f"over {n}") for n in range(8)]
    waiting = submit("still waits").task_id
    asked = send(browser, ASK, "delete", *over, waiting, back="/tasks?q=over")
    said = words(asked)
    assert "Delete 8 tasks and their output?" in said
    assert "over 7" in said
    assert "and 2 more" in said
    assert "1 is not over yet and stays" in said
    assert set(re.findall(r'name="task" value="([^"]+)"', asked.text)) == set(over)
    assert 'href="/tasks?q=over"' in asked.text
    assert "Stop 1 task?" in words(send(browser, ASK, "stop", *over, waiting))
    again = words(send(browser, ASK, "rerun", over[0], waiting))
    assert "Run 2 tasks again?" in again
    assert "1 of them is not over yet and will be there twice." in again
    assert "Nothing to delete" in words(send(browser, ASK, "delete", waiting))
    assert "not there any more" in words(send(browser, ASK, "delete", "gone"))


def test_all_that_match_are_the_ones_that_matched_when_it_was_asked(
    browser: Browser, submit: Submit, stopped: Callable[..., str]
) -> None:
    needles = {stopped("needle one"), stopped("needle two")}
    stopped("hay")
    asked = send(browser, ASK, "delete", scope="match", q="needle", status="stopped")
    stopped("needle three")
    assert set(re.findall(r'name="task" value="([^"]+)"', asked.text)) == needles
    assert "2 tasks and their output are deleted." in words(send(browser, ACT, "delete", *needles))
    left = browser.client.get("/api/tasks").json["tasks"]
    assert {task["task_description"] for task in left} == {"hay", "needle three"}


def test_the_result_says_what_was_done_and_of_each_other_why_not(
    browser: Browser, submit: Submit, stopped: Callable[..., str]
) -> None:
    over, waiting = stopped("over"), submit("still waits").task_id
    answer = send(browser, ACT, "delete", over, waiting, "gone", back="/tasks?q=o")
    said = words(answer)
    assert "1 task and its output are deleted. 2 were refused:" in said
    assert "only a finished task can be deleted. Stop it first. 1 task still waits" in said
    assert "There is no task gone." in said
    assert 'href="/tasks?q=o"' in answer.text
    assert browser.get(f"/tasks/{over}").status_code == 404
    evil = send(browser, ACT, "delete", waiting, back="//evil.example")
    assert "evil.example" not in evil.text
    assert "Nothing was done. 1 was refused:" in words(evil)


def test_a_fragment_is_only_a_notice(browser: Browser, stopped: Callable[..., str]) -> None:
    form = {"operation": "rerun", "task": stopped(), "idempotency_key": "once"}
    first, second = (browser.post(ACT, form, headers=HTMX) for _ in range(2))
    assert first.text == second.text
    assert first.text.lstrip().startswith('<div class="notice notice-done')
    assert "1 task is in the lineup again." in words(first)
    assert len(browser.client.get("/api/tasks").json["tasks"]) == 2
    asked = browser.post(ASK, form, headers=HTMX)
    assert "<html" not in asked.text


def test_a_reason_goes_with_every_task_that_is_stopped(browser: Browser, submit: Submit) -> None:
    task_ids = [submit().task_id for _ in range(2)]
    send(browser, ACT, "stop", *task_ids, reason="wrong+branch")
    for task_id in task_ids:
        assert "wrong branch" in browser.get(f"/tasks/{task_id}").text


def test_without_a_filter_all_that_match_are_not_offered(browser: Browser, submit: Submit) -> None:
    for _ in range(51):
        submit("many")
    assert 'name="scope"' not in browser.get("/tasks").text
    assert 'name="scope"' in browser.get("/tasks?status=pending").text


def test_what_there_was_no_time_for_is_offered_by_itself(
    app: APIFlask, stopped: Callable[..., str]
) -> None:
    done, left = stopped(), stopped()
    with app.test_request_context("/tasks/bulk"):
        result = bulk.act("rerun", [done, left], by="tester", patience_s=0.0)
        page = render_template("tasks/_bulk_result.html", result=result, reasons=[], back="")
    assert "There was no time left for 1." in page
    assert re.findall(r'name="task" value="([^"]+)"', page) == [left]
