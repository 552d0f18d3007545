"""The documentation and the API's page in a browser, under the policy that forbids the unusual."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows


def call(page: Page, name: str) -> str:
    """Unfold a call, try it, and return the status it was answered with."""
    block = page.locator(f"[id$='{name}']")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Execute").click()
    answered = block.locator(".live-responses-table .response-col_status")
    expect(answered.last).to_have_text(re.compile(r"\d{3}"))
    return answered.last.inner_text()


def test_a_call_is_tried_as_whoever_is_logged_in_and_as_a_token(windows: Windows) -> None:
    windows.forgive("status of 409", "status of 401")
    page = windows.open("/api/docs")
    assert call(page, "delete_api_freeze").startswith("409")  # not 403: the form token was sent

    page.get_by_role("button", name="Authorize").click()
    page.locator(".dialog-ux input").first.fill("lineup_unknown")
    page.locator(".dialog-ux").get_by_role("button", name="Apply credentials").first.click()
    page.locator(".dialog-ux").get_by_role("button", name="Close").last.click()
    assert call(page, "get_api_status").startswith("401")


def test_a_block_of_code_is_copied(windows: Windows) -> None:
    page = windows.open("/help/shell-protocol", permissions=["clipboard-read", "clipboard-write"])
    block = page.locator(".copyable").first
    block.hover()
    block.get_by_role("button", name="Copy").click()
    expect(block.get_by_role("button")).to_have_text("Copied")

    assert (
        page.evaluate("navigator.clipboard.readText()")
        == block.locator("pre").inner_text().rstrip()
    )
