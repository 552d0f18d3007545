"""No-op tasks one at a time: Lineup beside plain sqlite3 and `celery -c 1`."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from uuid import uuid4

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
    rounds, count = (1, 1000) if quick else (3, 2000)
    rates: dict[str, list[float]] = defaultdict(list)
    memory, synced = celery_peer.redis(durable=False), celery_peer.redis(durable=True)
    with home() as base, memory as in_memory, synced as on_disk:
        full = seed.waiting(base, count)
        for _ in range(rounds):
            for durability in AIMS:
                rates[f"floor {durability}"].append(_floor(full, durability))
                rates[f"lineup {durability}"].append(_lineup(base, full, durability, count))
            for name, socket, backend in (
                ("redis in memory", in_memory, f"redis+socket://{in_memory}?virtual_host=1"),
                ("redis synced", on_disk, f"redis+socket://{on_disk}?virtual_host=1"),
                ("redis and sqlite", in_memory, f"db+sqlite:///{base.data}/{uuid4()}.db"),
            ):
                for pool in ("solo", "prefork"):
                    rates[f"celery {pool}, {name}"].append(
                        celery_peer.tasks_per_second(socket, backend, pool, count, WARM_UP)
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


def _figures(rates: dict[str, list[float]]) -> list[Figure]:
    found = []
    for durability, aim in AIMS.items():
        ours, floors = rates[f"lineup {durability}"], rates[f"floor {durability}"]
        name = f"tasks, {durability.upper()}, of plain sqlite3"
        detail = f"{spread(ours)}/s beside {spread(floors)}/s"
        found.append(at_least(name, _ratio(ours, floors), aim, "x", detail))
    for peer in [name for name in rates if name.startswith("celery")]:
        # what is in memory alone does not survive a power cut, and nor does all of NORMAL
        kept = "normal" if peer.endswith("in memory") else "full"
        ratio = _ratio(rates[f"lineup {kept}"], rates[peer])
        name, detail = f"tasks, {kept.upper()}, of {peer}", f"celery {spread(rates[peer])}/s"
        found.append(at_least(name, ratio, 1.0, "x", detail))
    return found


def _ratio(ours: list[float], others: list[float]) -> float:
    return median([one / other for one, other in zip(ours, others, strict=True)])
