"""A worker to step, and one that runs in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from webapp import clock
from webapp.db import db
from webapp.runtime.context import Context
from webapp.runtime.worker import LaneWorker
from webapp.services import controls


@pytest.fixture
def worker(context: Context) -> LaneWorker:
    """A worker of the main lane whose thread was not started: tests call its step."""
    return LaneWorker(context, "main")


@pytest.fixture
def start_worker(context: Context) -> Iterator[Callable[[], LaneWorker]]:
    """Start a worker of the main lane; all are stopped with the test."""
    started: list[LaneWorker] = []

    def start() -> LaneWorker:
        made = LaneWorker(context, "main")
        made.start()
        started.append(made)
        return made

    yield start
    for made in started:
        made.stop_claiming()
    for made in started:
        made.interrupt()
        assert made.join(10)


@pytest.fixture
def pause(context: Context) -> Callable[..., None]:
    """Ask a task to pause; its agent has nothing against it unless ``refuses`` says so."""

    def ask(task_id: str, *, reason: str | None = None, refuses: Any = lambda *_: None) -> None:
        context.call(
            controls.pause, task_id, by="ann", reason=reason, now=clock.now(), refuses=refuses
        )

    return ask


@pytest.fixture
def resume(context: Context) -> Callable[[str], None]:
    """Ask a task to go on."""

    def ask(task_id: str) -> None:
        context.call(controls.resume, task_id, by="ann", reason=None, now=clock.now())

    return ask


@contextmanager
def failing(context: Context, said: str, commits: Iterable[bool]) -> Iterator[None]:
    """Have the database refuse those of the next commits that are true."""
    left = iter(commits)
    with context.app.app_context():
        engine = db.engines[None]

    def fail(connection: Any) -> None:
        if next(left, False):
            raise OperationalError("COMMIT", {}, Exception(said))

    event.listen(engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(engine, "commit", fail)
