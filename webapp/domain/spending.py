"""What may be asked of models: a day's allowance, and how near it is to its end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webapp.domain.errors import Invalid
from webapp.domain.zones import zone

KINDS = ("requests", "tokens", "cost")
"""What is counted and limited: answers, tokens in and out, USD."""
OVERALL = ""
"""Stands for a flow's id in the row that counts everything of a day."""
NEAR = 0.8 - 1e-9  # or 0.08 would not be 80 % of 0.1
"""From this part of a budget on somebody is told."""
MOST = 10**12
LEAST = 6
"""Decimal places of the smallest part of a USD that is told."""


@dataclass(frozen=True)
class Allowance:
    """What the server allows on a day; None: as much as you like."""

    day: str
    """Of the server's zone, as in 2026-11-29."""
    requests: int | None = None
    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True)
class SpentOut:
    """A budget that is used up: whose, of what, how large, and how much was used."""

    whose: str
    """``run``, ``flow`` or ``day``."""
    kind: str
    limit: float
    used: float
    flow: str | None = None
    """The name of the flow whose budget it is."""

    def words(self) -> tuple[str, dict[str, Any]]:
        """As a message's code and parameters."""
        params = {"limit": said(self.kind, self.limit), "used": said(self.kind, self.used)}
        named = {"flow": self.flow} if self.flow is not None else {}
        return f"{self.whose}_budget_{self.kind}", {**params, **named}


@dataclass(frozen=True)
class Near:
    """A budget that is nearly used up: of what, how large, and how much was used."""

    kind: str
    limit: float
    used: float

    def words(self, whose: str) -> tuple[str, dict[str, Any]]:
        """As a message's code and parameters; ``whose``: ``run``, ``flow`` or ``day``."""
        part = int(100 * self.used / self.limit + 1e-6)  # or 0.08 of 0.1 would be 79 %
        told = {"limit": said(self.kind, self.limit), "part": part}
        return f"told_{whose}_budget_{self.kind}", told


UNLIMITED = Allowance("")


def allowed(now: datetime, timezone: str, limits: Mapping[str, Any]) -> Allowance:
    """What the server's limits allow on the day that it is in its zone."""
    return Allowance(now.astimezone(zone(timezone)).date().isoformat(), **limits)


def of_run(settings: Mapping[str, Any], profile: Mapping[str, Any]) -> dict[str, Any]:
    """The limits of one attempt, by kind: the smaller one of the task's and its profile's."""
    both = {kind: (settings.get(f"budget_{kind}"), profile.get(f"run_{kind}")) for kind in KINDS}
    return {
        kind: min((limit for limit in limits if limit is not None), default=None)
        for kind, limits in both.items()
    }


def said(kind: str, amount: float) -> str:
    """An amount in figures, as people write it; USD to the cent, or as far as it needs."""
    if kind != "cost":
        return f"{int(amount):,}"
    if not amount or amount >= 1:
        return f"{amount:,.2f}"
    places = min(LEAST, 3 - math.floor(math.log10(amount)))
    whole, _, cents = f"{max(amount, 10**-LEAST):.{places}f}".partition(".")
    return f"{whole}.{cents.rstrip('0').ljust(2, '0')}"


def budget(value: Any) -> dict[str, Any] | None:
    """A flow's budget of a day as it is stored: ``{requests?, tokens?, cost?}``; raises Invalid."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise Invalid.field("budget", "must be an object of requests, tokens and cost")
    for name in value:
        if name not in KINDS:
            raise Invalid.field("budget", f"there is no {name!r}; there are {', '.join(KINDS)}")
    found = {name: _amount(name, given) for name, given in value.items() if given is not None}
    return found or None


def spent_out(limits: Mapping[str, Any], used: Mapping[str, Any]) -> str | None:
    """Which of the limits is reached, if one is."""
    return _reached(limits, used, 1.0)


def is_near(limits: Mapping[str, Any], used: Mapping[str, Any]) -> Near | None:
    """Which of the limits is nearly reached, if one is."""
    kind = _reached(limits, used, NEAR)
    return Near(kind, limits[kind], used[kind]) if kind is not None else None


def part_of(limits: Mapping[str, Any], used: Mapping[str, Any]) -> float:
    """How much of the limit that is nearest is used: 1 is all of it."""
    return max((used.get(kind, 0) / limits[kind] for kind in KINDS if limits.get(kind)), default=0)


def _reached(limits: Mapping[str, Any], used: Mapping[str, Any], part: float) -> str | None:
    for name in KINDS:
        limit = limits.get(name)
        if limit is not None and used.get(name, 0) >= limit * part:
            return name
    return None


def _amount(name: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= MOST:  # which NaN is not
        raise Invalid.field("budget", f"{name} must be a number above 0")
    if name != "cost" and value != int(value):
        raise Invalid.field("budget", f"{name} must be a whole number")
    return float(value) if name == "cost" else int(value)
