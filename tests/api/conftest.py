"""A script's view of Lineup: the JSON doors with the runtime behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import say
from webapp import runtime

Send = Callable[..., dict[str, Any]]
Make = Callable[..., dict[str, Any]]
NIGHTLY = {"name": "Nightly", "agent": "shell", "task_description": "make backup"}
NOBODY = "00000000-0000-7000-8000-000000000000"
"""The id of no task."""


@pytest.fixture
def live(app: APIFlask) -> Iterator[None]:
    """The runtime of this application, stopped with the test."""
    runtime.start(app)
    yield
    runtime.stop(app)


@pytest.fixture
def send(api: FlaskClient) -> Callable[..., dict[str, Any]]:
    """Submit a shell command over JSON, queued, and answer what was answered."""

    def submit(task_description: str, **fields: Any) -> dict[str, Any]:
        given = {"agent": "shell", "when_busy": "queue", **fields}
        answer = api.post("/api/tasks/submit", json={"task_description": task_description, **given})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.get_json()
        return body

    return submit


@pytest.fixture
def make(api: FlaskClient) -> Make:
    """Make a flow over JSON, and answer it."""

    def create(**fields: Any) -> dict[str, Any]:
        answer = api.post("/api/flows", json={**NIGHTLY, **fields})
        assert answer.status_code == 201, answer.text
        flow: dict[str, Any] = answer.get_json()
        return flow

    return create


def output(api: FlaskClient, task_id: str) -> str:
    """What a task has printed so far."""
    text: str = api.get(f"/api/tasks/{task_id}/output").get_json()["data"]
    return text


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer(say("ok")) as server:
        yield server


@pytest.fixture
def ask(api: FlaskClient) -> Callable[..., Any]:
    """Submit a task for the default profile, queued; returns the answer."""

    def submit(text: str = "Do it.", **fields: Any) -> Any:
        body = {"task_description": text, "when_busy": "queue", **fields}
        return api.post("/api/tasks/submit", json=body)

    return submit
