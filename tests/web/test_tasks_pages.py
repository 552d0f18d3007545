"""The pages of one task and what can be done there, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import NOON
from tests.web.conftest import Browser
from webapp import clock
from webapp.domain.outcome import Outcome
from webapp.runtime.context import Context
from webapp.services import claims, controls, records
from webapp.services.activity import Entry
from webapp.services.claims import Assignment
from webapp.services.news import News
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
HTMX = {"HX-Request": "true"}


def test_a_task_that_is_not_there_is_not_found_on_every_page(browser: Browser) -> None:
    tabs = ("", "/output", "/result", "/details", "/live", "/ask/stop", "/output/part?attempt=1")
    for tab in tabs:
        assert browser.get(f"/tasks/none{tab}").status_code == 404, tab


def test_a_control_on_a_waiting_task_is_refused_in_words(browser: Browser, submit: Submit) -> None:
    response = browser.post(f"/tasks/{submit().task_id}/pause", headers=HTMX)
    assert response.status_code == 409
    assert response.headers["HX-Retarget"] == "#notices"
    assert "still waits" in response.text


def test_an_active_task_is_not_deleted(
    browser: Browser, submit: Submit, claim: Callable[[], Assignment]
) -> None:
    submit()
    response = browser.post(f"/tasks/{claim().task_id}/delete")
    assert response.status_code == 409
    assert "Stop it first" in response.text


def test_a_control_never_leads_to_another_site(browser: Browser, submit: Submit) -> None:
    task_id = submit().task_id
    response = browser.post(f"/tasks/{task_id}/stop", {"back": "//evil.example"})
    assert (response.status_code, response.location) == (303, f"/tasks/{task_id}")


def test_a_final_task_carries_no_trigger(
    browser: Browser, submit: Submit, claim: Callable[[], Assignment], finish: Any
) -> None:
    submit()
    taken = claim()
    path = f"/tasks/{taken.task_id}"
    assert f'hx-get="{path}/live' in browser.get(path).text
    finish(taken)
    live = browser.get(f"{path}/live?tab=activity").text
    assert f'hx-get="{path}/live' not in live
    assert "completed" in live


def test_a_task_that_failed_shows_neither_its_progress_nor_why_it_was_paused(
    browser: Browser, submit: Submit, claim: Callable[[], Assignment], context: Context
) -> None:
    submit()
    taken = claim()
    run, free = (taken.task_id, taken.attempt), lambda *_: None
    context.call(records.record, *run, News(progress={"step": 2, "steps": 3}), NOON)
    context.call(controls.pause, taken.task_id, by="tester", reason="Lunch", now=NOON, refuses=free)
    context.call(records.paused, *run, NOON)
    head = f"/tasks/{taken.task_id}/live?tab=output"
    assert "step 2 of 3" in browser.get(head).text
    assert "Lunch" in browser.get(head).text

    context.call(claims.rescue, *run, Outcome("fail", code="crashed", params={"error": ""}), NOON)

    assert "step 2 of 3" not in browser.get(head).text
    assert "Lunch" not in browser.get(head).text


def test_a_place_in_line_is_told_and_moves_up(
    browser: Browser, submit: Submit, claim: Callable[[], Assignment]
) -> None:
    submit("first")
    second = submit("second").task_id
    submit("urgent", priority=10)
    assert "waiting · 3rd" in browser.get(f"/tasks/{second}").text
    claim()
    page = browser.get(f"/tasks/{second}").text
    assert "waiting · 3rd" in page
    assert "Take out of the lineup" in page


def test_a_transcript_shows_instructions_with_their_receipts(
    browser: Browser, app: APIFlask, submit: Submit, claim: Callable[[], Assignment]
) -> None:
    submit("listen")
    task_id = claim().task_id
    with app.app_context():
        for text in ("the same", "the same"):
            controls.instruct(task_id, text, by="tester", now=NOON, refuses=lambda *_: None)
    page = browser.get(f"/tasks/{task_id}").text
    assert page.count("the same</span>") == 2
    assert page.count("receipt-queued") == 2


def test_a_long_transcript_is_cut_and_leads_to_what_was_before(
    browser: Browser, context: Context, submit: Submit, claim: Callable[[], Assignment]
) -> None:
    submit("many steps")
    taken = claim()
    steps = [
        Entry(taken.task_id, taken.attempt, "scripted", "working", text=f"step {n}")
        for n in range(450)
    ]
    context.call(records.record, taken.task_id, taken.attempt, News(tuple(steps)), clock.now())
    page = browser.get(f"/tasks/{taken.task_id}").text
    assert "step 449<" in page
    assert "step 249<" not in page
    earlier = re.search(r'href="([^"]+\?before=\d+)"', page)
    assert earlier
    assert "step 249<" in browser.get(earlier[1]).text


def test_a_result_is_markdown_that_can_do_no_harm(
    browser: Browser, submit: Submit, claim: Callable[[], Assignment], finish: Any
) -> None:
    submit("write")
    taken = claim()
    finish(taken, "# Title\n[x](javascript:alert(1)) <img src=x onerror=alert(1)> **bold**")
    page = browser.get(f"/tasks/{taken.task_id}/result").text
    assert "<h1>Title</h1>" in page
    assert "<strong>bold</strong>" in page
    assert 'href="javascript' not in page
    assert "<img src=x" not in page


@pytest.mark.parametrize(
    ("result", "shown"), [("x" * 300_000, "<p>x"), (f'["{"x" * 299_996}"]', "<pre>[&#34;x")]
)
def test_a_long_result_is_cut_in_words_and_the_whole_is_offered(
    browser: Browser,
    submit: Submit,
    claim: Callable[[], Assignment],
    finish: Any,
    result: str,
    shown: str,
) -> None:
    submit("write much")
    taken = claim()
    finish(taken, result)

    page = browser.get(f"/tasks/{taken.task_id}/result").text

    assert shown in page
    assert "only the first 200,000 of its 300,000 characters are shown" in page
    [whole] = re.findall(r'href="([^"]+)">The whole', page)
    assert browser.client.get(whole).json["task_result"] == result


def test_a_result_that_is_shown_as_a_whole_says_nothing_of_its_length(
    browser: Browser, submit: Submit, claim: Callable[[], Assignment], finish: Any
) -> None:
    submit("write")
    taken = claim()
    finish(taken, '{"all": "well"}')
    page = browser.get(f"/tasks/{taken.task_id}/result").text
    assert "<pre><code>{&#34;all&#34;" in page
    assert "characters are shown" not in page


def test_environment_values_are_masked_on_every_page(browser: Browser, api: Any) -> None:
    hidden = {"env": {"TOKEN": "s3cret"}, "secret_env": {"KEY": "s3cret-too-x4Qz"}}
    body = {"agent": "shell", "task_description": "true", **hidden}
    task_id = api.post("/api/tasks/submit", json=body).json["task_id"]
    for path in (f"/tasks/{task_id}/details", f"/tasks/{task_id}", f"/?edit={task_id}"):
        page = browser.get(path).text
        assert "s3cret" not in page
    assert "TOKEN=•••" in page
    assert "KEY=•••x4Qz" in page


def test_a_deleted_task_is_gone(browser: Browser, submit: Submit) -> None:
    task_id = submit().task_id
    browser.post(f"/tasks/{task_id}/stop")
    assert browser.post(f"/tasks/{task_id}/delete").location == "/tasks"
    assert browser.get(f"/tasks/{task_id}").status_code == 404


def test_running_again_leads_to_the_new_task(browser: Browser, api: Any) -> None:
    body = {"agent": "shell", "task_description": "true"}
    task_id = api.post("/api/tasks/submit", json=body).json["task_id"]
    response = browser.post(f"/tasks/{task_id}/rerun")
    assert response.status_code == 303
    assert response.location != f"/tasks/{task_id}"
    assert "true" in browser.get(response.location).text


def test_two_quick_clicks_on_run_again_make_one_new_task(browser: Browser, api: Any) -> None:
    body = {"agent": "shell", "task_description": "true"}
    task_id = api.post("/api/tasks/submit", json=body).json["task_id"]
    browser.post(f"/tasks/{task_id}/stop")
    key = browser.get(f"/tasks/{task_id}").text.partition('name="idempotency_key" value="')[2]
    form = {"idempotency_key": key.partition('"')[0]}
    first = browser.post(f"/tasks/{task_id}/rerun", form)
    second = browser.post(f"/tasks/{task_id}/rerun", form)
    assert first.location == second.location != f"/tasks/{task_id}"
    assert len(api.get("/api/tasks").json["tasks"]) == 2


def test_editing_an_earlier_task_keeps_how_long_it_may_wait(browser: Browser, api: Any) -> None:
    body = {"agent": "shell", "task_description": "true", "waiting_timeout_s": 90}
    task_id = api.post("/api/tasks/submit", json=body).json["task_id"]
    assert 'value="90"' in browser.get(f"/?edit={task_id}").text
