"""How long a task waits to be claimed while 100,000 others are removed, beside before and after."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime

from benchmarks.figures import Figure, at_most, median, quantile
from benchmarks.generate import generate
from benchmarks.lineup import Client, Home, home

AIM_MS = 100.0
KEPT = 2_000
EVERY_S = 0.01
PATIENCE_S = 900
BODY = {"task_description": "nothing", "agent": "noop", "when_busy": "queue", "session_id": "bench"}
# from being submitted to the end of a run that does nothing: the claim's wait is in between
WAITED = """
SELECT (julianday(completed_at) - julianday(created_at)) * 86400000 FROM tasks
WHERE agent = 'noop' AND completed_at IS NOT NULL AND created_at >= ? AND created_at < ?"""
PASS = "SELECT holder, finished_at, removed FROM housekeeping"


def measure(*, quick: bool) -> list[Figure]:
    """The server's own pass, half a minute after its start, while tasks come that do nothing."""
    tasks = 12_000 if quick else 102_000
    with home(LINEUP_KEEP_TASKS=str(KEPT)) as base:
        generate(base.data, tasks=tasks)
        with base.serve() as server, base.reader() as reader:
            began, ended, removed = _through_a_pass(server.client(base.token()), reader)
            return _figures(base, reader, began, ended, removed)


def _through_a_pass(client: Client, reader: sqlite3.Connection) -> tuple[str, str, str]:
    """Submit all the time until a pass is over; returns when it began, when it ended, and what."""
    began, deadline = "", time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        client.post("/api/tasks/submit", BODY)
        holder, finished, removed = reader.execute(PASS).fetchone()
        if holder is not None and not began:
            began = _now()
        if finished is not None:
            return began, _now(), removed
        time.sleep(EVERY_S)
    raise TimeoutError("the pass did not end")


def _figures(
    base: Home, reader: sqlite3.Connection, began: str, ended: str, removed: str
) -> list[Figure]:
    before = [wait for (wait,) in reader.execute(WAITED, ("0", began))]
    during = [wait for (wait,) in reader.execute(WAITED, (began, ended))]
    took = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    p99, usual = quantile(during, 0.99), quantile(before, 0.99)
    detail = f"{len(during)} tasks meanwhile, {took:.0f} s; {removed}"
    beside = f"{p99:.1f} ms beside {usual:.1f} ms"
    return [
        at_most("claimed while tasks are removed, longest", max(during), AIM_MS, "ms", detail),
        Figure("… longest before", f"{max(before):.2f} ms", detail=f"{len(before)} tasks"),
        Figure("… p99 of the p99 before", f"{p99 / usual:.2f} x", detail=beside),
        Figure("… middle", f"{median(during):.2f} ms", detail=f"before {median(before):.2f} ms"),
    ]  # fmt: skip


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
