"""Data directories for real servers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.postgresql import PostgreSQL
from tests.processes.server import Home, copy_home
from webapp import clock, create_app
from webapp.config import Settings
from webapp.db import dispose
from webapp.ports import KEY
from webapp.services import people, submissions
from webapp.services.submissions import Bounds, Submission

_naps = count()
OpenHome = Callable[[Path], AbstractContextManager[Home]]


@pytest.fixture(scope="session")
def furnished(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A data directory with a token, made once; and the token."""
    data = tmp_path_factory.mktemp("furnished")
    copy_home(migrated_database, data)
    return data, new_token(Settings(data=data))


def new_token(settings: Settings) -> str:
    """A token that may do everything."""
    app = create_app(settings)
    with app.app_context():
        owner = people.ensure_owner(clock.now())
        token = people.create_token(owner, "tests", "admin", by="tests", now=clock.now())
    dispose(app)
    return token


@pytest.fixture(scope="session")
def open_home(
    furnished: tuple[Path, str], backend: str, request: pytest.FixtureRequest
) -> OpenHome:
    """Make a home in a directory, and close it."""
    template, token = furnished

    @contextmanager
    def opened(directory: Path) -> Iterator[Home]:
        data = directory / "data"
        copy_home(template, data)
        with ExitStack() as after:
            made = Home(data, token)
            if backend == "postgresql":
                server: PostgreSQL = request.getfixturevalue("postgresql_server")
                url = after.enter_context(server.database())
                (data / "lineup.db").unlink()
                made = Home(data, new_token(Settings(data=data, database_url=url)), url)
            after.callback(made.close)
            yield made

    return opened


@pytest.fixture
def home(open_home: OpenHome, tmp_path: Path) -> Iterator[Home]:
    """A data directory for the test's servers; whatever runs there ends with the test."""
    with open_home(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared_home(open_home: OpenHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The same for servers that all tests of a file use."""
    with open_home(tmp_path_factory.mktemp("shared")) as made:
        yield made


@pytest.fixture
def nap() -> str:
    """A command that sleeps for an hour, as no other test's does: ``running`` finds it."""
    return f"sleep 3600.{os.getpid():08}{next(_naps):04}"


@pytest.fixture
def slip_in() -> Callable[[Home, str], str]:
    """Submit a shell command from this process, which wakes no server; returns its task id."""

    def submit(home: Home, command: str) -> str:
        app = create_app(Settings(data=home.data, database_url=home.database_url))
        settings = app.extensions[KEY].agents.validate("shell", {}, by_hand=True)
        with app.app_context():
            submitted = submissions.submit(
                Submission(command, "shell", settings, when_busy="queue"),
                by="tests",
                bounds=Bounds(1000, home.data / "workspaces"),
                now=clock.now(),
            )
        dispose(app)
        return submitted.task_id

    return submit
