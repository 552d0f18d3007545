"""Celery with one worker process or thread, a Redis broker, and tasks that do nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery
from celery.result import AsyncResult, allow_join_result
from redis import Redis

from benchmarks.lineup import ROOT, until

BROKER = os.environ.get("BENCH_BROKER", "memory://")
BACKEND = os.environ.get("BENCH_BACKEND", "cache+memory://")

app = Celery("benchmarks.celery_peer", broker=BROKER, backend=BACKEND)
app.conf.broker_connection_retry_on_startup = True


@app.task(name="noop")
def noop() -> float:
    """Nothing, but for the time at which it happened."""
    return time.time()


@contextmanager
def redis(*, durable: bool) -> Iterator[str]:
    """A Redis of our own, in memory or with every write synced; yields its socket."""
    with tempfile.TemporaryDirectory(prefix="lineup-bench-", dir="/var/tmp") as directory:
        path = f"{directory}/redis.sock"
        arguments = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", directory]
        if durable:
            arguments += ["--appendonly", "yes", "--appendfsync", "always"]
        process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        try:
            until(Path(path).exists, 10, lambda: "redis-server did not start")
            yield path
        finally:
            process.terminate()
            process.wait()


def tasks_per_second(socket: str, backend: str, pool: str, count: int, warm_up: int) -> float:
    """Queue no-op tasks, then start ``celery -c 1``, and see how fast it works them off."""
    Redis(unix_socket_path=socket).flushall()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BENCH_")},
        "BENCH_BROKER": f"redis+socket://{socket}",
        "BENCH_BACKEND": backend,
        "PYTHONPATH": str(ROOT),
        "C_FORCE_ROOT": "1",
    }
    peer = Celery("peer", broker=environment["BENCH_BROKER"], backend=backend)
    peer.task(name="noop")(noop.run)
    results = [peer.tasks["noop"].delay() for _ in range(count)]
    worker = [sys.executable, "-m", "celery", "-A", "benchmarks.celery_peer", "worker"]
    options = ["-c", "1", "-P", pool, "--loglevel=ERROR", "--without-gossip", "--without-mingle"]
    process = subprocess.Popen(
        [*worker, *options],
        env={**environment, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
    )
    try:
        until(results[-1].ready, 120, lambda: "celery did not work its tasks off", 0.1)
        return _rate(results, warm_up)
    finally:
        process.terminate()
        process.wait()
        peer.close()


def _rate(results: list[AsyncResult[float]], warm_up: int) -> float:
    with allow_join_result():
        times = sorted(result.get(timeout=30) for result in results)[warm_up:]
    return (len(times) - 1) / (times[-1] - times[0])
