"""Data directories for real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes.server import Home, copy_home
from webapp import clock, create_app
from webapp.config import Settings
from webapp.db import dispose
from webapp.ports import KEY
from webapp.services import people, submissions
from webapp.services.submissions import Bounds, Submission


@pytest.fixture(scope="session")
def furnished(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A data directory with a token, made once; and the token."""
    data = tmp_path_factory.mktemp("furnished")
    copy_home(migrated_database, data)
    app = create_app(Settings(data=data))
    with app.app_context():
        owner = people.ensure_owner(clock.now())
        token = people.create_token(owner, "tests", "admin", by="tests", now=clock.now())
    dispose(app)
    return data, token


@pytest.fixture
def home(furnished: tuple[Path, str], tmp_path: Path) -> Iterator[Home]:
    """A data directory for the test's servers; whatever runs there ends with the test."""
    yield from _opened(furnished, tmp_path)


@pytest.fixture(scope="module")
def shared_home(
    furnished: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """The same for servers that all tests of a file use."""
    yield from _opened(furnished, tmp_path_factory.mktemp("shared"))


def _opened(furnished: tuple[Path, str], directory: Path) -> Iterator[Home]:
    template, token = furnished
    copy_home(template, directory / "data")
    made = Home(directory / "data", token)
    yield made
    made.close()


@pytest.fixture
def slip_in() -> Callable[[Home, str], str]:
    """Submit a shell command from this process, which wakes no server; returns its task id."""

    def submit(home: Home, command: str) -> str:
        app = create_app(Settings(data=home.data))
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
