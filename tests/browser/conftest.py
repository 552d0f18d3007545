"""A real server, and Debian's Chromium looking at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.processes.server import FINAL, Home, Server, copy_home
from webapp import clock, create_app
from webapp.config import Settings
from webapp.db import dispose
from webapp.services import people

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]
DESK = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}

expect.set_options(timeout=20_000)  # a page on a busy machine is late, not wrong


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, started once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def home(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A data directory for the servers of all browser tests."""
    made = new_home(migrated_database, tmp_path_factory.mktemp("browser") / "data")
    yield made
    made.close()


def new_home(template: Path, data: Path) -> Home:
    """A data directory in which nothing has happened yet, with a token for the tests."""
    copy_home(template, data)
    app = create_app(Settings(data=data))
    with app.app_context():
        owner = people.ensure_owner(clock.now())
        token = people.create_token(owner, "tests", "admin", by="tests", now=clock.now())
    dispose(app)
    return Home(data, token)


def log_in(chromium: Browser, link: str) -> Any:
    """What a browser keeps after logging in with a link."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("#strip")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="session")
def running_server(home: Home) -> Server:
    """The server, started once."""
    settings = {"durability": "normal", "stop_grace_s": "0.5", "shutdown_grace_s": "0.1"}
    return home.server(**settings).start()


@pytest.fixture
def server(running_server: Server, home: Home) -> Iterator[Server]:
    """The server, with nothing left waiting or running when the test is over."""
    yield running_server
    for row in home.query(f"SELECT task_id FROM tasks WHERE status NOT IN {FINAL} ORDER BY seq"):
        running_server.ask(row["task_id"], "stop")
    home.all_final()


@pytest.fixture(scope="session")
def login_link(home: Home, running_server: Server) -> Callable[[], str]:
    """Make a login link for the server."""

    def make() -> str:
        app = create_app(Settings(data=home.data))
        with app.app_context():
            secret = people.new_login_link(None, clock.now())
        dispose(app)
        return f"{running_server.url}/login/link/{secret}"

    return make


@pytest.fixture(scope="session")
def logged_in(chromium: Browser, login_link: Callable[[], str]) -> Any:
    """What a browser keeps once somebody is in."""
    return log_in(chromium, login_link())


CLICKED_ONCE_LOADED = """(() => {
    const hold = () => {
        const root = document.documentElement;
        if (root) root.style.pointerEvents = "none";
        return root;
    };
    if (!hold()) {
        new MutationObserver((_, seen) => hold() && seen.disconnect())
            .observe(document, {childList: true});
    }
    addEventListener("load", () => document.documentElement.style.removeProperty("pointer-events"));
})()"""
"""A test waits until what it is to click can be hit. Without this, one that is quicker than a page
would click what has no script yet, and come to the page for browsers that know no scripts."""


class Windows:
    """Opens pages of somebody who is logged in, and keeps what their console complains about."""

    def __init__(self, browser: Browser, url: str, state: Any) -> None:
        self._browser, self._url, self._state = browser, url, state
        self._contexts: list[BrowserContext] = []
        self._complaints: list[str] = []
        self._forgiven: tuple[str, ...] = ()

    @property
    def complaints(self) -> list[str]:
        """What the consoles said that no test counted on."""
        return [said for said in self._complaints if not any(f in said for f in self._forgiven)]

    def forgive(self, *texts: str) -> None:
        """Count on complaints that contain one of these: a browser notes every refused request."""
        self._forgiven += texts

    def open(self, path: str, viewport: Any = None, **options: Any) -> Page:
        """A page in a window of its own."""
        context = self._browser.new_context(
            base_url=self._url,
            storage_state=self._state,
            viewport=viewport or DESK,
            reduced_motion="reduce",
            **options,
        )
        self._contexts.append(context)
        context.add_init_script(CLICKED_ONCE_LOADED)
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.goto(path)
        return page

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(message.text)

    def close(self) -> None:
        """Close them all."""
        for context in self._contexts:
            with suppress(Exception):
                context.close()


@pytest.fixture
def windows(chromium: Browser, server: Server, logged_in: Any) -> Iterator[Windows]:
    """Windows whose consoles must stay silent: no error, nothing the policy blocked."""
    made = Windows(chromium, server.url, logged_in)
    yield made
    made.close()
    assert made.complaints == []


@pytest.fixture
def starts(server: Server, home: Home) -> Callable[..., str]:
    """Run a command, and wait until it does; returns its task id."""

    def start(command: str, **fields: Any) -> str:
        task_id = server.submit(command, **fields)
        home.becomes(task_id, "running", *FINAL)
        return task_id

    return start
