"""From a submission over HTTP to the committed row that says it runs, on an idle lane."""

from __future__ import annotations

import sqlite3
import time
from itertools import count

from benchmarks.figures import Figure, at_most, median, quantile, spread
from benchmarks.floor import Floor
from benchmarks.lineup import Client, home, until

P50_MS = 8.0
P99_OF_FLOOR = 3.0
LOOK_S = 0.00005
STARTED = "SELECT 1 FROM tasks WHERE seq = ? AND started_at IS NOT NULL"
OVER = "SELECT 1 FROM tasks WHERE seq = ? AND completed_at IS NOT NULL"
BODY = {"task_description": "true", "agent": "shell", "stdin": "none"}


def measure(*, quick: bool) -> list[Figure]:
    """One submission, one pass of the floor, in turn: so both meet the same disk."""
    rounds = 100 if quick else 500
    with home() as base, base.serve() as server, base.reader() as reader:
        client = server.client(base.token())
        floor = Floor(base.database, "full")
        ours: list[float] = []
        floors: list[float] = []
        numbers = count(1)
        for turn in range(rounds + 20):
            took = _submitted(client, reader, next(numbers))
            least = floor.submit_and_claim("true") * 1000
            if turn >= 20:  # the first ones compile statements and open connections
                ours.append(took)
                floors.append(least)
        floor.close()
    return _figures(ours, floors)


def _submitted(client: Client, reader: sqlite3.Connection, seq: int) -> float:
    """Milliseconds from sending to the commit, seen by a reader that looks all the time."""
    began = time.perf_counter()
    client.send("/api/tasks/submit", BODY)
    until(lambda: reader.execute(STARTED, (seq,)).fetchone(), 30, pause_s=LOOK_S)
    took = time.perf_counter() - began
    client.receive()
    until(lambda: reader.execute(OVER, (seq,)).fetchone(), 30, pause_s=0.002)
    time.sleep(0.02)  # until the lane has gone to sleep
    return took * 1000


def _figures(ours: list[float], floors: list[float]) -> list[Figure]:
    p50, p99 = median(ours), quantile(ours, 0.99)
    floor50, floor99 = median(floors), quantile(floors, 0.99)
    return [
        at_most(
            "submit to running, p99 of the floor's p99",
            p99 / floor99,
            P99_OF_FLOOR,
            "x",
            f"{p99:.1f} ms beside {floor99:.1f} ms",
        ),
        at_most("submit to running, p50", p50, P50_MS, "ms", f"floor {floor50:.1f} ms"),
        Figure(
            "submit to running, p50 of the floor's p50",
            f"{p50 / floor50:.2f} x",
            detail=f"all: {spread(ours, 1)} ms",
        ),
    ]
