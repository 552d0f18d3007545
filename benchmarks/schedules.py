"""Schedules due in the same second, beside APScheduler 3 and its job store; 100,000 idle ones."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from benchmarks import due
from benchmarks.figures import Figure, at_least, at_most, median, quantile, spread
from benchmarks.lineup import Home, Server, home, until

COUNTS = (1, 100, 1_000, 10_000)
AIMS = {1_000: ("p99", 0.1), 10_000: ("max", 1.0)}
TIMES_FASTER = 15.0
IDLE = 100_000
IDLE_CPU_S = 0.1
SAVE_MS = 50.0
ENQUEUED = "SELECT coalesce(max(seq), 0) FROM tasks"
LATE = """
SELECT (julianday(started_at) - julianday(?)) * 86400 FROM tasks WHERE started_at IS NOT NULL"""
FATES = "SELECT fate, count(*) FROM occurrences GROUP BY fate"

Lags = list[float]


def measure(*, quick: bool) -> list[Figure]:
    """All counts one after the other, each time beside both peers, on databases of their own."""
    counts = COUNTS[:3] if quick else COUNTS
    figures = [figure for count in counts for figure in _due_at_once(count)]
    return figures + _many_at_rest(IDLE // 100 if quick else IDLE, 10 if quick else 60)


def _due_at_once(count: int) -> list[Figure]:
    enqueued, running = _lineup(count)
    patient, dropping = (_peer(count, grace) for grace in ("none", "default"))
    which, limit = AIMS.get(count, ("max", 0.0))
    value = quantile(enqueued, 0.99) if which == "p99" else max(enqueued)
    name = f"{count:,} due: enqueued, {which}"
    if limit:
        first = at_most(name, value * 1000, limit * 1000, "ms", _said(enqueued))
    else:
        first = Figure(name, f"{value * 1000:.0f} ms", detail=_said(enqueued))
    ratio = max(patient) / max(enqueued)
    faster = f"{count:,} due: times faster than APScheduler"
    detail = f"its last after {max(patient):.2f} s ({_said(patient)})"
    if count == COUNTS[-1]:
        second = at_least(faster, ratio, TIMES_FASTER, "x", detail)
    else:
        second = Figure(faster, f"{ratio:.1f} x", detail=detail)
    dropped = count - len(dropping)
    return [
        first,
        Figure(f"{count:,} due: running", f"{max(running):.2f} s", detail=_said(running)),
        second,
        Figure(f"{count:,} due: dropped by APScheduler's default", f"{dropped:,}"),
    ]


def _lineup(count: int) -> tuple[Lags, Lags]:
    """How late each was enqueued, as a reader sees it, and how late it ran."""
    with home() as base:
        with base.serve():
            pass  # it migrates
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=20 + count / 1_000)
        due.fill(base, count, at)
        with base.serve(), base.reader() as reader:
            if datetime.now(UTC) >= at - timedelta(seconds=3):
                raise RuntimeError("the server was up too late")
            time.sleep((at - datetime.now(UTC)).total_seconds() - 0.05)
            enqueued = _enqueued(reader, count, at)
            over = "SELECT completed FROM lanes WHERE name = 'main'"
            until(lambda: reader.execute(over).fetchone()[0] == count, 600, pause_s=0.1)
            assert dict(reader.execute(FATES).fetchall()) == {"fired": count}
            moment = f"{at:%Y-%m-%d %H:%M:%S}"
            return enqueued, [row[0] for row in reader.execute(LATE, (moment,))]


def _enqueued(reader: sqlite3.Connection, count: int, at: datetime) -> Lags:
    late: Lags = []
    deadline = time.time() + 120
    while len(late) < count:
        seen = reader.execute(ENQUEUED).fetchone()[0]
        now = time.time()
        late += [now - at.timestamp()] * (seen - len(late))
        if now > deadline:
            raise TimeoutError(f"{len(late)} of {count} were enqueued")
        time.sleep(0.001)
    return late


def _peer(count: int, grace: str) -> Lags:
    """The same of APScheduler; those that it dropped are not in it."""
    with home() as base:
        with base.serve():
            pass
        command = [sys.executable, "-m", "benchmarks.apscheduler_peer", str(base.data), str(count)]
        done = subprocess.run(
            [*command, grace], env=base.environment, check=True, capture_output=True, text=True
        )
        return [float(late) for late in json.loads(done.stdout)]


def _many_at_rest(count: int, idle_s: int) -> list[Figure]:
    with home() as base:
        with base.serve() as server:
            alone = _idle(server, idle_s)
        due.fill(base, count, None)
        with base.serve() as server:
            idle = _idle(server, idle_s)
            saved = _saved(base, server, count)
    minute = 60 / idle_s
    more = max(0.0, idle - alone) * minute
    return [
        at_most(
            f"{count:,} idle schedules: processor a minute",
            more,
            IDLE_CPU_S,
            "s",
            f"{idle * minute:.2f} s beside {alone * minute:.2f} s without any",
        ),
        at_most(f"saving one of {count:,}", median(saved), SAVE_MS, "ms", f"{spread(saved, 1)} ms"),
    ]


def _idle(server: Server, idle_s: int) -> float:
    """Seconds of processor time of a server that was left alone before."""
    time.sleep(35)  # what it does once after its start
    before = server.processor_s()
    time.sleep(idle_s)
    return server.processor_s() - before


def _saved(base: Home, server: Server, count: int) -> Lags:
    client = server.client(base.token())
    took: Lags = []
    for turn in range(60):
        flow = f"flow-{turn * (count // 60)}"
        body = {"cron_expression": f"{turn} 4 * * *"}
        began = time.perf_counter()
        client.put(f"/api/schedule/{flow}", body)
        took.append((time.perf_counter() - began) * 1000)
    return took[10:]


def _said(late: Lags) -> str:
    middle, last = median(late) * 1000, max(late) * 1000
    return f"{middle:,.0f} ms, p99 {quantile(late, 0.99) * 1000:,.0f} ms, max {last:,.0f} ms"
