"""A worker to step, and one that runs in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from webapp.runtime.context import Context
from webapp.runtime.worker import LaneWorker


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
