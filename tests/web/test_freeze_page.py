"""Freezing and thawing from the pages, with plain forms."""

from __future__ import annotations

from tests.web.conftest import Browser


def test_a_freeze_without_a_reason_is_refused_and_nothing_is_frozen(browser: Browser) -> None:
    browser.get("/settings/health")

    assert browser.post("/freeze", {"reason": " "}).status_code == 400

    assert "Thaw" not in browser.get("/").text


def test_every_page_says_that_it_is_frozen_until_somebody_thaws(browser: Browser) -> None:
    browser.get("/settings/health")
    assert browser.post("/freeze", {"reason": "moving <house>"}).status_code == 303

    for path in ("/", "/tasks", "/settings/health", "/help"):
        page = browser.get(path).text
        assert "moving &lt;house&gt;" in page
        assert "Thaw" in page
    assert "All is well" not in browser.get("/settings/health").text

    assert browser.post("/thaw").status_code == 303
    assert "Thaw" not in browser.get("/").text
