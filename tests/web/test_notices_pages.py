"""Settings, Notifications: channels, their test, the log; and what needs attention on Now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import NOON
from tests.flowing import Rows, rows
from tests.receiver import WORDS, Receiver, receiver
from tests.web.conftest import Browser
from webapp import clock
from webapp.db import transaction
from webapp.domain.outcome import Outcome
from webapp.models import Channel, Delivery, Flow, Schedule
from webapp.runtime.context import Context
from webapp.services import claims
from webapp.services.notices import aftermath
from webapp.services.notices.aftermath import Missed

__all__ = ["receiver", "rows"]

PAGE = "/settings/notifications"
SECRET = "sesame-open-sesame"


@pytest.fixture
def add(browser: Browser, receiver: Receiver, rows: Rows) -> Callable[..., Any]:
    """Add a channel by the form; returns its row."""

    def post(**fields: str) -> Any:
        form = {"name": "phone", "url": receiver.address(SECRET), "failed": "on", **fields}
        browser.get(PAGE)
        told = {"failed_after": "1", "is_enabled": "on", "missed": "on", "budget": "on", **form}
        assert browser.post(PAGE, told).status_code == 303
        return rows.one(Channel)

    return post


@pytest.fixture
def fail(submit: Any, context: Context, rows: Rows) -> Callable[[str], str]:
    """Have a run of a flow fail; returns its task."""

    def make(flow_id: str) -> str:
        task_id = str(submit().task_id)
        rows.belongs(task_id, flow_id)
        taken = context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
        assert taken is not None
        dead = Outcome("fail", code="crashed", params={"error": "401 Unauthorized"})
        context.call(claims.rescue, task_id, taken.attempt, dead, clock.now())
        return task_id

    return make


def test_a_channel_is_made_changed_and_deleted_and_its_address_never_comes_back(
    browser: Browser, add: Any, rows: Rows
) -> None:
    made = add()
    assert made.failed_after == 1
    assert not made.recovered
    page = browser.get(PAGE)
    assert "json://127.0.0.1:" in page.text
    assert "80 % of a day’s budget for models is used" in page.text
    form = browser.get(f"{PAGE}/{made.channel_id}")
    assert SECRET not in page.text + form.text

    changed = {"name": "watch", "url": "", "failed": "on", "failed_after": "3"}
    assert browser.post(f"{PAGE}/{made.channel_id}", changed).status_code == 303
    now = rows.one(Channel)
    assert (now.name, now.failed_after, now.is_enabled) == ("watch", 3, False)
    assert (made.budget, now.budget) == (True, False)
    assert now.sealed == made.sealed

    assert "watch" in browser.get(f"{PAGE}/{made.channel_id}/ask").text
    assert browser.post(f"{PAGE}/{made.channel_id}/delete").status_code == 303
    assert rows.read(Channel.__table__.select()) == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"name": ""}, "Must not be empty."),
        ({"url": "nonsense"}, "It begins with the name of a service"),
        ({"url": "macosx://"}, "This service reaches nobody elsewhere"),
        ({"failed_after": "many"}, "whole number"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field_and_the_rest_is_kept(
    browser: Browser, rows: Rows, wrong: dict[str, str], reason: str
) -> None:
    browser.get(PAGE)
    form = {"name": "kept name", "url": f"json://h/{SECRET}", "failed": "on", "failed_after": "2"}

    answer = browser.post(PAGE, {**form, **wrong})

    assert answer.status_code == 422
    assert reason in answer.text
    assert SECRET not in answer.text
    assert "name" in wrong or "kept name" in answer.text
    assert rows.read(Channel.__table__.select()) == []


def test_the_test_shows_the_services_own_words(
    browser: Browser, add: Any, receiver: Receiver
) -> None:
    path = f"{PAGE}/{add().channel_id}/test"

    assert "It was taken in" in browser.post(path).text
    receiver.status = 500
    answer = browser.post(path, headers={"HX-Request": "true"})

    assert WORDS in answer.text
    assert SECRET not in answer.text
    assert "<html" not in answer.text


def test_the_log_shows_what_was_told_and_sends_it_again(
    app: APIFlask, browser: Browser, add: Any, rows: Rows
) -> None:
    one = add().channel_id
    for number in range(32):
        rows.flow(f"flow-{number}")
        with app.app_context():
            transaction(aftermath.missed)([Missed(f"flow-{number}", NOON, NOON)], NOON)
    rows.write(Delivery.__table__.update().values(state="failed", next_try_at=None, tries=9))

    page = browser.get(f"{PAGE}?state=failed&channel={one}").text
    assert "“flow-31” was due" in page
    assert "“flow-1” was due" not in page
    older = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "“flow-1” was due" in browser.get(older).text
    assert "Nothing of that kind." in browser.get(f"{PAGE}?state=sent").text

    assert browser.post(f"{PAGE}/log/1/send").status_code == 303
    assert rows.read(Delivery.__table__.select().where(Delivery.delivery_id == 1))[0].tries == 0


def test_a_flow_that_fails_needs_attention_until_it_is_seen_or_works(
    browser: Browser, rows: Rows, fail: Any
) -> None:
    rows.flow("invoices")
    task_id = fail("invoices")
    task_id = fail("invoices")

    page = browser.get("/").text
    assert "failed 2× in a row" in page
    assert "401 Unauthorized" in page
    assert page.count(f"/tasks/{task_id}/rerun") == 1
    assert "1 needs a look" in browser.get("/tasks").text  # the strip, on every page

    seen = {"kind": "failing", "key": "invoices", "at": rows.one(Flow).failed_at.isoformat()}
    fail("invoices")
    browser.post("/attention/seen", seen)
    assert "failed 3× in a row" in browser.get("/").text

    seen["at"] = rows.one(Flow).failed_at.isoformat()
    assert browser.post("/attention/seen", seen).status_code == 303
    assert "in a row" not in browser.get("/").text
    assert "needs a look" not in browser.get("/tasks").text
    assert rows.one(Flow).failures_in_row == 3


def test_a_paused_schedule_says_why_and_is_resumed_by_one_click(
    browser: Browser, rows: Rows, fail: Any
) -> None:
    rows.flow("invoices")
    rows.schedule("invoices", pause_after_failures=1)
    fail("invoices")

    page = browser.get("/").text
    assert "Switched off after 1 failures in a row: The agent crashed: 401 Unauthorized" in page
    assert "Leave it off" in page

    browser.post("/schedules/invoices/switch", {"on": "1"})
    schedule = rows.one(Schedule)
    assert (schedule.is_enabled, schedule.paused_at) == (True, None)
    assert schedule.next_execution_at is not None
    assert rows.one(Flow).failures_in_row == 0
    assert "Leave it off" not in browser.get("/").text


def test_who_leaves_a_paused_schedule_off_is_asked_no_more(
    browser: Browser, rows: Rows, fail: Any
) -> None:
    rows.flow("invoices")
    rows.schedule("invoices", pause_after_failures=1)
    fail("invoices")
    seen = {"kind": "paused", "key": "invoices", "at": rows.one(Schedule).paused_at.isoformat()}
    assert f'value="{seen["at"]}"' in browser.get("/").text

    assert browser.post("/attention/seen", seen).status_code == 303

    left = rows.one(Schedule)
    assert (left.is_enabled, left.paused_at, left.pause_code) == (False, None, None)
    assert "Leave it off" not in browser.get("/").text


def test_missed_times_and_lost_notices_are_shown_until_they_are_seen(
    app: APIFlask, browser: Browser, rows: Rows
) -> None:
    rows.flow("report")
    rows.schedule("report")
    rows.channel("mail", trouble_at=NOON)
    with app.app_context():
        miss = Missed("report", NOON, NOON + timedelta(hours=9), 10)
        transaction(aftermath.missed)([miss], NOON)

    page = browser.get("/").text
    assert "missed 10 due times" in page
    assert "A notice could not be sent through this channel." in page

    for kind, key in (("missed", "report"), ("lost", "mail")):
        browser.post("/attention/seen", {"kind": kind, "key": key, "at": NOON.isoformat()})
    page = browser.get("/").text
    assert "missed 10" not in page
    assert "could not be sent" not in page


@pytest.mark.parametrize("piece", ["/now/aside", "/strip"])
def test_a_poll_of_what_needs_attention_learns_of_it_at_once(
    browser: Browser, rows: Rows, piece: str
) -> None:
    page = browser.get(piece, headers={"HX-Request": "true"}).text
    version = page.partition('name="v" value="')[2].partition('"')[0]
    assert browser.get(f"{piece}?v={version}").status_code == 204
    rows.channel("mail", trouble_at=NOON)

    assert browser.get(f"{piece}?v={version}").status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"kind": "failing", "key": "x", "at": "yesterday"},
        {"kind": "failing", "key": "x"},
        {"kind": "everything", "key": "x", "at": NOON.isoformat()},
    ],
)
def test_what_was_never_shown_cannot_be_seen(browser: Browser, form: dict[str, str]) -> None:
    browser.get("/")

    assert browser.post("/attention/seen", form).status_code in (400, 404)


def test_the_form_of_a_flow_says_who_is_told_and_keeps_it(
    browser: Browser, add: Any, rows: Rows
) -> None:
    add()
    rows.flow("invoices", agent="shell")
    page = browser.get("/flows/invoices/edit").text
    assert 'value="phone"' in page
    base = {"name": "invoices", "agent": "shell", "task_description": "true", "lane": "main"}
    own = {"notify": "own", "notify_channels": "phone", "notify_missed": "on"}

    answer = browser.post("/flows/invoices/edit", {**base, **own})
    assert answer.status_code == 303, answer.text
    (flow,) = rows.read(Flow.__table__.select())
    assert (flow.notify["channels"], flow.notify["failed_after"]) == (["phone"], None)

    wrong = {**own, "notify_failed": "on", "notify_failed_after": "0"}
    answer = browser.post("/flows/invoices/edit", {**base, **wrong})
    assert answer.status_code == 422
    assert "whole number from 1 to" in answer.text
