"""Bearer tokens: made and revoked in the settings, sent by scripts."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from apiflask import APIFlask
from sqlalchemy import text

from tests.web.conftest import Browser, as_bearer, error, make_token, set_password
from webapp import clock
from webapp.db import db


def make(browser: Browser, name: str = "nightly", scope: str = "operate") -> str:
    """Make a token on its page, and read it there."""
    response = browser.post("/settings/tokens", {"name": name, "scope": scope})
    assert response.status_code == 200, response.text
    found = re.search(r">(lineup_[A-Za-z0-9_-]{43})</pre>", response.text)
    assert found is not None
    assert "data-copyable" in response.text
    return found[1]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "", "scope": "read"}, "needed"),
        ({"name": "  ", "scope": "read"}, "needed"),
        ({"name": "x" * 51, "scope": "read"}, "At most 50"),
        ({"name": "tab\there", "scope": "read"}, "printable"),
        ({"name": "x", "scope": "everything"}, "Not a valid choice"),
    ],
)
def test_a_token_that_cannot_be_made_is_refused_beside_its_field(
    browser: Browser, typed: dict[str, str], said: str
) -> None:
    response = browser.post("/settings/tokens", typed)
    assert response.status_code == 422
    assert said in response.text
    assert "There are no tokens" in browser.get("/settings/tokens").text


def test_a_name_is_taken_until_its_token_is_revoked(browser: Browser) -> None:
    make(browser, "nightly")
    refused = browser.post("/settings/tokens", {"name": "nightly", "scope": "admin"})
    assert refused.status_code == 422
    assert "nightly" in refused.text
    path = revoke_paths(browser)[0]
    assert browser.post(path).status_code == 303
    make(browser, "nightly")


def test_the_secret_is_shown_once_and_kept_nowhere(app: APIFlask, browser: Browser) -> None:
    secret = make(browser)
    page = browser.get("/settings/tokens").text
    assert secret not in page
    assert secret[-4:] in page
    with app.app_context():
        dump = repr(db.session.execute(text("SELECT * FROM api_tokens")).all())
        dump += repr(db.session.execute(text("SELECT * FROM audit_log")).all())
    assert secret not in dump
    assert secret.removeprefix("lineup_") not in dump


def test_the_page_with_the_secret_is_not_kept_by_browsers(browser: Browser) -> None:
    response = browser.post("/settings/tokens", {"name": "x", "scope": "read"})
    assert response.headers["Cache-Control"] == "no-store"


def test_a_token_works_until_it_is_revoked(app: APIFlask, browser: Browser) -> None:
    script = as_bearer(app, make(browser))
    assert script.get("/api/status").status_code == 200
    assert browser.post(revoke_paths(browser)[0]).status_code == 303
    response = script.get("/api/status")
    assert response.status_code == 401
    assert error(response) == "token_unknown"


def test_a_token_is_revoked_once(browser: Browser) -> None:
    make(browser)
    path = revoke_paths(browser)[0]
    assert browser.post(path).status_code == 303
    assert browser.post(path).status_code == 404
    assert browser.post("/settings/tokens/999/revoke").status_code == 404


def test_the_question_names_the_token_and_revokes_nothing(browser: Browser) -> None:
    assert browser.get("/settings/tokens/999/ask").status_code == 404
    make(browser, "nightly")
    [question] = re.findall(r'href="(/settings/tokens/\d+/ask)"', settings(browser))
    assert "nightly" in browser.get(question).text
    fragment = browser.get(question, headers={"HX-Request": "true"}).text
    assert "nightly" in fragment
    assert "<html" not in fragment
    assert "nightly" in settings(browser)


def test_a_token_survives_a_new_password(app: APIFlask, browser: Browser) -> None:
    script = as_bearer(app, make(browser))
    set_password(app)
    assert script.get("/api/status").status_code == 200


def test_tokens_are_made_by_administrators_alone(app: APIFlask) -> None:
    script = as_bearer(app, make_token(app, "operate"))
    typed = {"name": "more", "scope": "admin"}
    assert script.post("/settings/tokens", data=typed).status_code == 403
    assert script.post("/settings/account", data={"new": "a" * 9}).status_code == 403


def test_wrong_tokens_are_slowed_down_and_good_ones_are_not(app: APIFlask) -> None:
    wrong, good = as_bearer(app, "lineup_wrong"), as_bearer(app, make_token(app))
    for _ in range(10):
        assert wrong.get("/api/status").status_code == 401
    blocked = wrong.get("/api/status")
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= 300
    for _ in range(15):
        assert good.get("/api/status").status_code == 200
    with time_machine.travel(clock.now() + timedelta(minutes=5, seconds=1), tick=False):
        assert wrong.get("/api/status").status_code == 401


def test_failures_of_one_kind_do_not_count_for_another(app: APIFlask) -> None:
    wrong = as_bearer(app, "lineup_wrong")
    for _ in range(11):
        wrong.get("/api/status")
    assert Browser(app).enter_by_link().status_code == 303


def revoke_paths(browser: Browser) -> list[str]:
    """Where the questions before revoking lead, newest token first."""
    paths = []
    for question in re.findall(r'href="(/settings/tokens/\d+/ask)"', settings(browser)):
        page = browser.get(question).text
        paths += re.findall(r'action="(/settings/tokens/\d+/revoke)"', page)
    return paths


def settings(browser: Browser) -> str:
    """The page that lists the tokens."""
    return browser.get("/settings/tokens").text
