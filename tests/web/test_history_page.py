"""The history, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.web.conftest import Browser, linked, names, paged
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


def test_a_history_pages_by_cursor_without_a_hole_or_a_double(
    browser: Browser, submit: Submit
) -> None:
    for number in range(120):
        submit(f"task {number}")
    seen, last = paged(browser, "/tasks")
    assert seen == [f"task {number}" for number in reversed(range(120))]
    newer = linked(last, "prev")
    assert newer
    assert names(browser.get(newer).text)[-1] == "task 20"


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
