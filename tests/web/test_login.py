"""Links, passwords, cookies: how a person gets in, stays in and leaves."""

from __future__ import annotations

import re

import pytest
from apiflask import APIFlask

from tests.web.conftest import PASSWORD, Browser, fail_often, is_in, later, login_link, set_password

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
    fail_often(app, "login")
    with later(minutes=4):
        assert stranger.enter("wrong one").status_code == 429
    with later(minutes=5, seconds=1):
        assert stranger.enter().status_code == 303


def test_another_address_is_not_slowed_down(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    fail_often(app, "login")
    assert stranger.enter(environ_base={"REMOTE_ADDR": "127.0.0.2"}).status_code == 303


def test_all_addresses_of_one_ipv6_network_count_as_one(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    fail_often(app, "login", address="2001:db8::/64")
    neighbour = {"REMOTE_ADDR": "2001:db8::ffff"}
    assert stranger.enter(environ_base=neighbour).status_code == 429
    elsewhere = {"REMOTE_ADDR": "2001:db8:1::1"}
    assert stranger.enter(environ_base=elsewhere).status_code == 303


def test_success_is_never_counted(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    for _ in range(11):
        assert stranger.enter_by_link().status_code == 303
        assert stranger.client.get("/api/status").status_code == 200
    fail_often(app, "token")
    for _ in range(2):
        assert Browser(app).enter().status_code == 303


def test_without_a_password_the_page_says_how_to_get_in(app: APIFlask, stranger: Browser) -> None:
    page = stranger.get("/login").text
    assert "lineup login-link" in page
    assert 'type="password"' not in page
    set_password(app)
    assert 'type="password"' in stranger.get("/login").text


# Where it leads


@pytest.mark.parametrize("target", OUTSIDE)
def test_a_login_never_leads_to_another_site(stranger: Browser, target: str) -> None:
    asked = {"query_string": {"next": target}}
    assert stranger.enter_by_link(**asked).headers["Location"] == "/"
    assert stranger.get("/login", **asked).headers["Location"] == "/"


def test_a_login_leads_to_where_one_wanted_to_go(app: APIFlask, stranger: Browser) -> None:
    set_password(app)
    asked = {"query_string": {"next": "/tasks?status=failed"}}
    assert stranger.enter(**asked).headers["Location"] == "/tasks?status=failed"
