"""Makes runs for the tests, and sees to it that none outlives its test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.calling import AGENT, Call
from tests.agents.recording import RecordingConsole, Run, TaskWork
from tests.agents.serving import Server
from tests.agents.storing import CAP
from webapp.agents.protocol import Limits
from webapp.agents.shell import ShellAgent
from webapp.output import OutputStore

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"}


@pytest.fixture
def limits() -> Limits:
    return Limits(stop_grace_s=5.0, environment=ENVIRONMENT)


@pytest.fixture
def shell(limits: Limits) -> ShellAgent:
    return ShellAgent(limits)


@pytest.fixture
def start(tmp_path: Path, limits: Limits) -> Iterator[Callable[..., Run]]:
    """Start a command as a task; keyword arguments are settings of the shell agent."""
    runs: list[Run] = []

    def start(
        command: str,
        *,
        console: RecordingConsole | None = None,
        grace_s: float = 5.0,
        task_id: str | None = None,
        **settings: Any,
    ) -> Run:
        agent = ShellAgent(Limits(stop_grace_s=grace_s, environment=limits.environment))
        work = TaskWork(
            task_description=command,
            workspace_dir=tmp_path,
            settings=agent.validate(settings, by_hand=True),
            task_id=task_id or uuid.uuid4().hex,
        )
        runs.append(Run(agent, work, console or RecordingConsole()))
        return runs[-1]

    yield start
    for run in runs:
        if not run.over:
            run.controls.kill()


@pytest.fixture
def store(tmp_path: Path) -> OutputStore:
    """A store that keeps little."""
    return OutputStore(tmp_path / "output", cap=CAP)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        yield made


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Call]:
    """Make a request as a task; keyword arguments are settings of the http agent."""
    runs: list[Run] = []

    def start(url: str, *, params: dict[str, Any] | None = None, **settings: Any) -> Run:
        given = {"url": url, "request_retry_delay_s": 0, "request_timeout_s": 20, **settings}
        checked = AGENT.validate(given, by_hand=True)
        work = TaskWork("Ask it", tmp_path, checked, "task-1", params=params or {})
        runs.append(Run(AGENT, work, RecordingConsole()))
        return runs[-1]

    yield start
    for run in runs:
        if not run.over:
            run.controls.kill()
