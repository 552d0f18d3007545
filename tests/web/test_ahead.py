"""What is due next: on Now, in the strip of every page, and as a forecast of bounded cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from apiflask import APIFlask

from tests.factories import MakeFlow, MakeSchedule
from tests.web.conftest import Browser, counted, poll
from webapp import clock
from webapp.web import ahead

HTMX = {"HX-Request": "true"}
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def due(make_flow: MakeFlow, make_schedule: MakeSchedule) -> Callable[..., str]:
    """A schedule of a flow of this name that is due in so many minutes; returns the flow's id."""

    def make(name: str, minutes: float, **fields: Any) -> str:
        flow_id = make_flow(name, lane=fields.pop("lane", "main"))
        make_schedule(clock.now() + timedelta(minutes=minutes), flow_id=flow_id, **fields)
        return flow_id

    return make


def said(page: str, element: str) -> str:
    """The words of an element, and of what follows it."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition(f'id="{element}"')[2]))


def test_without_schedules_nothing_is_next(browser: Browser) -> None:
    page = browser.get("/").text
    assert "Nothing is riding. The lane is free." in said(page, "live")
    assert "Next up" not in page
    assert "strip-next" not in page


def test_what_is_next_is_said_on_now_and_in_the_strip_in_the_readers_zone(
    browser: Browser, due: Callable[..., str]
) -> None:
    browser.client.set_cookie("lineup_zone", "Europe/Berlin")
    due("report", 24 * 60)
    flow_id = due("invoices", 8)
    for number in range(6):
        due(f"later {number}", 60 * 24 * 300)
    page = browser.get("/").text
    assert "Nothing is riding. Next: invoices at 13:08." in said(page, "live")
    assert f'href="/schedules/{flow_id}"' in page
    up = said(page, "upcoming-title")
    assert up.index("13:08 invoices") < up.index("Wed 13:00 report") < up.index("later 0")
    assert page.count('id="up-') == 5
    assert "next 13:08 invoices" in said(browser.get("/settings/account").text, "strip")


def test_polls_notice_another_next_run_and_are_204_until_then(
    browser: Browser, due: Callable[..., str], app: APIFlask
) -> None:
    due("report", 60)
    page = browser.get("/").text
    addresses = [poll(page, piece) for piece in ("strip", "aside", "live")]
    for address in addresses:
        assert browser.get(address, headers=HTMX).status_code == 204
    due("invoices", 8)
    for address in addresses:
        with counted(app) as statements:
            answer = browser.get(address, headers=HTMX)
        assert answer.status_code == 200
        assert "invoices" in answer.text
        asked = [s for s in statements if not s.startswith(("BEGIN", "PRAGMA"))]
        assert len(asked) <= 13, asked


def marks(page: str) -> list[str]:
    """What the hollow bars of the timeline say."""
    return re.findall(r'class="forecast"[^>]+><title>([^<]+)<', page)


def test_the_forecast_draws_twelve_hours_by_lane(browser: Browser, due: Callable[..., str]) -> None:
    due("hourly", 60, cron_expression="0 * * * *")
    due("frequent", 5, cron_expression="*/5 * * * *", ends_at=NOON + timedelta(minutes=20))
    due("tomorrow", 24 * 60, cron_expression="0 12 * * *")
    due("never on this day", 30, cron_expression="30 12 * * *", calendar=["11-24"])
    found = marks(browser.get("/").text)
    assert found[0] == "12:05 – 12:25: frequent"  # runs close to each other are one mark
    assert found[1] == "13:00 – 13:05: hourly"
    assert len(found) == 12
    assert not any("tomorrow" in mark or "never" in mark for mark in found)


@pytest.mark.both_databases
def test_a_forecast_of_far_too_many_runs_costs_little_and_says_where_it_ends(
    browser: Browser, due: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        due(f"job {number}", 1, cron_expression="* * * * * *")
    assert len(marks(browser.get("/").text)) == 1  # each second of twelve hours, in one mark
    assert "More is due here than can be shown." not in browser.get("/").text

    monkeypatch.setattr(ahead, "WORK", 60)
    due("another", 2)
    assert "More is due here than can be shown." in browser.get("/").text
    monkeypatch.setattr(ahead, "LOOKED_AT", 3)
    due("and another", 3)
    page = browser.get("/now/aside").text
    assert "More is due here than can be shown." in page
    assert "job 0, job 1, job 2" in page


def test_a_frozen_lineup_says_that_due_times_are_skipped(
    browser: Browser, due: Callable[..., str]
) -> None:
    due("invoices", 8)
    browser.get("/settings/health")
    browser.post("/freeze", {"reason": "moving house"})
    assert "what falls due is skipped" in browser.get("/now/aside").text
