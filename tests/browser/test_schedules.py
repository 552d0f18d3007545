"""Schedules in a browser: made while they are read back, switched, looked up, deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Windows
from tests.processes.server import Server

MakeFlow = Callable[..., str]


@pytest.fixture
def make_flow(server: Server) -> Any:
    """A flow of a shell command, made by JSON and deleted when the test is over."""
    made: list[str] = []

    def make(name: str, command: str = "true") -> str:
        fields = {"name": name, "agent": "shell", "task_description": command}
        answer = server.http.post("/api/flows", json=fields)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["flow_id"])
        return made[-1]

    yield make
    for flow_id in made:
        server.http.delete(f"/api/schedule/{flow_id}")
        server.http.delete(f"/api/flows/{flow_id}")


def caret(page: Page) -> list[Any]:
    where = "[document.activeElement.id, document.activeElement.selectionStart, scrollY]"
    return list(page.evaluate(where))


def test_the_form_reads_back_what_is_typed_and_moves_neither_focus_nor_caret(
    windows: Windows, make_flow: MakeFlow
) -> None:
    make_flow("typed")
    page = windows.open("/schedules/~new", timezone_id="America/New_York")
    rule, words = page.get_by_label("Cron expression"), page.locator("#expression-words")
    page.get_by_label("Flow", exact=True).select_option(label="typed")
    page.get_by_label("Weekly").check()
    expect(rule).to_have_value("0 9 * * 1")
    page.get_by_label("At", exact=True).fill("18:30")
    expect(rule).to_have_value("30 18 * * 1")

    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Not before").fill("2027-03-26T00:00")
    rule.fill("30 * * * *")
    expect(page.get_by_label("Hourly")).to_be_checked()
    page.evaluate("document.getElementById('f-cron_expression').setSelectionRange(3, 4)")
    before = page.evaluate("scrollY")
    page.keyboard.type("2")
    expect(page.get_by_label("Daily")).to_be_checked()
    expect(words).to_contain_text("02:30")
    assert caret(page) == ["f-cron_expression", 4, before]
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Moved from 02:30: clocks go forward.")
    expect(preview).to_contain_text("yours, New York")

    page.keyboard.type(",")
    expect(page.locator("#f-cron_expression-problem")).not_to_be_empty()
    expect(rule).to_have_value("30 2, * * *")
    page.keyboard.press("Backspace")
    expect(page.locator("#f-cron_expression-problem")).to_have_count(0)
    page.get_by_label("If the last run").select_option("replace")
    expect(page.locator("#says-overlap")).to_contain_text("is stopped")
    page.get_by_role("button", name="Create the schedule").click()
    page.wait_for_url("**/schedules/*")
    expect(page.locator("#schedule-head")).to_contain_text("30 2 * * *")
    expect(page.locator("#ledger")).to_contain_text("It has not been due yet.")


def test_a_mistake_is_told_and_what_was_typed_stays(windows: Windows, make_flow: MakeFlow) -> None:
    windows.forgive("status of 422")
    flow_id = make_flow("mistaken")
    page = windows.open(f"/schedules/~new?flow={flow_id}")
    page.get_by_label("Note").fill("kept")
    page.get_by_label("Cron expression").fill("0 9 * *")
    page.get_by_label("Cron expression").press("Enter")
    expect(page.locator("#f-cron_expression-problem")).to_contain_text("4 fields")
    expect(page.get_by_label("Note")).to_have_value("kept")


def test_a_schedule_is_switched_where_it_stands_and_its_flow_run_beside_it(
    windows: Windows, server: Server, make_flow: MakeFlow
) -> None:
    flow_id = make_flow("switched")
    yearly = {"flow_id": flow_id, "cron_expression": "0 0 1 1 *"}
    assert server.http.post("/api/schedule", json=yearly).status_code == 200
    page = windows.open("/")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/schedules")
    switch = page.get_by_role("switch", name="The schedule of switched")
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    assert server.http.get(f"/api/schedule/{flow_id}").json()["is_enabled"] is False
    switch.click()
    expect(switch).to_be_checked()

    page.get_by_role("button", name="Run switched now").click()
    page.wait_for_url("**/tasks/*")
    expect(page.locator("#live")).to_contain_text("completed")
    assert server.http.get(f"/api/schedule/{flow_id}").json()["execution_count"] == 0

    plain = windows.open("/schedules", java_script_enabled=False)
    plain.get_by_role("switch", name="The schedule of switched").click()
    expect(plain.get_by_role("switch", name="The schedule of switched")).not_to_be_checked()


def test_a_due_time_shows_up_in_the_ledger_and_the_schedule_is_deleted(
    windows: Windows, server: Server, make_flow: MakeFlow
) -> None:
    windows.forgive("status of 404")
    flow_id = make_flow("ticking")
    often = {"flow_id": flow_id, "cron_expression": "* * * * * *"}
    assert server.http.post("/api/schedule", json=often).status_code == 200
    page = windows.open(f"/schedules/{flow_id}")
    page.get_by_role("link", name="New due times are in the ledger").click()
    expect(page.locator(".fate-fired").first).to_have_text("fired")
    server.http.put(f"/api/schedule/{flow_id}", json={"is_enabled": False})
    page.get_by_role("link", name="missed").click()
    expect(page.locator("#ledger")).to_contain_text("No due time of its ledger has this fate.")

    page.get_by_role("button", name="Delete…").click()
    ask = page.get_by_role("dialog", name="Please confirm")
    expect(ask).to_contain_text("The flow stays")
    ask.get_by_role("button", name="Delete it").click()
    expect(page.locator("#notices")).to_contain_text("The schedule of “ticking” is removed.")


def test_schedules_fit_a_phone(windows: Windows, server: Server, make_flow: MakeFlow) -> None:
    flow_id = make_flow("a name that is long enough to be cut off on any telephone there is")
    long = {"flow_id": flow_id, "cron_expression": "*/5 8-18 1,15 jan-jun mon-fri"}
    assert server.http.post("/api/schedule", json=long).status_code == 200
    page = windows.open("/schedules", viewport=PHONE)
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for path in ("", "/~new", f"/{flow_id}", f"/{flow_id}/edit", f"/{flow_id}/ask/delete"):
        page.goto(f"/schedules{path}")
        page.wait_for_load_state("load")
        assert page.evaluate(width) == 0, path
