"""The first page and its polled pieces, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import NOON
from tests.factories import MakeFlow
from tests.web.conftest import Browser, counted
from webapp import clock
from webapp.domain import outcome as outcomes
from webapp.domain.outcome import Outcome
from webapp.runtime.context import Context
from webapp.services import claims
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
HTMX = {"HX-Request": "true"}
PIECES = ("/strip", "/now/riding", "/now/aside")


def version(text: str) -> str:
    """The version that a piece carries."""
    found = re.search(r'name="v" value="([^"]+)"', text)
    assert found, text
    return found[1]


@pytest.fixture
def ride(context: Context) -> Callable[[], str]:
    """Have the lane's next task claimed, as if it ran; returns its id."""

    def claim() -> str:
        runner = context.identity.runner_id
        taken = context.call(claims.claim_next, "main", runner, clock.now())
        assert taken is not None
        return taken.task_id

    return claim


def test_a_stranger_sees_nothing_of_it(stranger: Browser) -> None:
    for path in ("/", *PIECES, "/tasks", "/help", "/settings/health"):
        assert stranger.get(path, headers=HTMX).status_code == 401
    assert stranger.get("/").status_code == 303


def test_a_form_without_its_token_is_refused(browser: Browser) -> None:
    browser.form_token = "wrong"
    response = browser.post("/tasks", {"task_description": "echo", "agent": "shell"})
    assert response.status_code == 403


def test_a_polled_piece_that_has_not_changed_is_204_after_a_few_queries(
    browser: Browser, app: APIFlask
) -> None:
    for path in PIECES:
        shown = version(browser.get(path, headers=HTMX).text)
        with counted(app) as sent:
            response = browser.get(f"{path}?v={shown}", headers=HTMX)
        assert (response.status_code, response.text) == (204, "")
        queries = [statement for statement in sent if statement.startswith("SELECT")]
        # who is asking, what the version is, what is due next, what needs a look, who runs tasks
        assert len(queries) <= 5, path


def test_every_piece_changes_with_a_submission(browser: Browser, submit: Submit) -> None:
    before = {path: version(browser.get(path).text) for path in PIECES}
    submit("something new")
    for path in PIECES:
        assert browser.get(f"{path}?v={before[path]}").status_code == 200


def test_what_rides_changes_with_what_it_prints(
    browser: Browser, app: APIFlask, submit: Submit, ride: Callable[[], str]
) -> None:
    submit("talkative")
    task_id = ride()
    before = version(browser.get("/now/riding").text)
    app.extensions["lineup"].output.writer(task_id, 1).append(b"a word\n")
    response = browser.get(f"/now/riding?v={before}")
    assert response.status_code == 200
    assert "a word" in response.text


def test_a_poll_costs_the_same_however_much_there_is(
    browser: Browser, app: APIFlask, submit: Submit, end: Callable[..., str]
) -> None:
    def cost() -> dict[str, int]:
        found = {}
        for path in (*PIECES, "/tasks/rows?top=1000000&bottom=0&first=1"):
            with counted(app) as sent:
                assert browser.get(path).status_code == 200
            found[path] = len(sent)
        return found

    submit("first")
    end(outcomes.completed("well"))
    submit("waits")
    before = cost()
    for number in range(60):
        submit(f"task {number}", priority=1)
        end(Outcome("fail", code="timed_out", params={"limit": "1"}, may_retry=False))
        submit(f"more {number}")
    assert cost() == before


def test_the_first_run_offers_three_things_to_try(browser: Browser, submit: Submit) -> None:
    assert browser.get("/").text.count('class="card try"') == 3
    submit("the first")
    assert "Three things to try" not in browser.get("/").text


def test_a_comment_names_a_script(browser: Browser, submit: Submit) -> None:
    submit("#!/bin/sh\n# nightly backup\nrsync")
    assert ">nightly backup</a>" in browser.get("/now/riding").text


def test_what_people_write_is_never_markup(
    browser: Browser, submit: Submit, ride: Callable[[], str]
) -> None:
    submit("<script>alert(1)</script>")
    task_id = ride()
    for path in ("/", "/tasks", f"/tasks/{task_id}", f"/tasks/{task_id}/details"):
        assert "<script>alert" not in browser.get(path).text


def test_a_server_that_runs_nothing_says_so(browser: Browser) -> None:
    assert "Nothing runs tasks" in browser.get("/").text


def test_a_submitted_form_becomes_a_task(browser: Browser, app: APIFlask) -> None:
    fields = {
        "task_description": "make test",
        "agent": "shell",
        "lane": "main",
        "priority": "high",
        "timeout_s": "1h 30m",
        "env": "A=1\nB=x=y",
        "stdin": "none",
        "when_busy": "reject",
    }
    response = browser.post("/tasks", fields)
    assert (response.status_code, response.location) == (303, "/")
    task = browser.client.get("/api/tasks").json["tasks"][0]  # type: ignore[index]
    assert (task["priority"], task["timeout_s"]) == (10, 5400.0)
    assert task["agent_settings"]["env"] == {"A": "•••", "B": "•••"}
    assert task["agent_settings"]["stdin"] == "none"


def test_the_form_says_how_a_failure_or_a_crash_is_tried_again(browser: Browser) -> None:
    fields = {"task_description": "flaky", "agent": "shell", "lane": "main", "priority": "normal"}
    wrong = browser.post("/tasks", {**fields, "retry_delay_s": "soon"})
    assert wrong.status_code == 422
    retried = {"max_retries": "2", "retry_delay_s": "1m", "rerun_interrupted": "y"}

    assert browser.post("/tasks", {**fields, **retried}).status_code == 303

    task = browser.client.get("/api/tasks").json["tasks"][0]  # type: ignore[index]
    assert (task["retry_delay_s"], task["rerun_interrupted"]) == (60.0, True)
    edited = browser.get(f"/?edit={task['task_id']}").text
    [delay] = re.findall(r'<input[^>]*name="retry_delay_s"[^>]*>', edited)
    [again] = re.findall(r'<input[^>]*name="rerun_interrupted"[^>]*>', edited)
    assert 'value="60"' in delay
    assert " checked" in again


def test_the_same_form_sent_twice_is_one_task(browser: Browser) -> None:
    page = browser.get("/").text
    key = re.search(r'name="idempotency_key"[^>]*value="([^"]+)"', page)
    assert key
    fields = {
        "task_description": "once",
        "agent": "shell",
        "lane": "main",
        "priority": "normal",
        "stdin": "open",
        "when_busy": "queue",
        "idempotency_key": key[1],
    }
    for _ in range(2):
        assert browser.post("/tasks", fields).status_code == 303
    assert len(browser.client.get("/api/tasks").json["tasks"]) == 1  # type: ignore[index]


def test_a_run_of_a_flow_goes_by_the_flows_name(
    browser: Browser, make_flow: MakeFlow, ride: Callable[[], str]
) -> None:
    flow_id = make_flow("nightly backup", task_description="tar --create everything")
    for _ in range(2):
        assert browser.post(f"/flows/{flow_id}/run", {}).status_code == 303
    ride()

    page = browser.get("/").text

    assert "tar --create" not in page
    assert page.count("nightly backup") >= 3  # in the strip, riding, and waiting


def test_a_retry_says_when_it_is_due(browser: Browser, submit: Submit, end: Any) -> None:
    submit("flaky", max_retries=1, now=NOON)
    end(Outcome("fail", message="not today"))
    assert "waits: attempt 2" in browser.get("/now/riding").text


def test_tabs_of_one_login_share_a_piece_but_never_an_old_one(
    browser: Browser, submit: Submit, ride: Callable[[], str]
) -> None:
    submit("first")
    ride()
    for _ in range(2):
        assert "first" in browser.get("/now/riding", headers=HTMX).text
    submit("second")
    assert "second" in browser.get("/now/riding", headers=HTMX).text
    other = Browser(browser.app)
    other.enter_by_link()
    mine, theirs = (each.get("/now/riding", headers=HTMX).text for each in (browser, other))
    token = 'name="csrf_token" value="'
    assert mine.partition(token)[2].split('"')[0] != theirs.partition(token)[2].split('"')[0]


def test_a_request_is_composed_with_the_fields_of_its_agent(browser: Browser) -> None:
    fields = {
        "task_description": "tell them",
        "agent": "http",
        "url": "http://example.org/{{a}}",
        "body": '{"text": "{{b}}"}',
        "headers": "X-From: lineup",
        "secret_headers": "X-Api-Key: sk-1234567890-x4Qz",
        "verify_tls": "no",
        "env": "A=1",
        "when_busy": "queue",
    }
    assert browser.post("/tasks", fields).status_code == 303

    task = browser.client.get("/api/tasks").json["tasks"][0]  # type: ignore[index]
    settings = task["agent_settings"]
    assert (settings["method"], settings["body"]) == ("POST", {"text": "{{b}}"})
    assert settings["headers"] == {"X-From": "lineup"}
    assert settings["secret_headers"] == {"X-Api-Key": "•••x4Qz"}
    assert (settings["verify_tls"], settings["follow_redirects"]) == (False, True)
    page = browser.get(f"/?edit={task['task_id']}").text
    assert "X-Api-Key: •••x4Qz" in page
    assert "sk-1234567890" not in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "example.org"}, "Must begin with http://"),
        ({"url": "http://a/", "body": '{"a": '}, "It begins as JSON does, and is none"),
        ({"url": "http://a/", "headers": "nonsense"}, "Each line is Name: value"),
        ({"url": "http://a/", "preset": "langflow"}, "Say which flow of Langflow"),
    ],
)
def test_what_is_wrong_with_a_request_is_said_beside_its_field(
    browser: Browser, fields: dict[str, str], said: str
) -> None:
    answer = browser.post("/tasks", {"task_description": "ask", "agent": "http", **fields})

    assert answer.status_code == 422
    assert said in answer.text
