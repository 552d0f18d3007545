"""``python -m benchmarks [--quick] [NAME…]``: measure, and print what became of each aim."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys

NAMES = (
    *("submit", "tasks_per_second", "pause", "polls", "footprint", "history", "retention"),
    *("schedules", "conversation"),
)


def main() -> None:
    """Run the named benchmarks, or all; the exit status does not depend on the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=(*NAMES, []), metavar="NAME", help=f"{NAMES}")
    parser.add_argument("--quick", action="store_true", help="few rounds: does it still run?")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    print(f"load at the start: {load:.1f}" + (" (not a quiet machine)" if load > 1 else ""))
    for name in chosen.names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n{name}: {module.__doc__.splitlines()[0]}")
        for figure in module.measure(quick=chosen.quick):
            print(figure)
        sys.stdout.flush()


main()
