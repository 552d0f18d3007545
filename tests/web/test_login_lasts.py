"""How long a login lasts, what ends it, and how a password is set."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from apiflask import APIFlask

from tests.web.conftest import PASSWORD, Browser, fail_often, is_in, later, login_link, set_password

Serve = Callable[..., APIFlask]

# The cookie


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(app: APIFlask) -> None:
    cookie = Browser(app).enter_by_link().headers["Set-Cookie"]
    parts = {part.strip() for part in cookie.split(";")}
    assert cookie.startswith("lineup_7420=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= parts
    assert "Secure" not in parts
    assert not any(part.startswith("Domain=") for part in parts)


def test_two_servers_on_one_machine_keep_their_cookies_apart(serve: Serve) -> None:
    cookie = Browser(serve(port=7421)).enter_by_link().headers["Set-Cookie"]
    assert cookie.startswith("lineup_7421=")


def test_behind_https_the_cookie_stays_there(serve: Serve) -> None:
    app = serve(public_url="https://lineup.example")
    browser = Browser(app)
    secure = {"base_url": "https://lineup.example"}
    path = f"/login/link/{login_link(app)}"
    browser.get(path, **secure)
    assert "Secure" in browser.post(path, **secure).headers["Set-Cookie"]


def test_a_login_lasts_30_days(browser: Browser) -> None:
    with later(days=30, minutes=1):
        assert not is_in(browser)


def test_a_login_that_is_used_goes_on(browser: Browser) -> None:
    with later(days=29):
        assert is_in(browser)
    with later(days=58):
        assert is_in(browser)


def test_the_cookie_is_renewed_once_a_day_and_not_at_each_poll(browser: Browser) -> None:
    assert "Set-Cookie" not in browser.client.get("/api/status").headers
    with later(hours=25):
        assert "Set-Cookie" in browser.client.get("/api/status").headers
        assert "Set-Cookie" not in browser.client.get("/api/status").headers


def test_nothing_of_the_cookie_before_the_login_is_kept(app: APIFlask, stranger: Browser) -> None:
    path = f"/login/link/{login_link(app)}"
    stranger.get(path)
    planted = stranger.form_token
    stranger.post(path)
    refused = stranger.client.post("/api/tasks/stop", headers={"X-CSRFToken": planted})
    assert refused.status_code == 403


# Leaving, and a new password


def test_logging_out_ends_the_login(browser: Browser) -> None:
    response = browser.post("/logout")
    assert response.status_code == 303
    assert response.headers["Location"] == "/login"
    assert not is_in(browser)


def test_logging_out_ends_every_login_even_that_of_a_copied_cookie(
    app: APIFlask, browser: Browser
) -> None:
    other = Browser(app)
    other.enter_by_link()
    assert is_in(other)

    browser.post("/logout")

    assert not is_in(other)


def test_logging_out_by_a_link_is_not_possible(browser: Browser) -> None:
    assert browser.client.get("/logout").status_code == 405
    assert is_in(browser)


def test_a_new_password_ends_all_other_logins(app: APIFlask, browser: Browser) -> None:
    other = Browser(app)
    other.enter_by_link()
    response = browser.post("/settings/account", {"new": PASSWORD, "again": PASSWORD})
    assert response.status_code == 303
    assert is_in(browser)
    assert not is_in(other)
    assert other.enter().status_code == 303


@pytest.mark.parametrize(
    ("new", "again", "said"),
    [
        ("short77", "short77", "At least 8"),
        ("x" * 1001, "x" * 1001, "At most 1000"),
        ("", "", "needed"),
        ("long enough", "long enouhg", "not the same"),
    ],
)
def test_a_password_that_cannot_be_used_is_refused_beside_its_field(
    app: APIFlask, browser: Browser, new: str, again: str, said: str
) -> None:
    response = browser.post("/settings/account", {"new": new, "again": again})
    assert response.status_code == 422
    assert said in response.text
    if new:
        assert new not in response.text
    assert 'type="password"' not in Browser(app).get("/login").text


def test_replacing_a_password_needs_the_present_one(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    stranger.enter()
    assert "current-password" in stranger.get("/settings/account").text
    typed = {"new": "another long one", "again": "another long one"}
    for current in ({}, {"current": ""}, {"current": "wrong one"}):
        assert stranger.post("/settings/account", {**typed, **current}).status_code == 422
    assert stranger.post("/settings/account", {**typed, "current": PASSWORD}).status_code == 303
    assert Browser(app).enter().status_code == 401
    assert Browser(app).enter("another long one").status_code == 303


def test_guessing_the_present_password_is_slowed_down(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    stranger.enter()
    stranger.get("/settings/account")
    typed = {"new": "another long one", "again": "another long one"}
    fail_often(app, "login")
    assert stranger.post("/settings/account", {**typed, "current": PASSWORD}).status_code == 429


def test_a_forgotten_password_is_replaced_right_after_a_link(app: APIFlask) -> None:
    set_password(app)
    typed = {"new": "another long one", "again": "another long one"}
    slow, quick = Browser(app), Browser(app)
    slow.enter_by_link()
    with later(minutes=16):
        slow.get("/settings/account")
        assert slow.post("/settings/account", typed).status_code == 422
        quick.enter_by_link()
        quick.get("/settings/account")
        assert quick.post("/settings/account", typed).status_code == 303
        # Once is enough: from now on the new one is asked for.
        assert quick.post("/settings/account", typed).status_code == 422


# Without login


def test_without_login_these_pages_say_so(serve: Serve) -> None:
    browser = Browser(serve(auth="off"))
    for path in ("/login", "/login/link/x", "/settings/account", "/settings/tokens"):
        response = browser.get(path)
        assert response.status_code == 200
        assert "LINEUP_AUTH=off" in response.text
    for path in ("/login", "/login/link/x", "/settings/account", "/settings/tokens"):
        assert browser.post(path).status_code == 409
