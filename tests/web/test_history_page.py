"""The history, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.web.conftest import Browser
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


def names(page: str) -> list[str]:
    """What the lines of a history are called."""
    return re.findall(r'col-what"><a\s[^>]+>([^<]+)<', page)


def test_a_status_that_does_not_exist_is_refused(browser: Browser) -> None:
    response = browser.get("/tasks?status=sleeping")
    assert response.status_code == 400
    assert "there is no status" in response.text


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
