"""The list of tasks in a browser: searching, choosing, selecting, while its lines are polled."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Windows
from tests.processes.server import Home, Server

Starts = Callable[..., str]


def gather(server: Server, home: Home, word: str, count: int) -> str:
    """Some tasks that were stopped while they waited and have a word in common; the word."""
    blocker = server.submit("sleep 60")
    ids = [server.submit(f"echo {word} {n:02}") for n in range(count)]
    body = {"operation": "stop", "task_ids": [*ids, blocker]}
    assert server.http.post("/api/tasks/bulk", json=body).json()["success"]
    home.all_final()
    return word


@pytest.fixture(scope="module")
def many(running_server: Server, home: Home) -> str:
    """The word of more tasks than a page shows, which no test changes."""
    return gather(running_server, home, "herd", 52)


@pytest.fixture
def few(server: Server, home: Home) -> str:
    """The word of six tasks of the test's own."""
    return gather(server, home, f"few{len(home.query('SELECT 1 FROM tasks'))}", 6)


def count(home: Home, word: str) -> int:
    """How many tasks have this word."""
    pattern = f"%{word}%"
    return len(home.query("SELECT 1 FROM tasks WHERE task_description LIKE ?", pattern))


def lines(page: Page) -> list[str]:
    """What the lines are called."""
    return page.locator(".history-row .col-what").all_inner_texts()


def poll(page: Page, server: Server, newcomer: str) -> None:
    """Let a matching task come, and a poll tell of it."""
    server.submit(newcomer)
    page.evaluate("document.body.dispatchEvent(new CustomEvent('refresh'))")  # as a poll does
    expect(page.locator(".fresh")).to_contain_text("1 new")


def test_typing_goes_on_while_lines_are_polled_and_found(
    windows: Windows, server: Server, home: Home, many: str
) -> None:
    page = windows.open("/tasks")
    field = page.get_by_label("Search in what was asked")
    field.press_sequentially(many, delay=20)
    expect(page).to_have_url(f"/tasks?q={many}")
    expect(page.locator(".history-row mark")).to_have_count(50)
    expect(field).to_be_focused()
    field.press_sequentially(" 0")
    expect(page.locator(".history-row")).to_have_count(10)
    poll(page, server, f"true {many} 0x")
    field.press_sequentially("7")
    expect(page.locator(".history-row")).to_have_count(1)
    expect(field).to_have_value(f"{many} 07")
    expect(field).to_be_focused()
    expect(page).to_have_url(f"/tasks?q={many}+07")
    page.reload()
    expect(page.locator(".history-row")).to_have_count(1)
    expect(field).to_have_value(f"{many} 07")


def test_choices_are_steps_that_back_takes_back(windows: Windows, many: str) -> None:
    page = windows.open(f"/tasks?q={many}")
    page.get_by_text("Filters", exact=True).click()
    page.locator("#filter-fields").get_by_label("failed").check()
    expect(page).to_have_url(f"/tasks?status=failed&q={many}")
    expect(page.locator("#rows")).to_contain_text("No task is like that.")
    page.get_by_label("Submitted", exact=True).select_option("today")
    expect(page).to_have_url(f"/tasks?status=failed&q={many}&when=today")
    page.get_by_label("From").fill("2020-01-01")
    expect(page).to_have_url(f"/tasks?status=failed&q={many}&since=2020-01-01")
    expect(page.get_by_label("Submitted", exact=True)).to_have_value("")
    page.go_back()
    expect(page).to_have_url(f"/tasks?status=failed&q={many}&when=today")
    expect(page.get_by_label("Submitted", exact=True)).to_have_value("today")
    page.locator(".chips a", has_text="failed").click()
    expect(page).to_have_url(f"/tasks?q={many}&when=today")
    expect(page.locator(".history-row")).to_have_count(50)
    expect(page.locator('#filter-fields input[value="failed"]')).not_to_be_checked()


def test_older_and_newer_show_the_same_lines_while_tasks_arrive(
    windows: Windows, server: Server, many: str
) -> None:
    page = windows.open(f"/tasks?q={many}")
    first = lines(page)
    page.get_by_role("link", name="Older").click()
    expect(page).to_have_url(re.compile("before="))
    expect(page.locator(".history-row")).not_to_have_count(50)
    server.submit(f"echo {many} newcomer")
    page.get_by_role("link", name="Newer").click()
    expect(page.locator(".history-row")).to_have_count(50)
    assert lines(page) == first


def test_what_is_selected_stays_selected_and_is_deleted_after_one_question(
    windows: Windows, server: Server, home: Home, few: str
) -> None:
    page = windows.open(f"/tasks?q={few}")
    expect(page.locator("#bulk")).to_be_hidden()
    boxes = page.locator(".history-row .pick input")
    boxes.nth(1).check()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.locator(".bulk-count")).to_have_text("4 selected on this page")
    poll(page, server, f"true {few}")
    expect(page.locator(".history-row .pick input:checked")).to_have_count(4)
    expect(page.locator("#bulk")).to_be_visible()
    page.get_by_role("button", name="Delete…").click()
    dialog = page.locator("#ask")
    expect(dialog).to_contain_text("Delete 4 tasks and their output?")
    dialog.get_by_role("button", name="Delete 4 tasks").click()
    expect(page.locator("#notices")).to_contain_text("4 tasks and their output are deleted.")
    expect(dialog).to_be_hidden()
    expect(page.locator("#bulk")).to_be_hidden()
    expect(page.locator(".history-row")).to_have_count(2)
    assert count(home, few) == 3


def test_all_that_match_are_asked_about_by_their_number(
    windows: Windows, home: Home, many: str
) -> None:
    page = windows.open("/tasks?session_id=none-such")
    page.locator(".chips a").first.click()
    expect(page).to_have_url("/tasks")
    page.wait_for_load_state("load")
    page.get_by_label("Search in what was asked").fill(many)
    expect(page).to_have_url(f"/tasks?q={many}")
    page.get_by_label("Select all on this page").check()
    expect(page.locator(".bulk-count")).to_have_text("50 selected on this page")
    page.get_by_label("all that match, on every page").check()
    page.get_by_role("button", name="Delete…").click()
    there = count(home, many)
    expect(page.locator("#ask")).to_contain_text(f"Delete {there} tasks and their output?")
    page.get_by_role("link", name="Leave them").click()
    expect(page.locator("#ask")).to_be_hidden()
    page.get_by_role("button", name="Select none").click()
    expect(page.locator("#bulk")).to_be_hidden()
    expect(page.locator(".pick input:checked")).to_have_count(0)
    assert count(home, many) == there


def test_the_list_works_without_javascript(windows: Windows, home: Home, few: str) -> None:
    page = windows.open("/tasks", java_script_enabled=False)
    page.get_by_label("Search in what was asked").fill(few)
    page.get_by_text("Filters", exact=True).click()
    page.locator("#filter-fields").get_by_label("stopped").check()
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page).to_have_url(f"/tasks?status=stopped&q={few}")
    page.locator(".history-row .pick input").nth(0).check()
    page.locator(".history-row .pick input").nth(2).check()
    page.get_by_role("button", name="Delete…").click()
    expect(page.locator("main")).to_contain_text("Delete 2 tasks and their output?")
    page.get_by_role("button", name="Delete 2 tasks").click()
    expect(page.locator("main")).to_contain_text("2 tasks and their output are deleted.")
    page.get_by_role("link", name="Back to the tasks").click()
    expect(page).to_have_url(f"/tasks?status=stopped&q={few}")
    expect(page.locator(".list-facts")).to_contain_text("4 tasks")


def test_on_a_phone_lines_are_cards_and_the_verbs_stay_in_reach(
    windows: Windows, many: str
) -> None:
    page = windows.open(f"/tasks?q={many}", viewport=PHONE)
    page.locator(".history-row .pick").first.click()
    verb = page.get_by_role("button", name="Delete…")
    expect(verb).to_be_in_viewport()
    box = verb.bounding_box()
    rail = page.locator(".rail").bounding_box()
    assert box
    assert rail
    assert box["height"] >= 40
    assert box["y"] + box["height"] <= rail["y"]
    target = page.locator(".history-row .pick").first.bounding_box()
    assert target
    assert min(target["width"], target["height"]) >= 36
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) == 0


def test_a_day_that_is_none_is_said_beside_its_field(windows: Windows, many: str) -> None:
    windows.forgive("status of 400")
    page = windows.open(f"/tasks?since=soon&q={many}")
    expect(page.locator("#f-since-problem")).to_have_text("Write a day like 2026-11-23.")
    field = page.get_by_label("From")
    expect(field).to_have_value("soon")
    field.fill("2020-01-01")
    field.press("Enter")
    expect(page.locator(".history-row")).to_have_count(50)
    expect(page.locator("#f-since-problem")).to_have_count(0)
