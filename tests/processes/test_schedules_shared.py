"""Schedules of several servers on one database: each due time once, whoever dies or sleeps."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.processes.server import ROOT, Home, Server, environment
from tests.waiting import until

pytestmark = pytest.mark.both_databases

EVERY_SECOND = "* * * * * *"
POLICY = {"overlap": "queue_all", "catch_up": "all", "timezone": "UTC"}
SECOND = timedelta(seconds=1)
START_S = 90
"""Four at once, on a machine that has other things to do."""


def asked(server: Server, method: str, address: str, **body: Any) -> httpx.Response:
    """What a server answers; it must be content."""
    answer = server.http.request(method, address, json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer


def make_schedule(server: Server, name: str) -> str:
    """A flow that does nothing, every second; returns its id."""
    flow = {"name": name, "agent": "shell", "task_description": "true", "lane": "main"}
    flow_id = str(asked(server, "POST", "/api/flows", **flow).json()["flow_id"])
    body = {"flow_id": flow_id, "cron_expression": EVERY_SECOND, **POLICY}
    asked(server, "POST", "/api/schedule", **body)
    return flow_id


def ledger(home: Home, flow_id: str) -> list[Any]:
    """What became of each due time of a flow."""
    return home.query(
        "SELECT o.due_at, o.fate, o.task_id, o.until FROM occurrences o "
        "JOIN schedules s ON s.id = o.schedule_id WHERE s.flow_id = ? ORDER BY o.due_at",
        flow_id,
    )


def due_times(rows: list[Any]) -> list[datetime]:
    """When they were due."""
    found = (row["due_at"] for row in rows)
    return [at if isinstance(at, datetime) else datetime.fromisoformat(at) for at in found]


def test_four_servers_fire_each_due_time_once_while_one_is_killed_one_sleeps_and_one_edits(
    home: Home,
) -> None:
    with ExitStack() as running:
        first = running.enter_context(home.server())
        others = [home.server() for _ in range(3)]
        for server in others:
            running.callback(server.kill)
            server.launch()
        for server in others:
            until(server.answers, server.said, patience_s=START_S)
        flow_ids = [make_schedule(first, f"flow {number}") for number in range(4)]

        def fired(least: int) -> None:
            until(
                lambda: all(len(ledger(home, flow_id)) >= least for flow_id in flow_ids),
                home.logs,
                patience_s=START_S,
            )

        fired(2)
        killed, sleeper, editor = others
        home.suspend(sleeper.pid)
        killed.kill()
        for _ in range(4):
            for expression in ("*/1 * * * * *", EVERY_SECOND):
                address = f"/api/schedule/{flow_ids[0]}"
                asked(editor, "PUT", address, cron_expression=expression)
        fired(5)
        sleeper.signal(signal.SIGCONT)
        fired(8)
        for flow_id in flow_ids:
            asked(first, "PUT", f"/api/schedule/{flow_id}", is_enabled=False)

    for flow_id in flow_ids:
        rows = ledger(home, flow_id)
        assert {row["fate"] for row in rows} == {"fired"}, [dict(row) for row in rows]
        times = due_times(rows)
        assert {b - a for a, b in pairwise(times)} == {SECOND}
        tasks = home.query("SELECT task_id FROM tasks WHERE flow_id = ?", flow_id)
        made = Counter(row["task_id"] for row in tasks)
        assert made == Counter(row["task_id"] for row in rows)
        [schedule] = home.query("SELECT * FROM schedules WHERE flow_id = ?", flow_id)
        assert schedule["execution_count"] == len(rows)
        assert schedule["next_execution_at"] is None
    assert not home.broken()


def test_a_kill_between_two_statements_loses_no_due_time_and_doubles_none(home: Home) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.audit.killed", "6", str(home.data), home.database_url],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    places = int(done.stdout.removeprefix("killed at ").removesuffix(" places\n"))
    assert places >= 5
