"""What is told of a flow, to whom, and how often it is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from webapp.domain.errors import Invalid
from webapp.domain.zones import zone

EVENTS = ("failed", "recovered", "missed", "paused", "budget")
"""It failed (so many times in a row); it works again; due times were missed; its schedule was
switched off because it failed too often; its budget of the day, or that of the server, is nearly
used up."""
FAILED, RECOVERED, MISSED, PAUSED, BUDGET = EVENTS
PENDING, SENT, GIVEN_UP = STATES = ("pending", "sent", "failed")
"""What becomes of a notice on its way through a channel."""

MOST_AFTER = 1_000
"""The largest number of failures in a row that may be waited for."""
QUIET = timedelta(hours=1)
"""Due times of a flow that are missed within this of a notice are counted, and not told again."""
LONGEST_ERROR = 500
"""Characters of a reason in a notice."""

FIRST_RETRY_S: Final = 10.0
LONGEST_RETRY_S: Final = 3600.0
MOST_TRIES = 9
"""Within about three hours; then the notice is given up, and that is shown."""
YES_OR_NO = ("recovered", "missed", "paused", "budget")
"""The events that are told or not, and not counted first."""
RULES = ("channels", "failed_after", *YES_OR_NO, "off")


@dataclass(frozen=True)
class Wishes:
    """What is told through a channel: failures from how many in a row on, and the other events."""

    failed_after: int | None
    recovered: bool
    missed: bool
    paused: bool
    budget: bool


def wishes(channel: str, own: Wishes, flow: Mapping[str, Any] | None) -> Wishes | None:
    """What a channel is told of a flow: what it wants of all, unless the flow says else.

    None: nothing at all.
    """
    if flow is None:
        return own
    if flow.get("off") or channel not in flow.get("channels", [channel]):
        return None
    said = {name: value for name, value in flow.items() if name not in {"channels", "off"}}
    return replace(own, **said)


def retry_after(tries: int) -> timedelta | None:
    """How long to wait after a try that failed, counted from 1; None: it is given up."""
    if tries >= MOST_TRIES:
        return None
    return timedelta(seconds=min(LONGEST_RETRY_S, FIRST_RETRY_S * 3.0 ** (tries - 1)))


def rules(value: Mapping[str, Any] | None, channels: frozenset[str]) -> dict[str, Any] | None:
    """A flow's own rules as they are stored; raises Invalid that names the field.

    ``{"channels": [name], "failed_after": N or null, "recovered": bool, "missed": bool, "paused":
    bool, "budget": bool}``, each of which may be left out, or ``{"off": true}``; null: as for all
    flows.
    """
    if value is None:
        return None
    for name in value:
        if name not in RULES:
            raise _wrong(f"there is no rule “{name}”; there are {', '.join(RULES)}")
    for name in (*YES_OR_NO, "off"):
        if name in value and not isinstance(value[name], bool):
            raise _wrong(f"“{name}” is true or false")
    if value.get("off"):
        return {"off": True}
    kept = {name: given for name, given in value.items() if name != "off"}
    if "failed_after" in kept:
        kept["failed_after"] = after(kept["failed_after"], "notify", "“failed_after” ")
    if "channels" in kept:
        kept["channels"] = _known(kept["channels"], channels)
    return kept or None


def after(value: Any, field: str, subject: str = "") -> int | None:
    """A number of failures in a row, or None; raises Invalid that names the field."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_AFTER:
        raise Invalid.field(field, f"{subject}is a whole number from 1 to {MOST_AFTER}, or null")
    return value


def spoken(at: datetime, timezone: str) -> str:
    """A moment as a notice says it, on the clock of the schedule."""
    return f"{at.astimezone(zone(timezone)):%Y-%m-%d %H:%M} ({timezone})"


def _known(value: Any, channels: frozenset[str]) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise _wrong("“channels” is a list of names")
    for name in value:
        if name not in channels:
            raise _wrong(f"there is no channel “{name}”")
    return sorted(set(value))


def _wrong(reason: str) -> Invalid:
    return Invalid.field("notify", reason)
