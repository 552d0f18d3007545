"""What needs a look on the first page: what failed and was not put right since."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.conftest import Browser
from webapp.domain import outcome as outcomes
from webapp.domain.outcome import Outcome
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


def test_a_failure_asks_for_attention_until_the_same_succeeds(
    browser: Browser, submit: Submit, end: Callable[..., str]
) -> None:
    for _ in range(2):
        submit("invoices")
        end(Outcome("fail", message="401 Unauthorized", may_retry=False))
    shown = browser.get("/now/aside").text
    assert "failed 2×" in shown
    assert "401 Unauthorized" in shown
    submit("invoices")
    end(outcomes.completed(None))
    assert "invoices" not in browser.get("/now/aside").text.partition("Last 24 hours")[0]


def test_failures_that_are_not_shown_are_counted(
    browser: Browser, submit: Submit, end: Callable[..., str]
) -> None:
    for number in range(8):
        submit(f"work {number}")
        end(Outcome("fail", code="failed_somehow"))

    shown = browser.get("/").text

    assert "work 7" in shown
    assert ">and 2 more</a>" in shown
