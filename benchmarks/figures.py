"""A figure is a ratio or a duration with its aim, and knows how to be printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table; ``met`` is None where there is no aim."""

    name: str
    value: str
    aim: str = ""
    met: bool | None = None
    detail: str = ""

    def __str__(self) -> str:
        """The line as it is printed."""
        mark = {True: "met   ", False: "MISSED", None: "      "}[self.met]
        return f"  {mark} {self.name:<52} {self.value:>16}   {self.aim:<18} {self.detail}"


def at_most(name: str, value: float, limit: float, unit: str, detail: str = "") -> Figure:
    """A figure that should be small."""
    return Figure(name, f"{value:.2f} {unit}", f"<= {limit:g} {unit}", value <= limit, detail)


def at_least(name: str, value: float, limit: float, unit: str, detail: str = "") -> Figure:
    """A figure that should be large."""
    return Figure(name, f"{value:.2f} {unit}", f">= {limit:g} {unit}", value >= limit, detail)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Sequence[float]) -> float:
    """The value in the middle."""
    return statistics.median(values)


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The middle and the ends, for the details."""
    low, middle, high = min(values), median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"
