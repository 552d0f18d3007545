"""Every page: silent console, nothing wider than a phone, readable without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Windows
from tests.processes.server import Home, Server

Starts = Callable[..., str]

WIDE = "x" * 300
COLOURS = (
    r"printf '\033[1;31mred\033[0m <b>not bold</b> \033[38;5;120mgreenish\033[0m\n';"
    f" echo '{WIDE}'; echo '::lineup progress 3/4 nearly'; echo '::lineup result **done** <i>x</i>'"
)


@pytest.fixture
def failed(server: Server, home: Home) -> str:
    """A task that has failed, with something to say."""
    task_id = server.submit(f"{COLOURS}; echo 401 Unauthorized >&2; exit 4")
    home.becomes(task_id, "failed")
    return task_id


@pytest.fixture
def rich(starts: Starts, server: Server, failed: str) -> list[str]:
    """The pages there are, while something runs and something waits."""
    active = starts(f"{COLOURS}; sleep 60")
    server.submit(f"echo waiting {WIDE}")
    tabs = ("", "/output", "/result", "/details")
    return [
        "/",
        *(f"/tasks/{task_id}{tab}" for task_id in (active, failed) for tab in tabs),
        f"/tasks/{active}/ask/stop",
        f"/tasks/{failed}/ask/delete",
        f"/tasks/{failed}/output?q=red",
        "/tasks",
        "/tasks?status=failed&q=red",
        f"/?edit={failed}",
        "/settings/health",
        "/settings/account",
        "/settings/tokens",
        "/help",
        "/help/shell-protocol",
        "/api/docs",
    ]


def sideways(page: Page) -> int:
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def is_drawn(page: Page) -> bool:
    return len(page.screenshot()) > 10_000


def test_no_page_complains_or_scrolls_sideways_on_a_phone(
    windows: Windows, rich: list[str]
) -> None:
    page = windows.open("/", viewport=PHONE, color_scheme="light")
    for path in rich:
        page.goto(path)
        page.wait_for_load_state("load")
        assert sideways(page) == 0, path
        assert is_drawn(page), path


def test_every_page_has_a_heading_a_title_and_a_way_to_skip(
    windows: Windows, rich: list[str]
) -> None:
    page = windows.open("/", color_scheme="dark")
    for path in rich:
        page.goto(path)
        assert is_drawn(page), path
        heading = page.locator("h1, .ask h2").first
        assert heading.inner_text().strip(), path
        assert page.title().endswith("Lineup"), path
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip", path


def test_what_is_not_there_is_said_in_words_in_the_same_frame(windows: Windows) -> None:
    windows.forgive("status of 404")
    page = windows.open("/tasks/none-such")
    expect(page.locator("main")).to_contain_text("There is no task none-such.")
    expect(page.locator("nav.rail")).to_be_visible()


def test_everything_can_be_read_without_javascript(windows: Windows, rich: list[str]) -> None:
    page = windows.open("/", java_script_enabled=False)
    for path in rich:
        page.goto(path)
        assert page.locator("main").inner_text().strip(), path
    page.goto(rich[2])
    expect(page.locator("#term")).to_contain_text("not bold")


def test_plain_forms_submit_steer_and_delete_without_javascript(
    windows: Windows, home: Home
) -> None:
    page = windows.open("/", java_script_enabled=False)
    page.get_by_label("What should be done?").fill("read line; echo heard $line; sleep 60")
    page.get_by_role("button", name="Run now").click()
    [newest] = home.query("SELECT task_id FROM tasks ORDER BY seq DESC LIMIT 1")
    home.becomes(newest["task_id"], "running")
    page.goto("/")
    page.get_by_label("Instruction").fill("by hand")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("section.riding")).to_contain_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("section.riding")).to_contain_text("running")
    page.get_by_role("button", name="Stop…").click()
    page.get_by_label("Reason").fill("enough")
    page.get_by_role("button", name="Stop it").click()
    home.becomes(newest["task_id"], "stopped")
    page.goto(f"/tasks/{newest['task_id']}")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("#notices")).to_contain_text("deleted")
    assert home.query("SELECT 1 FROM tasks WHERE task_id = ?", newest["task_id"]) == []


def test_a_mistake_without_javascript_keeps_what_was_typed(windows: Windows) -> None:
    windows.forgive("status of 422")
    page = windows.open("/", java_script_enabled=False)
    page.get_by_label("What should be done?").fill("echo kept")
    page.get_by_text("More: session").click()
    page.get_by_label("Working directory").fill("relative/path")
    page.get_by_role("button", name="Run now").click()
    expect(page.locator("#working_dir-problem")).to_contain_text("absolute path")
    expect(page.get_by_label("What should be done?")).to_have_value("echo kept")


def test_agents_words_are_never_markup(windows: Windows, failed: str) -> None:
    page = windows.open(f"/tasks/{failed}/output")
    expect(page.locator("#term .a-f1.a-b")).to_have_text("red")
    assert page.locator("#term b").count() == 0
    page.goto(f"/tasks/{failed}/result")
    expect(page.locator(".prose strong")).to_have_text("done")
    assert page.locator(".prose i").count() == 0


def test_a_failed_task_says_why_first_and_runs_again(
    windows: Windows, failed: str, home: Home
) -> None:
    page = windows.open(f"/tasks/{failed}")
    expect(page.locator(".failure")).to_contain_text("exit code 4")
    expect(page.locator(".failure")).to_contain_text("401 Unauthorized")
    page.get_by_role("button", name="Run again").click()
    expect(page).not_to_have_url(f"/tasks/{failed}")
    home.all_final()
    [newest] = home.query("SELECT * FROM tasks ORDER BY seq DESC LIMIT 1")
    assert newest["rerun_of"] == failed


def test_a_task_is_edited_and_run_with_its_secrets_kept(
    windows: Windows, server: Server, home: Home
) -> None:
    secret = {"TOKEN": "s3cret", "OTHER": "plain"}
    task_id = server.submit("exit 1", env=secret)
    home.becomes(task_id, "failed")
    page = windows.open(f"/tasks/{task_id}")
    page.get_by_role("link", name="Edit and run").click()
    page.wait_for_url("**/?edit=*")  # and until it has loaded: then a browser drops the focus
    field = page.get_by_label("Environment", exact=True)
    expect(field).to_have_value("TOKEN=•••\nOTHER=•••")
    assert "s3cret" not in page.content()
    field.fill("TOKEN=•••\nOTHER=changed")
    page.get_by_label("What should be done?").fill('echo "$TOKEN $OTHER"')
    page.get_by_role("button", name="Run now").click()
    expect(page.locator("#composer")).to_contain_text("In the lineup")
    home.all_final()
    [newest] = home.query("SELECT task_id FROM tasks ORDER BY seq DESC LIMIT 1")
    page.goto(f"/tasks/{newest['task_id']}/output")
    expect(page.locator("#term")).to_contain_text("s3cret changed")


def test_the_composer_shows_the_fields_of_the_agent_that_is_chosen(windows: Windows) -> None:
    page = windows.open("/")
    address, working_dir = page.get_by_label("Address"), page.get_by_label("Working directory")
    page.locator("#composer summary", has_text="More: ").click()
    expect(working_dir).to_be_visible()
    expect(address).to_be_hidden()

    page.get_by_label("Agent", exact=True).select_option("http")
    expect(working_dir).to_be_hidden()
    page.get_by_label("Kind").select_option("langflow")
    expect(page.get_by_label("Flow in Langflow")).to_be_visible()
    expect(page.get_by_label("Method")).to_be_hidden()


def test_the_theme_is_the_systems_until_somebody_chooses(windows: Windows) -> None:
    page = windows.open("/", color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.get_by_role("button", name="Change the colour theme").first.click()
    light = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == light
