"""The pages of one session over HTTP: its conversation, its tasks, what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.conftest import Browser, names, poll
from webapp.config import Settings
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
HTMX = {"HX-Request": "true"}


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
