"""No-op tasks one at a time: Lineup beside plain sqlite3 and `celery -c 1`."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from benchmarks import celery_peer, seed
from benchmarks.figures import Figure, at_least, median, spread
from benchmarks.floor import Floor
from benchmarks.lineup import Home, home, until

AIMS = {"full": 0.3, "normal": 0.1}
WARM_UP = 200
FINISHED = "SELECT completed FROM lanes WHERE name = 'main'"
RATE = """
SELECT (count(*) - 1) / ((max(julianday(completed_at)) - min(julianday(completed_at))) * 86400)
FROM (SELECT completed_at FROM tasks ORDER BY completed_at LIMIT -1 OFFSET ?)"""
CHECKS = """
SELECT (SELECT count(*) FROM tasks WHERE status = 'completed'),
       (SELECT count(*) FROM activity WHERE agent_status = 'done'),
       (SELECT count(*) FROM attempts WHERE outcome = 'completed')"""


def measure(*, quick: bool) -> list[Figure]:
    """Every round measures all of them, one after the other, so that they share the machine."""
    rounds, count = (1, 1000) if quick else (3, 3000)
    rates: dict[str, list[float]] = defaultdict(list)
    with home() as base, celery_peer.redis() as socket:
        full = seed.waiting(base, count)
        for _ in range(rounds):
            for durability in AIMS:
                rates[f"floor {durability}"].append(_floor(full, durability))
                rates[f"lineup {durability}"].append(_lineup(base, full, durability, count))
            for pool in ("solo", "prefork"):
                for backend in ("redis", "sqlite"):
                    rates[f"celery {pool}, {backend}"].append(
                        celery_peer.tasks_per_second(
                            socket, _address(backend, socket, base), pool, count, WARM_UP
                        )
                    )
    return _figures(rates)


def _floor(full: Path, durability: str) -> float:
    floor = Floor(full, durability)
    try:
        return floor.drain()
    finally:
        floor.close()


def _lineup(base: Home, full: Path, durability: str, count: int) -> float:
    seed.restore(base, full)
    base.settings["LINEUP_DURABILITY"] = durability
    with base.serve(), base.reader() as reader:
        until(
            lambda: reader.execute(FINISHED).fetchone()[0] == count,
            300,
            lambda: "Lineup did not work its tasks off",
            0.25,
        )
        assert reader.execute(CHECKS).fetchone() == (count, count, count)
        return float(reader.execute(RATE, (WARM_UP,)).fetchone()[0])


def _address(backend: str, socket: str, base: Home) -> str:
    if backend == "redis":
        return f"redis+socket://{socket}?virtual_host=1"
    path = base.data / f"celery-{os.urandom(4).hex()}.db"
    return f"db+sqlite:///{path}"


def _figures(rates: dict[str, list[float]]) -> list[Figure]:
    found = []
    for durability, aim in AIMS.items():
        ours, floors = rates[f"lineup {durability}"], rates[f"floor {durability}"]
        ratio = median([one / floor for one, floor in zip(ours, floors, strict=True)])
        detail = f"{spread(ours)}/s beside {spread(floors)}/s"
        found.append(
            at_least(f"tasks, {durability.upper()}, of plain sqlite3", ratio, aim, "x", detail)
        )
    for name in [name for name in rates if name.startswith("celery")]:
        ratio = median([a / b for a, b in zip(rates["lineup full"], rates[name], strict=True)])
        detail = f"celery {spread(rates[name])}/s"
        found.append(at_least(f"tasks, FULL, of {name}", ratio, 1.0, "x", detail))
    return found
