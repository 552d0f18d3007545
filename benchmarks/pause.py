"""From the click on Pause until every process of the task stands still."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.figures import Figure, at_most, quantile, spread
from benchmarks.lineup import Client, home, until

AIM_MS = 250.0
PROCESSES = 8
COMMAND = """
sleep 600 & sleep 600 & setsid sleep 600 & timeout 600 sleep 600 &
(sleep 600; true) & wait"""


def measure(*, quick: bool) -> list[Figure]:
    """Pause and resume again and again: at the server that runs the task, and at another."""
    rounds = 10 if quick else 50
    with home() as base, base.serve() as server:
        client = server.client(token := base.token())
        task = client.post(
            "/api/tasks/submit",
            {"task_description": COMMAND, "agent": "shell", "stdin": "none"},
        )["task_id"]
        pids = until(lambda: _processes(task), 10, lambda: "the command did not start")
        here = [_paused(client, task, pids) for _ in range(rounds)]
        with base.serve() as sibling:
            other = sibling.client(token)
            there = [_paused(other, task, pids) for _ in range(rounds)]
        client.post(f"/api/tasks/{task}/stop", {})
    return [
        _figure("pause until all processes stand still, p99", here, len(pids)),
        _figure("the same, asked of a second server, p99", there, len(pids)),
    ]


def _figure(name: str, values: list[float], processes: int) -> Figure:
    detail = f"{processes} processes; {spread(values, 1)} ms"
    return at_most(name, quantile(values, 0.99), AIM_MS, "ms", detail)


def _paused(client: Client, task: str, pids: list[int]) -> float:
    began = time.perf_counter()
    client.send(f"/api/tasks/{task}/pause", {})
    until(lambda: all(_state(pid) == "T" for pid in pids), 10, pause_s=0.0005)
    took = (time.perf_counter() - began) * 1000
    client.receive()
    client.post(f"/api/tasks/{task}/resume", {})
    until(lambda: not any(_state(pid) == "T" for pid in pids), 10)
    until(lambda: client.get(f"/api/tasks/{task}").find(b'"running"') > 0, 10)
    return took


def _processes(task: str) -> list[int]:
    """Those that carry the mark of the task's run, once all of them are there."""
    mark = f"LINEUP_TASK_RUN={task}.1".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found if len(found) >= PROCESSES else []


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
