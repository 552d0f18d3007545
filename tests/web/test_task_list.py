"""The list of all tasks: its filters are its address, and its pages fit together."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine

from tests.conftest import NOON
from tests.web.conftest import Browser
from webapp.domain import outcome as outcomes
from webapp.runtime.context import Context
from webapp.services import claims
from webapp.services.news import News
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
HTMX = {"HX-Request": "true"}
NIGHT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
"""Already the 24th in Berlin."""


def names(page: str) -> list[str]:
    """What the lines are called."""
    found = re.findall(r'col-what"><a\s[^>]+>(.*?)</a>', page, re.DOTALL)
    return [unescape(re.sub(r"</?mark>", "", name)) for name in found]


def chips(page: str) -> dict[str, str]:
    """The filters at work: what they are called, and the address without each."""
    bar = page.partition('aria-label="Filters at work"')[2].partition("</div>")[0]
    found = re.findall(r'href="([^"]+)"\s*>(.*?)</a>', bar, re.DOTALL)
    return {
        re.sub(r"(?s)<span.*|<[^>]+>", "", word).strip(): unescape(href) for href, word in found
    }


@pytest.fixture
def done(context: Context, submit: Submit) -> Callable[..., str]:
    """A task that began at a time and took so many seconds."""

    def make(name: str, seconds: float, at: datetime = NOON) -> str:
        submit(name, now=at)
        taken = context.call(claims.claim_next, "main", context.identity.runner_id, at)
        assert taken is not None
        end = at + timedelta(seconds=seconds)
        context.call(claims.conclude, taken, outcomes.completed(None), News(), end, next_for=None)
        return taken.task_id

    return make


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("status=sleeping", "status", "There is no status “sleeping”."),
        ("since=soon", "since", "Write a day like"),
        ("until=2026-13-01", "until", "Write a day like"),
        ("until=9999-12-31", "until", "Write a day like"),
        ("since=2026-11-23&until=2026-11-22", "until", "before the first one"),
        ("when=tomorrow", "when", "no such period"),
        ("q=" + "x" * 201, "q", "at most 200"),
        ("agent=%00", "agent", "NUL"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field_and_kept(
    browser: Browser, submit: Submit, query: str, field: str, words: str
) -> None:
    submit("hidden")
    for headers in ({}, HTMX):
        answer = browser.get(f"/tasks?{query}", headers=headers)
        assert answer.status_code == 400
        beside = re.search(rf'id="f-{field}-problem">([^<]+)<', answer.text)
        assert beside
        assert words in beside[1]
        assert names(answer.text) == []
        if field not in ("status", "agent"):
            assert f'value="{query.partition(f"{field}=")[2]}"' in answer.text
    assert browser.get(f"/tasks/rows?top=9&bottom=0&{query}").status_code == 400


def test_a_list_is_for_people_who_are_logged_in(stranger: Browser) -> None:
    assert stranger.get("/tasks").status_code == 303
    assert stranger.get("/tasks/rows", headers=HTMX).status_code == 401


def test_each_filter_finds_its_own(browser: Browser, submit: Submit) -> None:
    submit("shell", session_id="one", agent="shell")
    other = submit("scripted", session_id="two")
    browser.post(f"/tasks/{other.task_id}/stop")
    for query, found in {
        "status=pending": ["shell"],
        "status=pending&status=stopped": ["scripted", "shell"],
        "status=stopped&agent=shell": [],
        "agent=scripted": ["scripted"],
        "session_id=one": ["shell"],
        "lane=main": ["scripted", "shell"],
        "lane=other": [],
        "flow_id=invoices": [],
        "llm_profile_name=fast": [],
        "q=SHE": ["shell"],
    }.items():
        assert names(browser.get(f"/tasks?{query}").text) == found, query


def test_days_begin_at_the_readers_midnight(stranger: Browser, submit: Submit) -> None:
    submit("late on the 23rd", now=datetime(2026, 11, 23, 22, 30, tzinfo=UTC))
    submit("early on the 24th", now=datetime(2026, 11, 23, 23, 15, tzinfo=UTC))
    with time_machine.travel(NIGHT, tick=False):
        stranger.enter_by_link()
        stranger.client.set_cookie("lineup_zone", "Europe/Berlin")

        def found(query: str) -> list[str]:
            page = stranger.get(f"/tasks?{query}").text
            assert "Europe/Berlin" in page
            return names(page)

        assert found("when=today") == ["early on the 24th"]
        assert found("when=yesterday") == ["late on the 23rd"]
        assert found("when=7d") == ["early on the 24th", "late on the 23rd"]
        assert found("since=2026-11-24") == ["early on the 24th"]
        assert found("until=2026-11-23") == ["late on the 23rd"]
        assert found("since=2026-11-23&until=2026-11-24&when=today") == found("when=7d")


def test_a_zone_that_does_not_exist_is_utc(browser: Browser) -> None:
    for name in ("Middle/Earth", "../../etc/passwd", "Europe", "x" * 500):
        browser.client.set_cookie("lineup_zone", name)
        answer = browser.get("/tasks?when=today")
        assert answer.status_code == 200
        assert "in the zone UTC" in answer.text


def test_filters_at_work_are_chips_that_take_themselves_away(
    browser: Browser, submit: Submit
) -> None:
    submit("needle")
    page = browser.get("/tasks?q=needle&status=failed&status=pending&agent=scripted").text
    found = chips(page)
    assert set(found) == {"failed", "waiting", "“needle”", "agent scripted", "Remove all"}
    assert "<title>failed, waiting, “needle”, agent scripted · Tasks · Lineup</title>" in page
    assert found["failed"] == "/tasks?status=pending&q=needle&agent=scripted"
    assert found["“needle”"] == "/tasks?status=failed&status=pending&agent=scripted"
    assert names(browser.get(found["failed"]).text) == ["needle"]


def test_a_plain_form_leads_to_an_address_without_what_was_left_empty(browser: Browser) -> None:
    answer = browser.get("/tasks?q=a+b&agent=&when=&since=&status=failed&before=7")
    assert (answer.status_code, answer.location) == (303, "/tasks?status=failed&q=a+b&before=7")


def test_the_address_follows_what_is_typed_and_steps_with_what_is_chosen(browser: Browser) -> None:
    def asked(query: str, here: str) -> Any:
        headers = {**HTMX, "HX-Current-URL": f"http://localhost{here}"}
        return browser.get(f"/tasks?{query}", headers=headers).headers

    typed = asked("q=nee&agent=&status=failed", "/tasks?q=n&status=failed")
    assert typed["HX-Replace-Url"] == "/tasks?status=failed&q=nee"
    chosen = asked("q=nee&status=failed&when=today", "/tasks?q=nee&status=failed")
    assert "HX-Push-Url" in asked("q=x&when=today", "[")
    assert chosen["HX-Push-Url"] == "/tasks?status=failed&q=nee&when=today"


def test_the_text_that_was_searched_stands_out_and_is_never_markup(
    browser: Browser, submit: Submit
) -> None:
    submit("echo <b>Needle</b>")
    submit("# a long script\n" + "true\n" * 50 + "look for the needle <i>here</i>")
    page = browser.get("/tasks?q=needle").text
    assert "echo &lt;b&gt;<mark>Needle</mark>&lt;/b&gt;" in page
    assert "<mark>needle</mark> &lt;i&gt;here" in page
    assert "<b>" not in page
    regular = browser.get("/tasks?q=%5B(").text
    assert "No task is like that." in regular


def test_nothing_found_says_which_filter_is_in_the_way(browser: Browser, submit: Submit) -> None:
    assert "No task has been submitted yet." in browser.get("/tasks").text
    submit("needle", session_id="one")
    page = browser.get("/tasks?q=needle&status=failed&session_id=one").text
    assert "There are some without this filter:" in page
    empty = page.partition("There are some without this filter:")[2].partition("</p>")[0]
    assert re.findall(r'<a class="chip" href="([^"]+)"', empty) == [
        "/tasks?q=needle&amp;session_id=one"
    ]


def test_all_that_is_found_can_be_had_as_a_file(browser: Browser, submit: Submit) -> None:
    submit("needle")
    submit("hay")
    page = browser.get("/tasks?q=NEED&status=pending&when=7d").text
    for kind in ("csv", "json"):
        link = re.search(rf'href="(/api/tasks/export\?format={kind}[^"]+)"', page)
        assert link
        sent = browser.get(unescape(link[1]))
        assert "attachment" in sent.headers["Content-Disposition"]
        assert "needle" in sent.text
        assert "hay" not in sent.text


def test_views_come_with_the_page_and_say_which_is_shown(browser: Browser) -> None:
    page = browser.get("/tasks?status=failed&when=today").text
    views = page.partition('aria-label="Views"')[2].partition("</nav>")[0]
    assert re.search(r'aria-current="page">Failed today<', views)
    assert views.count("aria-current") == 1


def test_pages_back_and_forth_stay_the_same_while_tasks_arrive(
    browser: Browser, submit: Submit
) -> None:
    for number in range(120):
        submit(f"task {number}")

    def follow(page: str, rel: str) -> str:
        found = re.search(rf'rel="{rel}"\s+href="([^"]+)"', page)
        assert found, rel
        return browser.get(unescape(found[1])).text

    second = follow(browser.get("/tasks?agent=scripted").text, "next")
    submit("newcomer")
    third = follow(second, "next")
    submit("another")
    assert names(follow(third, "prev")) == names(second)
    assert names(second) == [f"task {n}" for n in range(69, 19, -1)]
    assert names(third) == [f"task {n}" for n in range(19, -1, -1)]
    assert "121 tasks" in third


def test_what_a_task_took_is_held_against_the_usual(
    browser: Browser, done: Callable[..., str]
) -> None:
    for number in range(2):
        done(f"usual {number}", 10)
    assert "tookbar" not in browser.get("/tasks").text
    done("usual 2", 10)
    done("long", 40)
    page = browser.get("/tasks").text
    assert 'title="usual: 10.0 s"' in page or 'title="usual: 10 s"' in page
    assert re.findall(r'y="1" width="([\d.]+)"', page) == ["100.0", "50.0", "50.0", "50.0"]


def test_what_took_next_to_no_time_is_not_said_to_have_taken_none(
    browser: Browser, done: Callable[..., str]
) -> None:
    done("quick", 0.02)
    page = browser.get("/tasks").text
    assert "0.0 s" not in page
    assert "&lt; 0.1 s" in page


def test_a_poll_that_finds_the_page_empty_leads_away_from_it(
    browser: Browser, submit: Submit
) -> None:
    task_id = submit().task_id
    browser.post(f"/tasks/{task_id}/stop")
    browser.post(f"/tasks/{task_id}/delete")
    answer = browser.get("/tasks/rows?top=1&bottom=1&first=1")
    assert "Nothing is left on this page." in answer.text
