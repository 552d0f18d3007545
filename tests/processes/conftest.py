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
    template, token = furnished
    copy_home(template, tmp_path / "data")
    made = Home(tmp_path / "data", token)
    yield made
    made.close()


@pytest.fixture
def slip_in(home: Home) -> Iterator[Callable[[str], str]]:
    """Submit a shell command from this process, which wakes no server; returns its task id."""
    app = create_app(Settings(data=home.data))

    def submit(command: str) -> str:
        settings = app.extensions[KEY].agents.validate("shell", {}, by_hand=True)
        with app.app_context():
            return submissions.submit(
                Submission(command, "shell", settings, when_busy="queue"),
                by="tests",
                bounds=Bounds(1000, home.data / "workspaces"),
                now=clock.now(),
            ).task_id

    yield submit
    dispose(app)
