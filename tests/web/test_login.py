"""Links, passwords, cookies: how a person gets in, stays in and leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from apiflask import APIFlask

from tests.web.conftest import PASSWORD, Browser, login_link, set_password
from webapp import clock

Serve = Callable[..., APIFlask]
OUTSIDE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "javascript:alert(1)",
    "evil.example",
    "",
]


def is_in(browser: Browser) -> bool:
    """Whether the browser is logged in."""
    status = browser.client.get("/api/status").status_code
    assert status in (200, 401)
    return status == 200


def later(**passed: float) -> time_machine.travel:
    """Some time from now."""
    return time_machine.travel(clock.now() + timedelta(**passed), tick=False)


# Links


def test_a_link_lets_in_once(app: APIFlask) -> None:
    path = f"/login/link/{login_link(app)}"
    first, second = Browser(app), Browser(app)
    first.get(path)
    second.get(path)
    assert first.post(path).status_code == 303
    assert is_in(first)
    refused = second.post(path)
    assert refused.status_code == 401
    assert "used, or is too old" in refused.text
    assert not is_in(second)


def test_looking_at_a_link_uses_up_nothing(app: APIFlask, stranger: Browser) -> None:
    path = f"/login/link/{login_link(app)}"
    for _ in range(3):
        assert stranger.get(path).status_code == 200
        assert stranger.client.head(path).status_code == 200
        assert not is_in(stranger)
    assert stranger.post(path).status_code == 303


def test_an_old_link_is_refused(app: APIFlask, stranger: Browser) -> None:
    path = f"/login/link/{login_link(app)}"
    with later(minutes=15, seconds=1):
        stranger.get(path)
        assert stranger.post(path).status_code == 401
        assert not is_in(stranger)


def test_a_link_works_for_almost_15_minutes(app: APIFlask, stranger: Browser) -> None:
    path = f"/login/link/{login_link(app)}"
    with later(minutes=14, seconds=50):
        stranger.get(path)
        assert stranger.post(path).status_code == 303


def test_a_link_needs_the_button_of_its_page(app: APIFlask, stranger: Browser) -> None:
    path = f"/login/link/{login_link(app)}"
    assert stranger.client.post(path).status_code == 403
    stranger.get(path)
    assert stranger.post(path).status_code == 303


def test_the_address_of_a_link_is_told_to_nobody(app: APIFlask, stranger: Browser) -> None:
    response = stranger.get(f"/login/link/{login_link(app)}")
    assert response.headers["Referrer-Policy"] == "strict-origin"
    assert response.headers["Cache-Control"] == "no-store"


def test_guessing_links_is_slowed_down(app: APIFlask, stranger: Browser) -> None:
    stranger.get("/login/link/x")
    for _ in range(10):
        assert stranger.post("/login/link/guess").status_code == 401
    blocked = stranger.post("/login/link/guess")
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= 300


# Passwords


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    app: APIFlask, stranger: Browser
) -> None:
    set_password(app)
    stranger.get("/login")
    answers = []
    for typed in ({"name": "owner", "password": "wrong one"}, {"name": "x", "password": PASSWORD}):
        response = stranger.post("/login", typed)
        assert response.status_code == 401
        assert not is_in(stranger)
        assert typed["password"] not in response.text
        answers.append(re.sub(r'value="[^"]*"', "", response.text))
    assert answers[0] == answers[1]
    assert "do not belong together" in answers[0]


def test_a_user_without_a_password_cannot_log_in_with_one(stranger: Browser) -> None:
    stranger.enter_by_link()
    stranger.get("/settings/account")
    stranger.post("/logout")
    stranger.get("/login/link/x")
    for password in ("", "None", "x"):
        typed = {"name": "owner", "password": password}
        assert stranger.post("/login", typed).status_code in (401, 422)


def test_what_was_typed_is_kept_but_never_the_password(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    stranger.get("/login")
    for typed in ({"name": "me <b>", "password": ""}, {"name": "me <b>", "password": "se-cret"}):
        response = stranger.post("/login", typed)
        assert response.status_code in (401, 422)
        assert 'value="me &lt;b&gt;"' in response.text
        assert "se-cret" not in response.text


def test_the_eleventh_try_is_refused_even_with_the_right_password(
    app: APIFlask, stranger: Browser
) -> None:
    set_password(app)
    for _ in range(10):
        assert stranger.enter("wrong one").status_code == 401
    blocked = stranger.enter()
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= 300
    with later(minutes=5, seconds=1):
        assert stranger.enter().status_code == 303


def test_tries_that_are_refused_do_not_make_it_longer(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    for _ in range(10):
        stranger.enter("wrong one")
    with later(minutes=4):
        assert stranger.enter("wrong one").status_code == 429
    with later(minutes=5, seconds=1):
        assert stranger.enter().status_code == 303


def test_another_address_is_not_slowed_down(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    for _ in range(10):
        stranger.enter("wrong one")
    assert stranger.enter(environ_base={"REMOTE_ADDR": "127.0.0.2"}).status_code == 303


def test_all_addresses_of_one_ipv6_network_count_as_one(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    for last in range(10):
        stranger.enter("wrong one", environ_base={"REMOTE_ADDR": f"2001:db8::{last:x}"})
    neighbour = {"REMOTE_ADDR": "2001:db8::ffff"}
    assert stranger.enter(environ_base=neighbour).status_code == 429
    stranger_far_away = {"REMOTE_ADDR": "2001:db8:1::1"}
    assert stranger.enter(environ_base=stranger_far_away).status_code == 303


def test_success_is_never_counted(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    for _ in range(12):
        assert stranger.enter().status_code == 303
        assert is_in(stranger)
        stranger.get("/settings/account")
        assert stranger.post("/logout").status_code == 303


def test_without_a_password_the_page_says_how_to_get_in(app: APIFlask, stranger: Browser) -> None:
    page = stranger.get("/login").text
    assert "lineup login-link" in page
    assert 'type="password"' not in page
    set_password(app)
    assert 'type="password"' in stranger.get("/login").text


# Where it leads


@pytest.mark.parametrize("target", OUTSIDE)
def test_a_login_never_leads_to_another_site(app: APIFlask, stranger: Browser, target: str) -> None:
    set_password(app)
    asked = {"query_string": {"next": target}}
    assert stranger.enter(**asked).headers["Location"] == "/"
    assert stranger.get("/login", **asked).headers["Location"] == "/"
    assert Browser(app).enter_by_link(**asked).headers["Location"] == "/"


def test_a_login_leads_to_where_one_wanted_to_go(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    asked = {"query_string": {"next": "/tasks?status=failed"}}
    assert stranger.enter(**asked).headers["Location"] == "/tasks?status=failed"


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
    typed = {"current": "wrong one", "new": "another long one", "again": "another long one"}
    for _ in range(10):
        assert stranger.post("/settings/account", typed).status_code == 422
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
