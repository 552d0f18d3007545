"""What a server that does nothing costs, and how soon a second start answers."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.figures import Figure, at_most, median, spread
from benchmarks.lineup import LINEUP, Home, Server, home

MEMORY_MB = 120.0
START_S = 2.0


def measure(*, quick: bool) -> list[Figure]:
    """The first start migrates and is not counted; then starts, and one that is left alone."""
    idle_s, starts = (5, 2) if quick else (60, 5)
    with home() as base:
        with base.serve():
            pass
        took = [_start(base) for _ in range(starts)]
        with base.serve() as server:
            server.wait_for_answer("/login")
            time.sleep(idle_s)
            shared = _kilobytes(server, "Pss:")
            resident = _kilobytes(server, "Rss:")
            ticks = _ticks(server)
            time.sleep(idle_s)
            busy = (_ticks(server) - ticks) / idle_s
    return [
        at_most(
            f"memory after {idle_s} s idle (PSS)",
            shared / 1024,
            MEMORY_MB,
            "MB",
            f"resident {resident / 1024:.0f} MB",
        ),
        at_most("second start to the first page", median(took), START_S, "s", spread(took, 2)),
        Figure("processor while idle", f"{busy:.1f} %", detail="of one core"),
    ]


def _start(base: Home) -> float:
    began = time.perf_counter()
    server = Server(base, (*LINEUP, "serve"))
    try:
        server.wait_for_answer("/login")
        return time.perf_counter() - began
    finally:
        server.stop()


def _kilobytes(server: Server, name: str) -> int:
    text = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(name)).split()[1])


def _ticks(server: Server) -> int:
    """Hundredths of a second of processor time so far."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
