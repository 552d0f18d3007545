"""Where a request that changes something may come from, and what it may carry."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.web.conftest import Browser, as_bearer, error, make_token

Serve = Callable[..., APIFlask]

PASSED = "no_active_task"
"""What an idle server answers to a stop: the guard let it through to the door."""

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "anything"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]
OWN = [
    {},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_site_is_refused_even_with_a_good_token(
    api: FlaskClient, headers: dict[str, str]
) -> None:
    response = api.post("/api/tasks/stop", headers=headers)
    assert response.status_code == 403
    assert error(response) == "foreign_origin"


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_site_is_refused_even_without_login(
    serve: Serve, headers: dict[str, str]
) -> None:
    response = serve(auth="off").test_client().post("/api/tasks/stop", headers=headers)
    assert response.status_code == 403


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_site_is_refused_even_with_cookie_and_form_token(
    browser: Browser, headers: dict[str, str]
) -> None:
    assert browser.post("/logout", headers=headers).status_code == 403
    assert browser.call("GET", "/api/status").status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_site_cannot_log_a_visitor_in(stranger: Browser, headers: dict[str, str]) -> None:
    assert stranger.enter_by_link(headers=headers).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PURGE"])
def test_every_method_that_may_change_something_is_checked(api: FlaskClient, method: str) -> None:
    response = api.open("/api/tasks", method=method, headers={"Origin": "https://evil.example"})
    assert response.status_code == 403


@pytest.mark.parametrize("headers", OWN)
def test_own_pages_and_programs_pass(api: FlaskClient, headers: dict[str, str]) -> None:
    assert error(api.post("/api/tasks/stop", headers=headers)) == PASSED


def test_reading_is_not_a_matter_of_origin(api: FlaskClient) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert api.get("/api/status", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["toolkits", "toolkit/x/tools", "toolkit/x/connection-status"])
def test_a_question_that_changes_something_is(api: FlaskClient, path: str) -> None:
    response = api.get(f"/api/composio/{path}", headers={"Sec-Fetch-Site": "cross-site"})
    assert (response.status_code, error(response)) == (403, "foreign_origin")
    assert api.get(f"/api/composio/{path}").status_code != 403


def test_an_allowed_origin_passes_and_only_that_one(serve: Serve) -> None:
    app = serve(allowed_origins="chrome-extension://abc, https://other.example, null")
    api = as_bearer(app, make_token(app))
    for origin, said in {
        "chrome-extension://abc": PASSED,
        "https://OTHER.example": PASSED,
        "chrome-extension://abcd": "foreign_origin",
        "https://other.example:8443": "foreign_origin",
        "null": "foreign_origin",
    }.items():
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        assert error(api.post("/api/tasks/stop", headers=headers)) == said, origin


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://lineup.example", "https://lineup.example"),
        ("https://lineup.example:443/", "https://lineup.example"),
        ("http://lineup.example:8080", "http://lineup.example:8080"),
        ("http://[fd00::1]:8080", "http://[fd00::1]:8080"),
    ],
)
def test_the_public_url_is_an_own_origin(serve: Serve, url: str, origin: str) -> None:
    app = serve(public_url=url)
    api = as_bearer(app, make_token(app))
    # The proxy talks to us under a name of its own.
    assert error(api.post("/api/tasks/stop", headers={"Origin": origin})) == PASSED
    assert api.post("/api/tasks/stop", headers={"Origin": f"{origin}1"}).status_code == 403


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/merge-patch+json",
        "application/cloudevents+json; charset=utf-8",
        "",
    ],
)
def test_a_body_that_is_not_called_json_is_refused(api: FlaskClient, media_type: str) -> None:
    response = api.post("/api/tasks/stop", data='{"reason": "x"}', content_type=media_type)
    assert response.status_code == 415
    assert error(response) == "wrong_media_type"


def test_a_body_of_unknown_length_is_refused_as_well(api: FlaskClient) -> None:
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}
    assert api.post("/api/tasks/stop", headers=headers).status_code == 415


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_passes(api: FlaskClient, media_type: str) -> None:
    response = api.post("/api/tasks/stop", data='{"reason": "x"}', content_type=media_type)
    assert error(response) == PASSED


def test_no_body_passes(api: FlaskClient) -> None:
    assert error(api.post("/api/tasks/stop")) == PASSED
    assert error(api.post("/api/tasks/stop", content_type="text/plain")) == PASSED


def test_forms_of_pages_are_not_json(browser: Browser) -> None:
    assert browser.post("/logout").status_code == 303
