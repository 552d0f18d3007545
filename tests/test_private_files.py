"""What is stored is for the server's owner alone, whatever the directory allowed before."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes import ScriptedAgent
from webapp import create_app, schema
from webapp.config import Settings
from webapp.db import dispose
from webapp.runtime.context import Context
from webapp.runtime.worker import LaneWorker
from webapp.services.submissions import Submitted

Open = Callable[..., None]


@pytest.fixture
def prepare(tmp_path: Path) -> Iterator[Open]:
    """Make an application and migrate its database; settings are the test's choice."""
    made = []

    def prepare(data: Path, **settings: str) -> None:
        made.append(create_app(Settings(data=data, durability="normal", **settings)))
        schema.prepare(made[-1])

    yield prepare
    for app in made:
        dispose(app)


def mode(path: Path) -> int:
    """Who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def open_files(directory: Path) -> list[str]:
    """The files here that anybody else could read."""
    return [path.name for path in directory.iterdir() if path.is_file() and mode(path) & 0o077]


def directory(path: Path, allowed: int) -> Path:
    """A directory that was there before."""
    path.mkdir()
    path.chmod(allowed)
    return path


def test_a_data_directory_that_everybody_could_read_is_closed_to_others(
    tmp_path: Path, prepare: Open
) -> None:
    data = directory(tmp_path / "data", 0o755)
    prepare(data)
    assert mode(data) == 0o700
    assert (data / "lineup.db-wal").exists()
    assert open_files(data) == []


def test_a_shared_directory_is_left_as_it_is_but_no_file_in_it_is_shared(
    tmp_path: Path, prepare: Open
) -> None:
    data = directory(tmp_path / "data", 0o1777)
    prepare(data)
    assert mode(data) == 0o1777
    assert open_files(data) == []


def test_a_database_elsewhere_is_for_its_owner_alone(tmp_path: Path, prepare: Open) -> None:
    elsewhere = directory(tmp_path / "elsewhere", 0o755)
    prepare(tmp_path / "data", database_url=f"sqlite:///{elsewhere / 'mine.db'}")
    assert mode(elsewhere) == 0o755
    assert sorted(path.name for path in elsewhere.iterdir())[0] == "mine.db"
    assert open_files(elsewhere) == []


def test_a_database_that_everybody_could_read_is_closed_to_others(
    tmp_path: Path, prepare: Open
) -> None:
    data = directory(tmp_path / "data", 0o755)
    for name in ("lineup.db", "lineup.db-wal", "lineup.db-shm"):
        (data / name).touch(0o644)
    prepare(data)
    assert open_files(data) == []


def test_a_workspace_is_for_its_owner_alone(
    context: Context, agent: ScriptedAgent, submit: Callable[..., Submitted], settings: Settings
) -> None:
    submit("nothing")
    assert LaneWorker(context, "main").run_one()
    (workspace,) = (settings.data / "workspaces").iterdir()
    assert mode(workspace) == 0o700
