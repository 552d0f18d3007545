"""One server for all tests of the command line, and a terminal beside it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes.cli.commands import Terminal
from tests.processes.server import Home, Server, copy_home


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    # Tests that run in the background of a shell ignore interrupts, and so would their commands.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server(
    furnished: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that all tests here use."""
    template, token = furnished
    data = tmp_path_factory.mktemp("cli") / "data"
    copy_home(template, data)
    with closing(Home(data, token)) as home, home.server(stop_grace_s="0.5") as running:
        yield running


@pytest.fixture
def shell(server: Server) -> Iterator[Terminal]:
    """A terminal with a token; what a test left running is stopped."""
    yield Terminal(server, token=server.home.token)
    for row in server.home.query("SELECT task_id FROM tasks WHERE completed_at IS NULL"):
        server.ask(row["task_id"], "stop")
    server.home.all_final()
