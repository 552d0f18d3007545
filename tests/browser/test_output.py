"""A task's output: followed, scrolled back in, searched; the page stays small."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows
from tests.processes.server import Home, Server

Starts = Callable[..., str]

MANY = 200_000
GREW_OR_WHOLE = """n => document.querySelectorAll('#term .l').length > n
    || document.querySelector('.earlier').hidden"""


def lines_in(page: Page) -> int:
    return page.locator("#term .l").count()


def test_the_page_of_a_flood_holds_a_bounded_number_of_lines(
    windows: Windows, server: Server, home: Home
) -> None:
    task_id = server.submit(f"seq {MANY}")
    home.becomes(task_id, "completed")
    page = windows.open(f"/tasks/{task_id}/output")
    expect(page.locator("#term .l").last).to_have_text(str(MANY))
    assert page.locator("#term .l").last.get_attribute("data-n") == str(MANY)
    first = int(page.locator("#term .l").first.inner_text())
    for _ in range(6):
        page.locator("[data-earlier]").click()
        expect(page.locator("#term .l").first).not_to_have_text(str(first))
        first = int(page.locator("#term .l").first.inner_text())
    assert lines_in(page) <= 5_000
    expect(page.locator("[data-later]")).to_be_in_viewport()
    page.locator("[data-later]").click()
    expect(page.locator("#term .l").last).to_have_text(str(MANY))


def test_loading_earlier_lines_leaves_no_hole_and_no_double(
    windows: Windows, server: Server, home: Home
) -> None:
    task_id = server.submit("seq 3500")
    home.becomes(task_id, "completed")
    page = windows.open(f"/tasks/{task_id}/output")
    earlier = page.locator("[data-earlier]")
    while page.locator(".earlier").is_visible():
        # Scrolling near the top loads too: the link may be gone before a pointer reaches it.
        before = lines_in(page)
        earlier.evaluate("link => link.click()")
        page.wait_for_function(GREW_OR_WHOLE, arg=before)
    shown = page.locator("#term .l").all_inner_texts()
    assert [int(text) for text in shown] == list(range(1, 3501))


def test_output_is_followed_as_it_comes_and_unfinished_lines_are_replaced(
    windows: Windows, starts: Starts
) -> None:
    task_id = starts("printf 'wait'; read -r x; echo ed; read -r y; printf '10%%\\r'; echo 100%")
    page = windows.open(f"/tasks/{task_id}/output")
    expect(page.locator("#term .l")).to_have_text(["wait"])
    field = page.get_by_label("Instruction")
    field.fill("go")
    field.press("Enter")
    expect(page.locator("#term .l")).to_have_text(["waited"])
    field.fill("on")
    field.press("Enter")
    expect(page.locator("#term .l")).to_have_text(["waited", "100%"])
    expect(page.locator("#live")).to_contain_text("completed")


def test_scrolling_up_stops_following_until_asked_again(windows: Windows, starts: Starts) -> None:
    task_id = starts("seq 300; while read -r x; do seq 300; done")
    page = windows.open(f"/tasks/{task_id}/output")
    expect(page.locator("#term .l").last).to_have_text("300")
    page.locator("#term").hover()
    page.mouse.wheel(0, -2000)
    follow = page.get_by_role("button", name="Follow")
    expect(follow).to_have_attribute("aria-pressed", "false")
    page.get_by_label("Instruction").fill("more")
    page.get_by_label("Instruction").press("Enter")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#term .l")).to_have_count(600)


def test_search_finds_a_line_that_is_not_loaded_and_goes_there(
    windows: Windows, server: Server, home: Home
) -> None:
    task_id = server.submit("seq 20000; echo Needle; seq 20000")
    home.becomes(task_id, "completed")
    page = windows.open(f"/tasks/{task_id}/output")
    page.get_by_label("Search in the output").fill("needle")
    page.get_by_label("Search in the output").press("Enter")
    expect(page.locator(".matches")).to_contain_text("1 line contains")
    page.locator(".matches li a").click()
    expect(page.locator("#hit")).to_have_text("Needle")
    assert page.locator("#hit").get_attribute("data-n") == "20001"
    expect(page.locator("#hit")).to_be_in_viewport()


def test_a_task_that_printed_nothing_says_so(windows: Windows, server: Server, home: Home) -> None:
    task_id = server.submit("true")
    home.becomes(task_id, "completed")
    page = windows.open(f"/tasks/{task_id}/output")
    expect(page.locator(".output-empty")).to_have_text("It printed nothing.")


def test_a_page_opened_while_its_task_waits_shows_what_it_prints_later(
    windows: Windows, starts: Starts, server: Server
) -> None:
    first = starts("sleep 60")
    second = server.submit("echo at last; sleep 60")
    page = windows.open(f"/tasks/{second}/output")
    expect(page.locator("#live")).to_contain_text("waiting · 2nd")
    server.ask(first, "stop")
    expect(page.locator("#term .l")).to_have_text(["at last"])


def test_the_next_attempt_takes_the_place_of_the_failed_one(
    windows: Windows, starts: Starts
) -> None:
    task_id = starts('echo "attempt $LINEUP_TASK_ATTEMPT"; sleep 2; exit 1', max_retries=1)
    page = windows.open(f"/tasks/{task_id}/output")
    expect(page.locator("#term .l")).to_have_text(["attempt 1"])
    expect(page.locator("#term .l")).to_have_text(["attempt 2"])
