"""The page of lanes: refusals beside their field, what is paused is seen wherever one waits."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest
from apiflask import APIFlask

from tests.web.conftest import Browser, as_bearer, make_token, poll
from webapp.services.submissions import Submitted

PAGE = "/settings/lanes"
Submit = Callable[..., Submitted]


def text(page: str) -> str:
    """A page's text as it is read."""
    return html.unescape(page)


@pytest.fixture
def crawl(browser: Browser) -> str:
    """A lane beside main."""
    assert browser.post(PAGE, {"name": "crawl"}).status_code == 303
    return "crawl"


@pytest.mark.parametrize("name", ["", "two words", "..", "x" * 65])
def test_a_name_that_will_not_do_is_said_beside_its_field(browser: Browser, name: str) -> None:
    answer = browser.post(PAGE, {"name": name})

    assert answer.status_code == 422
    assert 'id="lane-name-problem"' in answer.text
    assert "1 to 64 of the characters" in answer.text
    assert f'value="{name}"' in answer.text


def test_a_name_that_is_taken_is_said_in_the_lanes_own_card(browser: Browser, crawl: str) -> None:
    answer = browser.post(f"{PAGE}/{crawl}/rename", {"name": "Main"})

    assert answer.status_code == 422
    assert "There is a lane named “main” already." in text(answer.text)
    assert 'id="new-crawl-problem"' in answer.text


def test_who_may_only_read_changes_no_lane(app: APIFlask) -> None:
    script = as_bearer(app, make_token(app, "read"))

    assert script.post(f"{PAGE}/main/pause").status_code == 403
    assert script.get(PAGE).status_code == 200


def test_a_lane_that_is_needed_offers_no_button_that_deletes_it(
    browser: Browser, crawl: str, submit: Submit
) -> None:
    submit(lane=crawl)
    asked = browser.get(f"{PAGE}/{crawl}/ask").text
    assert "It is still needed" in asked
    assert "Delete it" not in asked


def test_a_lane_is_made_renamed_and_deleted_by_forms(browser: Browser, crawl: str) -> None:
    renamed = browser.post(f"{PAGE}/{crawl}/rename", {"name": "fetch"}, follow_redirects=True)
    assert "The lane “crawl” is called “fetch” now." in text(renamed.text)
    asked = browser.get(f"{PAGE}/fetch/ask").text
    assert "Nothing was ever done in it." in asked

    gone = browser.post(f"{PAGE}/fetch/delete", follow_redirects=True)

    assert "The lane “fetch” is deleted" in text(gone.text)
    assert 'id="lane-fetch"' not in gone.text


def test_a_pause_and_its_reason_are_seen_wherever_somebody_waits(
    browser: Browser, crawl: str, submit: Submit
) -> None:
    task = submit("fetch everything", lane=crawl)
    browser.post(f"{PAGE}/{crawl}/pause", {"reason": "their site is down"})

    assert "waits: lane paused: their site is down" in browser.get("/").text
    assert "lane crawl paused" in browser.get("/sessions").text  # the strip, on every page
    page = browser.get(f"/tasks/{task.task_id}").text
    assert "It waits: the lane" in page
    assert "their site is down" in page
    assert "paused" in browser.get("/settings/health").text
    assert "crawl (paused)" in browser.get("/").text

    browser.post(f"{PAGE}/{crawl}/resume")
    assert "their site is down" not in browser.get(f"/tasks/{task.task_id}").text


def test_the_composer_says_that_a_lane_takes_nothing_new(browser: Browser, crawl: str) -> None:
    browser.post(f"{PAGE}/{crawl}/drain", {"reason": "moving away"})
    fields = {"task_description": "true", "agent": "shell", "lane": crawl, "when_busy": "queue"}

    refused = browser.post("/tasks", fields)

    assert refused.status_code == 422
    assert "is being drained: it takes nothing new. moving away" in refused.text
    assert "crawl (draining, takes nothing new)" in refused.text


def test_the_page_follows_what_happens_and_is_silent_while_nothing_does(
    browser: Browser, crawl: str, submit: Submit
) -> None:
    address = poll(browser.get(PAGE).text, "lanes")
    assert browser.get(address).status_code == 204

    submit("fetch everything", lane=crawl)

    assert browser.get(address).status_code == 200
