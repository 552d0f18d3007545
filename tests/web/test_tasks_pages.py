"""The history and the pages of one task, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import NOON
from tests.web.conftest import Browser
from webapp import clock
from webapp.domain import outcome as outcomes
from webapp.output import OutputStore, OutputWriter
from webapp.runtime.context import Context
from webapp.services import claims, controls, records
from webapp.services.activity import Entry
from webapp.services.claims import Assignment
from webapp.services.news import News
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def claim(context: Context) -> Callable[[], Assignment]:
    """Take the lane's next task."""

    def take() -> Assignment:
        taken = context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
        assert taken is not None
        return taken

    return take


@pytest.fixture
def finish(context: Context) -> Callable[..., None]:
    """End a claimed task well."""

    def end(taken: Assignment, result: str | None = None) -> None:
        done = outcomes.completed(result)
        context.call(claims.conclude, taken, done, News(), clock.now(), next_for=None)

    return end


@pytest.fixture
def output(app: APIFlask) -> Callable[[Assignment], OutputWriter]:
    """Where a claimed task prints to."""

    def writer(taken: Assignment) -> OutputWriter:
        made: OutputWriter = app.extensions["lineup"].output.writer(taken.task_id, taken.attempt)
        return made

    return writer


def names(page: str) -> list[str]:
    """What the lines of a history are called."""
    return re.findall(r'col-what"><a\s[^>]+>([^<]+)<', page)


def test_a_task_that_is_not_there_is_not_found_on_every_page(browser: Browser) -> None:
    tabs = ("", "/output", "/result", "/details", "/live", "/ask/stop", "/output/part?attempt=1")
    for tab in tabs:
        assert browser.get(f"/tasks/none{tab}").status_code == 404, tab


def test_a_status_that_does_not_exist_is_refused(browser: Browser) -> None:
    response = browser.get("/tasks?status=sleeping")
    assert response.status_code == 400
    assert "there is no status" in response.text


def test_an_attempt_that_never_was_is_refused(browser: Browser, submit: Submit) -> None:
    task_id = submit().task_id
    assert browser.get(f"/tasks/{task_id}/output?attempt=7").status_code == 400


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


def test_a_history_pages_by_cursor_without_a_hole_or_a_double(
    browser: Browser, submit: Submit
) -> None:
    for number in range(120):
        submit(f"task {number}")
    seen: list[str] = []
    address = "/tasks"
    while address:
        page = browser.get(address).text
        seen += names(page)
        found = re.search(r'rel="next"\s+href="([^"]+)"', page)
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == [f"task {number}" for number in reversed(range(120))]
    newer = re.search(r'rel="prev"\s+href="([^"]+)"', page)
    assert newer
    assert names(browser.get(newer[1]).text)[-1] == "task 20"


def test_filters_are_the_address(browser: Browser, submit: Submit) -> None:
    submit("needle", session_id="one")
    submit("hay", session_id="one")
    submit("needle too", session_id="two")
    assert names(browser.get("/tasks?q=NEEDLE").text) == ["needle too", "needle"]
    assert names(browser.get("/tasks?session_id=one&q=needle").text) == ["needle"]
    assert names(browser.get("/tasks?status=running").text) == []
    assert names(browser.get("/tasks?q=100%25").text) == []


def test_rows_that_are_looked_at_stay_while_new_ones_are_counted(
    browser: Browser, submit: Submit
) -> None:
    submit("old")
    page = browser.get("/tasks").text
    poll = re.search(r'hx-get="(/tasks/rows[^"]+)"', page)
    shown = re.search(r'id="rows".*?name="v" value="([^"]+)"', page, re.DOTALL)
    assert poll
    assert shown
    address = poll[1].replace("&amp;", "&")
    assert browser.get(f"{address}&v={shown[1]}").status_code == 204
    submit("new")
    answer = browser.get(f"{address}&v={shown[1]}").text
    assert names(answer) == ["old"]
    assert "1 new" in answer


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


def test_output_comes_in_parts_that_fit_together(
    browser: Browser, submit: Submit, claim: Callable[[], Assignment], output: Any
) -> None:
    submit("print")
    taken = claim()
    writer = output(taken)
    writer.append(b"\x1b[31mred starts\nstays red\x1b[0m\nhalf")
    address = f"/tasks/{taken.task_id}/output/part?attempt=1"
    first = browser.get(address).text
    assert first.count('class="l"') == 3
    assert '<span class="a-f1">stays red</span>' in first
    part = dict(re.findall(r'data-(\w+)="([^"]*)"', first))
    again = f"{address}&from={part['next']}&have={part['end']}&line={part['line']}"
    assert browser.get(again).status_code == 204
    writer.append(b" and whole\n")
    rest = browser.get(again).text
    assert 'data-n="3">half and whole' in rest


def test_lines_that_were_searched_are_listed_and_lead_to_their_place(
    browser: Browser, submit: Submit, claim: Callable[[], Assignment], output: Any
) -> None:
    submit("print")
    taken = claim()
    output(taken).append(b"hay\nthe <needle>\nhay\n")
    address = f"/tasks/{taken.task_id}/output"
    found = browser.get(f"{address}?q=NEEDLE").text
    assert "1 line contains “NEEDLE”." in found
    assert "the &lt;needle&gt;" in found
    assert f"{address}?at=4&amp;q=NEEDLE#hit" in found
    assert "No line contains “pin”." in browser.get(f"{address}?q=pin").text


def test_a_follower_who_is_far_behind_is_brought_to_the_end(
    browser: Browser, submit: Submit, claim: Callable[[], Assignment], output: Any
) -> None:
    submit("flood")
    taken = claim()
    output(taken).append(b"".join(b"line %d\n" % n for n in range(200_000)))
    address = f"/tasks/{taken.task_id}/output/part?attempt=1&from=0&have=0&line=1&follow=1"
    part = browser.get(address).text
    assert "data-skipped" in part
    assert 'data-n="200000">line 199999' in part
    assert part.count('class="l"') == 1000


def test_a_gap_in_the_output_is_said_and_lines_after_it_have_no_numbers(
    browser: Browser, app: APIFlask, submit: Submit, claim: Callable[[], Assignment]
) -> None:
    submit("flood")
    taken = claim()
    ports = app.extensions["lineup"]
    ports.output = OutputStore(ports.settings.data / "output", cap=64 * 1024)
    writer = ports.output.writer(taken.task_id, 1)
    writer.append(b"".join(b"%07d\n" % n for n in range(20_000)))
    page = browser.get(f"/tasks/{taken.task_id}/output").text
    assert "were not kept here" in page or 'data-line=""' in page
    assert "0019999" in page
    first = browser.get(f"/tasks/{taken.task_id}/output/part?attempt=1&from=0&line=1").text
    assert 'data-n="1">0000000' in first


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


def test_environment_values_are_masked_on_every_page(browser: Browser, api: Any) -> None:
    body = {"agent": "shell", "task_description": "true", "env": {"TOKEN": "s3cret"}}
    task_id = api.post("/api/tasks/submit", json=body).json["task_id"]
    for path in (f"/tasks/{task_id}/details", f"/tasks/{task_id}", f"/?edit={task_id}"):
        page = browser.get(path).text
        assert "s3cret" not in page
    assert "TOKEN=•••" in page


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
