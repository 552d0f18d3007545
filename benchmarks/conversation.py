"""A conversation with a model: what a step costs beside pydantic-ai alone, how a stop acts."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from benchmarks.figures import Figure, at_most, median, quantile, spread
from benchmarks.lineup import Client, Home, home, until
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say, slow

STEPS = 20
PER_STEP_MS = 10.0
STOP_S = 1.0
ANSWER_S = 30.0
TOOL = "list_files"
TIMES = "SELECT started_at, completed_at, status FROM tasks WHERE task_id = ?"


def measure(*, quick: bool) -> list[Figure]:
    """One conversation of ours and one of the library alone in turn, with the same server."""
    rounds = 3 if quick else 15
    with OpenAIServer(say("ok")) as model, home() as base, base.serve() as server:
        admin = server.client(base.command("token", "create", "admin", "--scope", "admin"))
        _profile(admin, model)
        ours, alone = _steps(rounds, base, admin, model)
        stops = [_stop(base, admin, model) for _ in range(2 if quick else 8)]
    over = [(one - other) / (STEPS + 1) * 1000 for one, other in zip(ours, alone, strict=True)]
    return [
        at_most("overhead of a step, median", median(over), PER_STEP_MS, "ms", spread(over, 1)),
        Figure(
            "a step in all, beside the library alone",
            f"{median(ours) / (STEPS + 1) * 1000:.1f} ms",
            detail=f"alone {median(alone) / (STEPS + 1) * 1000:.1f} ms",
        ),
        at_most("from stop to stopped, slowest", max(stops), STOP_S, "s", spread(stops, 3)),
        Figure("from stop to stopped, p50", f"{quantile(stops, 0.5) * 1000:.0f} ms"),
    ]


def _steps(
    rounds: int, base: Home, admin: Client, model: OpenAIServer
) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    alone: list[float] = []
    with _peer(model.url) as ask:
        for turn in range(rounds + 1):
            model.script(*[call(TOOL, {})] * STEPS, say("done"))
            took = _ours(base, admin)
            model.script(*[call(TOOL, {})] * STEPS, say("done"))
            least = ask()
            if turn:  # the first ones import and connect
                ours.append(took)
                alone.append(least)
    return ours, alone


@contextmanager
def _peer(url: str) -> Iterator[Any]:
    command = [sys.executable, "-m", "benchmarks.conversation_peer", url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        given, taken = process.stdin, process.stdout

        def ask() -> float:
            given.write("go\n")
            given.flush()
            return float(taken.readline())

        yield ask
        given.close()


def _ours(base: Home, admin: Client) -> float:
    """Seconds from a task's start to its end, by its own times."""
    task_id = _submit(admin)
    with base.reader() as reader:
        until(lambda: reader.execute(TIMES, (task_id,)).fetchone()[1], 60, pause_s=0.01)
        started, completed, status = reader.execute(TIMES, (task_id,)).fetchone()
    if status != "completed":
        raise RuntimeError(f"the conversation is {status}")
    return (datetime.fromisoformat(completed) - datetime.fromisoformat(started)).total_seconds()


def _stop(base: Home, admin: Client, model: OpenAIServer) -> float:
    """Seconds from the request to stop, in the middle of an answer, to the row that says so."""
    held = slow(say("late"))
    model.script(held)
    task_id = _submit(admin)
    if not held.begun.wait(ANSWER_S):
        raise RuntimeError("the model was not asked")
    began = time.perf_counter()
    admin.post(f"/api/tasks/{task_id}/stop", {})
    with base.reader() as reader:
        until(lambda: reader.execute(TIMES, (task_id,)).fetchone()[1], 30, pause_s=0.001)
    return time.perf_counter() - began


def _profile(admin: Client, model: OpenAIServer) -> None:
    admin.post(
        "/api/config/llm-profiles",
        {
            "profile_name": "tiny",
            "provider": "openai_compatible",
            "model": "tiny-1",
            "base_url": model.url,
        },
    )


def _submit(admin: Client) -> str:
    body = {"agent": "llm", "task_description": "Go.", "when_busy": "queue", "memory": False}
    answer = admin.post("/api/tasks/submit", body)
    return str(answer["task_id"])
