"""The guard before web hooks: a secret instead of a login, and every other rule as elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.web.conftest import error
from webapp import clock
from webapp.doors import flows
from webapp.services import hooks

Serve = Callable[..., APIFlask]


def hooked(app: APIFlask) -> str:
    """The path of a hook of a new flow."""
    with app.test_request_context():
        fields = {"name": "Hooked", "agent": "shell", "task_description": "true"}
        flow_id = flows.create(fields, by="tests")
        return f"/hooks/{hooks.replace(flow_id, by='tests', now=clock.now())}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"X-Forwarded-For": "203.0.113.7"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({}, 200),
    ],
)
def test_without_login_a_hook_is_called_from_this_machine_alone(
    serve: Serve, headers: dict[str, str], status: int
) -> None:
    app = serve(auth="off")

    assert app.test_client().post(hooked(app), headers=headers).status_code == status


def test_without_login_the_secret_is_asked_for_all_the_same(serve: Serve) -> None:
    answer = serve(auth="off").test_client().post("/hooks/guessed")

    assert (answer.status_code, error(answer)) == (404, "no_such_hook")


def test_a_hook_is_no_way_to_anything_else(app: APIFlask, anonymous: FlaskClient) -> None:
    path = hooked(app)

    for other in (f"{path}/", f"{path}/run", f"{path}/../../api/tasks", f"/api{path}"):
        assert anonymous.post(other).status_code in (308, 401, 403, 404), other
    assert anonymous.get("/api/tasks", headers={"Authorization": path}).status_code == 401
    secret = path.rpartition("/")[2]
    bearer = {"Authorization": f"Bearer {secret}"}
    assert anonymous.get("/api/tasks", headers=bearer).status_code == 401


def test_guesses_are_counted_with_the_address_and_not_with_logins(
    app: APIFlask, anonymous: FlaskClient
) -> None:
    for number in range(11):
        last = anonymous.post(f"/hooks/{number}")

    assert last.status_code == 429
    assert int(last.headers["Retry-After"]) > 0
    bearer = anonymous.get("/api/tasks", headers={"Authorization": "Bearer wrong"})
    assert bearer.status_code == 401, "other kinds of failures have a count of their own"
