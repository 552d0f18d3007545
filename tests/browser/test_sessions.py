"""Sessions in a browser: found, read while they live, continued and deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Windows
from tests.processes.server import Home, Server
from tests.waiting import until

Starts = Callable[..., str]

# Says so many things, then one more whenever it is sent a line.
TALKS = (
    'for i in $(seq {count}); do echo "::lineup step word $i"; done;'
    ' while read -r line; do echo "::lineup step heard $line"; done'
)


def sideways(page: Page) -> int:
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.evaluate(width))


@pytest.fixture
def talking(server: Server, starts: Starts, home: Home) -> Callable[[str, int], str]:
    """A session in which a task has said something and listens."""

    def start(session_id: str, count: int) -> str:
        task_id = starts(TALKS.format(count=count), session_id=session_id)
        said = "SELECT count(*) FROM activity WHERE task_id = ? AND agent_msg LIKE 'word%'"
        until(lambda: home.query(said, task_id)[0][0] == count, home.logs)
        return task_id

    return start


def test_a_session_is_found_read_while_it_lives_and_goes_on(
    windows: Windows, server: Server, talking: Callable[[str, int], str]
) -> None:
    task_id = talking("browsed", 3)
    page = windows.open("/")
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_url("**/sessions")
    page.get_by_label("Search by what it is about").fill("brows")
    page.locator("#rows .col-what a").first.click()
    page.wait_for_url("**/sessions/browsed")
    expect(page.locator("#live")).to_contain_text("word 3")

    draft = page.get_by_label("What should be done?")
    draft.fill("echo typed meanwhile")
    server.ask(task_id, "instructions", instruction="me")
    expect(page.locator("#live")).to_contain_text("heard me")
    expect(draft).to_have_value("echo typed meanwhile")
    expect(draft).to_be_focused()

    page.get_by_role("button", name="Add to lineup").click()
    expect(page.locator("#composer")).to_contain_text("In the lineup")
    expect(page.locator(".turn-waiting")).to_contain_text("typed meanwhile")
    server.ask(task_id, "end-input")
    last = page.locator("section.turn").last
    expect(last.locator("h2")).to_have_text("echo typed meanwhile")
    expect(last).to_contain_text("completed")


def test_a_mistake_keeps_what_was_typed_and_the_session(
    windows: Windows, server: Server, home: Home
) -> None:
    windows.forgive("status of 422")
    home.becomes(server.submit("true", session_id="mistaken"), "completed")
    page = windows.open("/sessions/mistaken")
    page.get_by_label("What should be done?").fill("echo kept")
    page.get_by_text("More: priority").click()
    page.get_by_label("Working directory").fill("relative")
    page.locator("#composer-actions button").first.click()
    expect(page.locator("#working_dir-problem")).to_contain_text("absolute path")
    expect(page.get_by_label("What should be done?")).to_have_value("echo kept")
    page.get_by_label("Working directory").fill("")
    page.locator("#composer-actions button").first.click()
    expect(page.locator("section.turn h2").last).to_have_text("echo kept")
    expect(page).to_have_url(f"{server.url}/sessions/mistaken")


def test_a_reader_in_the_middle_is_not_moved_and_one_at_the_end_follows(
    windows: Windows, server: Server, talking: Callable[[str, int], str]
) -> None:
    task_id = talking("scrolled", 120)
    page = windows.open("/sessions/scrolled")
    end = "document.scrollingElement.scrollHeight - scrollY - innerHeight"
    assert page.evaluate(end) < 48

    server.ask(task_id, "instructions", instruction="once")
    expect(page.locator("#live")).to_contain_text("heard once")
    page.wait_for_function(f"{end} < 48")

    page.evaluate("scrollTo({top: 900, behavior: 'instant'})")
    server.ask(task_id, "instructions", instruction="twice")
    expect(page.locator("#live")).to_contain_text("heard twice")
    assert abs(page.evaluate("scrollY") - 900) < 2


def test_what_was_before_comes_above_without_a_hole(
    windows: Windows, talking: Callable[[str, int], str]
) -> None:
    talking("earlier", 320)
    page = windows.open("/sessions/earlier")
    expect(page.locator("#live")).to_contain_text("word 320")
    while page.locator("#earlier").count():
        first = page.locator(".what").first.inner_text()
        page.get_by_role("link", name="Earlier entries").click()
        expect(page.locator(".what").first).not_to_have_text(first)
    words = [text for text in page.locator(".what").all_inner_texts() if text.startswith("word")]
    assert words == [f"word {number}" for number in range(1, 321)]


def test_a_session_is_deleted_after_being_asked_once(
    windows: Windows, server: Server, home: Home
) -> None:
    windows.forgive("status of 404")
    task_id = server.submit("echo x > file", session_id="unwanted")
    home.becomes(task_id, "completed")
    page = windows.open("/sessions/unwanted/details")
    page.get_by_role("button", name="Delete…").click()
    ask = page.get_by_role("dialog", name="Please confirm")
    expect(ask).to_contain_text("1 file")
    ask.get_by_role("button", name="Delete it").click()
    expect(page.locator("#notices")).to_contain_text("is deleted")
    assert not Path(home.data / "workspaces" / "unwanted").exists()
    page.goto("/sessions/unwanted")
    expect(page.locator("main")).to_contain_text("There is no session unwanted.")


def test_sessions_fit_a_phone_and_are_read_and_deleted_without_javascript(
    windows: Windows, server: Server, home: Home
) -> None:
    home.becomes(server.submit("echo " + "x" * 300, session_id="small"), "completed")
    paths = ("", "/small", "/small/tasks", "/small/details", "/small/ask/delete")
    page = windows.open("/", viewport=PHONE)
    for path in paths:
        page.goto(f"/sessions{path}")
        page.wait_for_load_state("load")
        assert sideways(page) == 0, path

    plain = windows.open("/sessions/small", java_script_enabled=False)
    plain.get_by_label("What should be done?").fill("echo by hand")
    plain.get_by_role("button", name="Run now").click()
    home.all_final()
    plain.goto("/sessions/small")
    expect(plain.locator("section.turn h2").last).to_have_text("echo by hand")
    plain.get_by_role("button", name="Delete…").click()
    plain.get_by_role("button", name="Delete it").click()
    expect(plain.locator("#notices")).to_contain_text("is deleted")
