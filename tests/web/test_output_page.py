"""The page of a task's output, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.web.conftest import Browser
from webapp.output import OutputStore, OutputWriter
from webapp.services.claims import Assignment
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


@pytest.fixture
def output(app: APIFlask) -> Callable[[Assignment], OutputWriter]:
    """Where a claimed task prints to."""

    def writer(taken: Assignment) -> OutputWriter:
        made: OutputWriter = app.extensions["lineup"].output.writer(taken.task_id, taken.attempt)
        return made

    return writer


def test_an_attempt_that_never_was_is_refused(browser: Browser, submit: Submit) -> None:
    task_id = submit().task_id
    assert browser.get(f"/tasks/{task_id}/output?attempt=7").status_code == 400


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
