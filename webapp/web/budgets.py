"""What models may use today, and how much of it is used: the server's limits, and flows' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, ngettext

from webapp.domain.spending import KINDS, NEAR, said
from webapp.doors.models import allowance
from webapp.queries import conversations

SHOWN = 20
"""As many flows are shown, those that are nearest to their limit."""


@dataclass(frozen=True)
class Line:
    """One limit, and how far it is used up."""

    used: float
    limit: float
    words: str

    @property
    def state(self) -> str:
        """``over``, ``near`` or nothing."""
        part = self.used / self.limit
        return "over" if part >= 1 else "near" if part >= NEAR else ""


@dataclass(frozen=True)
class Budget:
    """The limits of the server, or of one flow."""

    flow_id: str | None
    name: str | None
    lines: list[Line]


@dataclass(frozen=True)
class Today:
    """Everything that is limited today."""

    day: str
    overall: Budget
    used: Mapping[str, str]
    """What all tasks used today, in words by kind; empty if nothing."""
    flows: list[Budget]


def today() -> Today:
    """What models may use today, and what they have."""
    allowed = allowance()
    limits = {kind: getattr(allowed, kind) for kind in KINDS}
    used = conversations.spent_by_all(allowed.day)
    flows = [
        Budget(one.flow_id, one.name, _lines(one.budget, one.used))
        for one in conversations.budgets(allowed.day, most=SHOWN)
    ]
    words = {kind: amount(kind, used[kind]) for kind in KINDS if used.get(kind)}
    return Today(allowed.day, Budget(None, None, _lines(limits, used)), words, flows)


def amount(kind: str, value: float) -> str:
    """So many of something, as people say it."""
    if kind == "cost":
        return gettext("%(n)s USD", n=said(kind, value))
    number = said(kind, value)
    if kind == "requests":
        return ngettext("%(n)s request", "%(n)s requests", int(value), n=number)
    return ngettext("%(n)s token", "%(n)s tokens", int(value), n=number)


def _lines(limits: Mapping[str, Any], used: Mapping[str, Any]) -> list[Line]:
    found = []
    for kind in (kind for kind in KINDS if limits.get(kind)):
        so_far = used.get(kind, 0)
        shown = said(kind, so_far)
        words = gettext("%(used)s of %(limit)s", used=shown, limit=amount(kind, limits[kind]))
        found.append(Line(float(so_far), float(limits[kind]), words))
    return found
