"""Settings, Health: what the doctor's quick checks find, when somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from tests.web.conftest import Browser
from webapp.db import db, transaction
from webapp.services.submissions import Submitted

ADDRESS = "/settings/health/check"


def test_a_stranger_may_not_ask(stranger: Browser) -> None:
    assert stranger.get(ADDRESS).status_code == 303


@pytest.mark.both_databases
def test_what_disagrees_is_said_when_asked_and_nothing_is_changed(
    app: APIFlask, browser: Browser, submit: Callable[..., Submitted]
) -> None:
    submit("work")
    assert "Nothing disagrees." not in browser.get("/settings/health").text
    assert "Nothing disagrees." in browser.get(ADDRESS).text
    with app.app_context():
        transaction(lambda: db.session.execute(text("UPDATE lanes SET completed = 7")))()

    for _ in range(2):
        page = browser.get(ADDRESS).text
        assert "1 lanes count their tasks wrongly: main." in page
        assert "The tasks are counted anew." in page
        assert "lineup doctor --repair" in page


def test_what_is_found_is_shown_as_text(browser: Browser, app: APIFlask, submit: Any) -> None:
    submit("work")
    with app.app_context():

        def spoil() -> None:
            db.session.execute(text("PRAGMA ignore_check_constraints = ON"))
            db.session.execute(text("UPDATE tasks SET status = '<script>'"))

        transaction(spoil)()

    page = browser.get(ADDRESS).text
    assert "tasks have a status that is none" in page
    assert "&lt;script&gt;" in page
