"""What the tests of pages share: browsers, logged in or not, on servers set up as a test needs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from tests.web.flows import NIGHTLY, Make
from webapp import clock, create_app
from webapp.config import Settings
from webapp.db import db, dispose
from webapp.domain import outcome as outcomes
from webapp.runtime.context import Context
from webapp.services import claims, failures, people, records
from webapp.services.activity import Entry
from webapp.services.claims import Assignment
from webapp.services.news import News

PASSWORD = "correct horse battery"


class Browser:
    """A browser: it keeps cookies, and sends back the token of the form it last saw."""

    def __init__(self, app: APIFlask) -> None:
        self.app = app
        self.client = app.test_client()
        self.form_token = ""

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        """Open a page."""
        response = self.client.get(path, **kwargs)
        found = re.search(r'name="csrf_token" value="([^"]+)"', response.text)
        self.form_token = found[1] if found else self.form_token
        return response

    def post(self, path: str, data: dict[str, str] | None = None, **kwargs: Any) -> TestResponse:
        """Send a form."""
        return self.client.post(
            path, data={"csrf_token": self.form_token, **(data or {})}, **kwargs
        )

    def enter_by_link(self, **kwargs: Any) -> TestResponse:
        """Log in with a fresh link."""
        path = f"/login/link/{login_link(self.app)}"
        self.get(path)
        return self.post(path, **kwargs)

    def enter(self, password: str = PASSWORD, **kwargs: Any) -> TestResponse:
        """Log in with name and password."""
        self.get("/login")
        return self.post("/login", {"name": "owner", "password": password}, **kwargs)

    def call(self, method: str, path: str, **kwargs: Any) -> TestResponse:
        """Call the API as a page's script does: with the cookie and the page's token."""
        headers = {"X-CSRFToken": self.form_token, **kwargs.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **kwargs)


def login_link(app: APIFlask) -> str:
    """The secret of a fresh login link."""
    with app.app_context():
        people.ensure_owner(clock.now())
        return people.new_login_link(None, clock.now())


def set_password(app: APIFlask, password: str = PASSWORD) -> None:
    """Give the owner a password, as the command line does."""
    with app.app_context():
        owner, now = people.ensure_owner(clock.now()), clock.now()
        people.set_password(owner, current=None, new=password, address="cli", now=now)


def fail_often(app: APIFlask, kind: str, *, address: str = "127.0.0.1") -> None:
    """As many failures as an address may have."""
    with app.app_context():
        for _ in range(failures.LIMIT):
            failures.fail(kind, address, clock.now())


def make_token(app: APIFlask, scope: str = "admin") -> str:
    """A bearer token of this scope, named for it."""
    with app.app_context():
        owner, now = people.ensure_owner(clock.now()), clock.now()
        return people.create_token(owner, scope, scope, by="tests", now=now)


@pytest.fixture
def serve(migrated_database: Path, tmp_path: Path) -> Iterator[Callable[..., APIFlask]]:
    """Make an application with settings of the test's choice."""
    made = []

    def make(**settings: Any) -> APIFlask:
        data = tmp_path / f"served{len(made)}"
        data.mkdir()
        for name in ("lineup.db", "secret_key"):
            shutil.copy(migrated_database / name, data / name)
        made.append(create_app(Settings(data=data, durability="normal", **settings)))
        return made[-1]

    yield make
    for app in made:
        dispose(app)


@pytest.fixture
def stranger(app: APIFlask) -> Browser:
    """A browser nobody has logged in with."""
    return Browser(app)


@pytest.fixture
def browser(app: APIFlask) -> Browser:
    """A browser that is logged in and has seen a form."""
    entered = Browser(app)
    assert entered.enter_by_link().status_code == 303
    entered.get("/settings/account")
    return entered


def as_bearer(app: APIFlask, secret: str) -> FlaskClient:
    """A script that sends this token."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


def error(response: TestResponse) -> str:
    """The stable code of a refusal in JSON."""
    assert response.json is not None, response.text
    return str(response.json["error"])


def is_in(browser: Browser) -> bool:
    """Whether the browser is logged in."""
    status = browser.client.get("/api/status").status_code
    assert status in (200, 401)
    return status == 200


def later(**passed: float) -> time_machine.travel:
    """Some time from now."""
    return time_machine.travel(clock.now() + timedelta(**passed), tick=False)


@pytest.fixture
def claim(context: Context) -> Callable[[], Assignment]:
    """Take the lane's next task."""

    def take() -> Assignment:
        taken = context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
        assert taken is not None
        return taken

    return take


@pytest.fixture
def finish(context: Context) -> Callable[..., None]:
    """End a claimed task well."""

    def end(taken: Assignment, result: str | None = None) -> None:
        done = outcomes.completed(result)
        context.call(claims.conclude, taken, done, News(), clock.now(), next_for=None)

    return end


@pytest.fixture
def end(context: Context) -> Callable[..., str]:
    """Claim the next task and end it at once."""

    def make(result: outcomes.Outcome) -> str:
        runner = context.identity.runner_id
        taken = context.call(claims.claim_next, "main", runner, clock.now())
        assert taken is not None
        context.call(claims.conclude, taken, result, News(), clock.now(), next_for=None)
        return taken.task_id

    return make


@contextmanager
def counted(app: APIFlask) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    with app.app_context():
        engines = list(db.engines.values())
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield sent
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def make(browser: Browser) -> Make:
    """Save a flow by its form; returns the address of its page."""

    def save(**fields: str) -> str:
        answer = browser.post("/flows/new", {**NIGHTLY, **fields})
        assert answer.status_code == 303, answer.text
        address: str = answer.headers["Location"]
        browser.get(address)
        return address

    return save


def names(page: str) -> list[str]:
    """What the lines of a list are called."""
    return re.findall(r'col-what"><a\s[^>]+>([^<]+)<', page)


def linked(page: str, relation: str) -> str | None:
    """Where a list goes on: ``next`` or ``prev``; None at its end."""
    found = re.search(rf'rel="{relation}"\s+href="([^"]+)"', page)
    return found[1].replace("&amp;", "&") if found else None


def paged(browser: Browser, address: str) -> tuple[list[str], str]:
    """What all pages of a list name, from this one to the last; and the last."""
    seen: list[str] = []
    page = browser.get(address).text
    seen += names(page)
    while (further := linked(page, "next")) is not None:
        page = browser.get(further).text
        seen += names(page)
    return seen, page


@pytest.fixture
def says(context: Context) -> Callable[[Assignment, list[str]], None]:
    """A claimed task tells something."""

    def tell(taken: Assignment, lines: list[str]) -> None:
        entries = tuple(
            Entry(taken.task_id, taken.attempt, "scripted", "working", text=line) for line in lines
        )
        context.call(records.record, taken.task_id, taken.attempt, News(entries), clock.now())

    return tell


def poll(page: str, element: str) -> str:
    """The address that an element of the page asks, with the version it shows."""
    found = re.search(rf'id="{element}".*?hx-get="([^"]+)".*?name="v" value="([^"]+)"', page, re.S)
    assert found
    address = found[1].replace("&amp;", "&")
    return f"{address}{'&' if '?' in address else '?'}v={found[2]}"
