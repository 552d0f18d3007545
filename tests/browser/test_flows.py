"""A flow in a browser: made by its form, run with values, and seen on its task's page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Windows
from tests.processes.server import Server

NAME = "Made in a browser"


@pytest.fixture
def tidy(server: Server) -> Iterator[None]:
    """What the test made is deleted when it is over."""
    yield
    for flow in server.http.get("/api/flows", params={"q": NAME}).json()["flows"]:
        server.http.delete(f"/api/flows/{flow['flow_id']}")


def fill_parameter(page: Page, number: int, name: str, kind: str) -> None:
    """Add a row, and say in it what the parameter is."""
    page.get_by_role("button", name="Add a parameter").click()
    row = page.locator(f"#parameter-{number}")
    row.get_by_label("Name").fill(name)
    row.get_by_label("Type").select_option(label=kind)


def test_a_flow_is_made_by_its_form_and_run_with_values(windows: Windows, tidy: None) -> None:
    page = windows.open("/flows/new")
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("What should be done?").fill('echo "to $LINEUP_TASK_PARAM_TARGET"')
    fill_parameter(page, 0, "target", "one of several")
    choices = page.locator("#parameter-0").get_by_label("Choices, one per line")
    choices.fill("disk\ntape")
    fill_parameter(page, 1, "level", "whole number")
    expect(page.locator("#parameter-0").get_by_label("Name")).to_have_value("target")
    expect(choices).to_have_value("disk\ntape")
    expect(page.get_by_label("Name", exact=True).first).to_have_value(NAME)
    page.get_by_role("button", name="Save the flow").click()

    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    form = page.locator("#run")
    form.get_by_label("target").select_option("tape")
    form.get_by_label("level").fill("5")
    form.get_by_role("button", name="Run now").click()

    expect(page.get_by_role("link", name=NAME, exact=True)).to_be_visible()
    expect(page.locator("#live .st").first).to_have_text(re.compile("completed"), timeout=20_000)
    expect(page.locator("#live")).to_contain_text("to tape")


def test_flows_are_reached_by_keys_and_fit_a_phone(windows: Windows) -> None:
    page = windows.open("/")
    page.keyboard.press("g")
    page.keyboard.press("f")
    expect(page.get_by_role("heading", level=1)).to_have_text("Flows")

    phone = windows.open("/flows/new", viewport=PHONE)
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
