"""Who is asking, what they may do, and what is said to those who may not."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask import Blueprint
from flask.testing import FlaskClient

from tests.web.conftest import Browser, as_bearer, error, make_token
from webapp.doors.principal import administration, principal

Serve = Callable[..., APIFlask]
PASSED = "no_active_task"


@pytest.mark.parametrize(
    "path",
    [
        "/api/status",
        "/api/tasks",
        "/api/openapi.json",
        "/api/there/is/no/such/thing",
        "/health/ready",
        "/generate-session-id",
    ],
)
def test_without_login_the_api_is_401_and_never_a_redirect(
    anonymous: FlaskClient, path: str
) -> None:
    response = anonymous.get(path, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert response.status_code == 401
    assert error(response) == "unauthorized"
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "Location" not in response.headers
    assert error(anonymous.post(path)) == "unauthorized"


@pytest.mark.parametrize("path", ["/", "/tasks", "/settings/account", "/no/such/page"])
def test_without_login_pages_lead_to_the_login(anonymous: FlaskClient, path: str) -> None:
    response = anonymous.get(path)
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/login")


def test_the_login_leads_back_to_where_one_came_from(anonymous: FlaskClient) -> None:
    response = anonymous.get("/tasks?status=failed&q=a%26b")
    assert response.headers["Location"] == "/login?next=/tasks?status%3Dfailed%26q%3Da%2526b"


def test_without_login_a_form_is_not_redirected(anonymous: FlaskClient) -> None:
    assert anonymous.post("/logout").status_code == 401


def test_without_login_what_a_script_fetches_is_401(anonymous: FlaskClient) -> None:
    for headers in ({"Sec-Fetch-Mode": "cors"}, {"Accept": "application/json"}):
        assert anonymous.get("/", headers=headers).status_code == 401


def test_without_login_a_part_of_a_page_is_refused_and_the_page_not_led_away(
    anonymous: FlaskClient,
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/tasks?q=1#end"}
    for response in (anonymous.get("/", headers=headers), anonymous.post("/", headers=headers)):
        assert response.status_code == 401
        assert "HX-Redirect" not in response.headers
        assert response.mimetype == "text/plain"


def test_what_needs_no_login(anonymous: FlaskClient) -> None:
    for path in ("/health", "/login", "/login/link/x", "/static/icons.svg"):
        with anonymous.get(path) as response:
            assert response.status_code == 200, path


def test_files_outside_static_stay_hidden(anonymous: FlaskClient) -> None:
    assert anonymous.get("/static/../pyproject.toml").status_code in (303, 404)
    assert anonymous.get("/static/..%2fpyproject.toml").status_code in (303, 404)


@pytest.mark.parametrize("sent", ["Bearer nonsense", "bearer ", "Bearer", "Bearer a b"])
def test_a_wrong_bearer_is_401_even_with_a_good_cookie(browser: Browser, sent: str) -> None:
    response = browser.call("GET", "/api/status", headers={"Authorization": sent})
    assert response.status_code == 401
    assert error(response) == "token_unknown"
    assert browser.call("GET", "/api/status").status_code == 200


def test_another_scheme_leaves_it_to_the_cookie(browser: Browser) -> None:
    # A proxy in front may ask for a password of its own.
    headers = {"Authorization": "Basic bWU6aXQ="}
    assert browser.call("GET", "/api/status", headers=headers).status_code == 200


def test_a_token_in_a_cookie_or_an_address_is_none(app: APIFlask, token: str) -> None:
    client = app.test_client()
    client.set_cookie("lineup_7420", token)
    client.set_cookie("session", token)
    assert client.get(f"/api/status?token={token}&access_token={token}").status_code == 401


def test_a_forged_cookie_is_none(browser: Browser) -> None:
    cookie = browser.client.get_cookie("lineup_7420")
    assert cookie is not None
    forged = cookie.value[:-3] + ("abc" if cookie.value[-3:] != "abc" else "abd")
    browser.client.set_cookie("lineup_7420", forged)
    assert browser.call("GET", "/api/status").status_code == 401


def test_cookie_calls_of_the_api_need_the_form_token(browser: Browser) -> None:
    for headers in ({}, {"X-CSRFToken": "nonsense"}, {"X-CSRFToken": ""}):
        response = browser.client.post("/api/tasks/stop", headers=headers)
        assert response.status_code == 403
        assert error(response) == "csrf_failed"
    assert error(browser.call("POST", "/api/tasks/stop")) == PASSED


def test_the_form_token_of_somebody_else_is_none(app: APIFlask, browser: Browser) -> None:
    other = Browser(app)
    other.get("/login/link/x")
    response = browser.client.post("/api/tasks/stop", headers={"X-CSRFToken": other.form_token})
    assert error(response) == "csrf_failed"


def test_forms_need_their_token(browser: Browser) -> None:
    assert browser.client.post("/logout").status_code == 403
    assert browser.call("GET", "/api/status").status_code == 200
    fragment = browser.client.post("/logout", headers={"HX-Request": "true"})
    assert fragment.status_code == 403
    assert "<html" not in fragment.text


def test_reading_needs_no_form_token(browser: Browser) -> None:
    assert browser.client.get("/api/status").status_code == 200


def test_a_form_token_that_fails_too_often_is_429_and_a_good_one_still_passes(
    browser: Browser,
) -> None:
    for _ in range(10):
        assert browser.client.post("/api/tasks/stop").status_code == 403
    blocked = browser.client.post("/api/tasks/stop")
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= 300
    assert error(browser.call("POST", "/api/tasks/stop")) == PASSED


def test_a_bearer_needs_no_form_token(api: FlaskClient) -> None:
    assert error(api.post("/api/tasks/stop")) == PASSED


@pytest.mark.parametrize(
    ("scope", "looks", "acts", "administers"),
    [("read", 200, 403, 403), ("operate", 200, 400, 403), ("admin", 200, 400, 200)],
)
def test_scopes(app: APIFlask, scope: str, looks: int, acts: int, administers: int) -> None:
    client = as_bearer(app, make_token(app, scope))
    assert client.get("/api/status").status_code == looks
    assert client.head("/api/status").status_code == looks
    assert client.post("/api/tasks/stop").status_code == acts
    assert client.get("/settings/tokens").status_code == administers


def test_a_missing_scope_is_named(app: APIFlask) -> None:
    response = as_bearer(app, make_token(app, "read")).post("/api/tasks/stop")
    assert error(response) == "scope_missing"
    assert response.json is not None
    assert "operate" in response.json["detail"]
    assert "read" in response.json["detail"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PURGE", "OPTIONS"])
def test_the_scope_read_is_for_get_and_head_alone(app: APIFlask, method: str) -> None:
    client = as_bearer(app, make_token(app, "read"))
    assert error(client.open("/api/tasks/x", method=method)) == "scope_missing"


def test_a_blueprint_can_be_administration_as_a_whole(serve: Serve) -> None:
    app = serve()
    blueprint = administration(Blueprint("secret", __name__))
    blueprint.add_url_rule("/api/secret", "show", lambda: {"by": principal().name})
    app.register_blueprint(blueprint)
    assert as_bearer(app, make_token(app, "operate")).get("/api/secret").status_code == 403
    shown = as_bearer(app, make_token(app, "admin")).get("/api/secret")
    assert json.loads(shown.text) == {"by": "owner/admin"}


def test_every_answer_is_hardened(anonymous: FlaskClient, api: FlaskClient) -> None:
    answers = [
        anonymous.get("/login"),
        anonymous.get("/"),
        anonymous.get("/api/status"),
        anonymous.get("/health", headers={"Host": "evil.example"}),
        api.get("/api/status"),
        api.get("/api/nothing"),
    ]
    for response in answers:
        policy = response.headers["Content-Security-Policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules == {
            "default-src": "'self'",
            "img-src": "'self' data:",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
            "form-action": "'self'",
            "object-src": "'none'",
        }
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert response.headers["Cache-Control"] == "no-store"


def test_static_files_may_be_cached(anonymous: FlaskClient) -> None:
    with anonymous.get("/static/icons.svg") as response:
        assert "no-store" not in response.headers.get("Cache-Control", "")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
