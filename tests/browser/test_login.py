"""Getting in with the printed link, by clicking its button."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Browser, expect

from tests.browser.conftest import Windows
from tests.processes.server import Server


def test_a_stranger_is_shown_the_way_in(chromium: Browser, server: Server) -> None:
    context = chromium.new_context(base_url=server.url)
    page = context.new_page()
    page.goto("/tasks")
    expect(page).to_have_url("/login?next=/tasks")
    expect(page.locator("main")).to_contain_text("Log in")
    assert page.locator("nav.rail").count() == 0
    context.close()


def test_only_the_click_consumes_the_link(
    chromium: Browser, server: Server, login_link: Callable[[], str]
) -> None:
    address = login_link()
    context = chromium.new_context(base_url=server.url)
    page = context.new_page()
    page.goto(address)
    page.goto(address)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#strip")).to_be_visible()
    again = chromium.new_context(base_url=server.url)
    other = again.new_page()
    other.goto(address)
    if other.get_by_role("button", name="Log in").count():
        other.get_by_role("button", name="Log in").click()
    expect(other.locator("body")).to_contain_text("This link was used")
    again.close()
    context.close()


def test_what_somebody_typed_outlives_the_login(windows: Windows) -> None:
    windows.forgive("401")
    page = windows.open("/")
    field = page.get_by_label("What should be done?")
    field.fill("a long command")
    page.context.clear_cookies()
    expect(page.locator("#logged-out")).to_contain_text("You are logged out")
    expect(field).to_have_value("a long command")
    page.get_by_role("link", name="log in again").click()
    expect(page).to_have_url(re.compile("/login"))
