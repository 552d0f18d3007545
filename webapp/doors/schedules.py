"""What pages and JSON do alike with schedules: fields as they came become checked values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from webapp import clock
from webapp.domain import zone_names
from webapp.domain.errors import Invalid
from webapp.domain.schedules import days
from webapp.domain.schedules.days import MOST_DAYS
from webapp.domain.schedules.fates import CATCH_UPS, OVERLAPS
from webapp.doors import ledgers
from webapp.doors.calendars import days_of
from webapp.doors.due import settle
from webapp.doors.intake import changes, check_text, refused, whole
from webapp.ports import ports
from webapp.queries import flows, schedules
from webapp.services import schedules as verbs
from webapp.services.schedules import Terms, Unsettled

MAX_DESCRIPTION = 10_000
MAX_EXPRESSION = 200
MAX_SECONDS = 366 * 24 * 3600.0
MAX_JITTER_S = 24 * 3600.0
MAX_CATCH_UP = 10_000
MAX_FAILURES = 1_000
TRIES = 10
"""How often what is due is settled when others hold the schedule just then."""
UNSET = {"cron_expression", "description", "calendar", "starts_at", "ends_at"} | {
    "pause_after_failures"
}
"""What may be null; any other field that is null counts as not sent."""


def create(flow_id: Any, raw: Mapping[str, Any], *, by: str) -> None:
    """Give a flow its schedule; raises Refused that names fields and reasons."""
    made = terms(raw, zone=clock.machine_zone())
    flow = flows.find(flow_id)
    if flow.agent in ports().agents.names():
        asked = ports().agents.asks_for(flow.agent, flow.agent_settings)
        verbs.check_runs_alone(flow.name, flow.parameters, asked)
    verbs.create(flow_id, made, min_interval_s=_min_interval_s(), by=by, now=clock.now())
    ports().wake.schedules()


def change(flow_id: str, raw: Mapping[str, Any], *, by: str, version: int | None = None) -> None:
    """Change what was sent and nothing else; raises Refused that names fields and reasons."""
    shown = schedules.as_json(schedules.find(flow_id))
    changed = values(changes(raw, shown, OWN))
    for tries_left in reversed(range(TRIES)):
        now = clock.now()
        if changed.keys() & set(verbs.WHEN):
            settle(now, flow_id=flow_id)
        with suppress(Unsettled):
            verbs.change(
                flow_id,
                changed,
                min_interval_s=_min_interval_s(),
                by=by,
                now=now,
                version=version,
                settled=not tries_left,
            )
            break
    ports().wake.schedules()


def switch(flow_id: str, on: bool, *, by: str) -> None:
    """Switch a schedule on or off; raises Refused."""
    change(flow_id, {"is_enabled": on}, by=by)


def remove(flow_id: str, *, by: str) -> str:
    """Remove a schedule with its ledger; returns the name of its flow."""
    ledgers.clear(flow_id)
    return verbs.remove(flow_id, by=by, now=clock.now())


def terms(raw: Mapping[str, Any], *, zone: str) -> Terms:
    """A schedule that is to be made, in this zone if none was sent.

    Raises Invalid with every field that is wrong, by itself or beside the others that are not.
    """
    found, problems = _checked(raw)
    made = Terms(**{"timezone": zone, **found})
    try:
        verbs.rule_of(made, _min_interval_s())
    except Invalid as refusal:
        problems = {**refusal.fields, **problems}
    if problems:
        raise refused(problems)
    return made


def values(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The checked values of the fields that were sent; raises Invalid with every wrong one."""
    found, problems = _checked(raw)
    if problems:
        raise refused(problems)
    return found


def _checked(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields that can be used, and what is wrong with the others.

    ``calendar_ics`` becomes days of the calendar, beside those that are sent in ``calendar``.
    """
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    fields = dict(raw)
    if (ics := fields.pop("calendar_ics", None)) is not None:
        try:
            found["calendar"] = days_of(ics, clock.now().date())
        except ValueError as error:
            problems["calendar_ics"] = str(error)
    for name, value in fields.items():
        if value is None:
            if name in UNSET:
                found.setdefault(name, None)
            continue
        try:
            if name not in CHECKS:
                raise ValueError("there is no such field")
            checked = CHECKS[name](value)
            found[name] = _joined(found, checked) if name == "calendar" else checked
        except ValueError as error:
            problems[name] = str(error)
    return found, problems


def moment(value: Any) -> datetime:
    """A time that says its offset, in UTC, where all can be compared; raises ValueError."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        utc = found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time as in 2026-11-23T09:00:00+01:00") from None
    if found.tzinfo is None:
        raise ValueError("must say its offset, as in 2026-11-23T09:00:00+01:00 or …Z")
    if not 1970 < found.year < 9999:
        raise ValueError("must lie in the years 1971 to 9998")
    return utc


def _min_interval_s() -> float:
    return ports().settings.min_interval


def _expression(value: Any) -> str:
    return " ".join(check_text(value, MAX_EXPRESSION).split())


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _description(value: Any) -> str | None:
    return check_text(value, MAX_DESCRIPTION).strip() if value != "" else None


def _zone(value: Any) -> str:
    return zone_names.resolve(check_text(value, 64))


def _one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return check


def _seconds(high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not 0 <= value <= high:
            raise ValueError(f"must be a number of seconds from 0 to {high:,.0f}")
        return float(value)

    return check


def _joined(found: Mapping[str, Any], more: list[str] | None) -> list[str] | None:
    """The days that are sent, beside those of a file that is sent with them."""
    together = sorted({*(found.get("calendar") or ()), *(more or ())})
    if len(together) > MOST_DAYS:
        raise ValueError(f"must be at most {MOST_DAYS:,} entries with those of the file")
    return together or None


def _calendar(value: Any) -> list[str] | None:
    if not isinstance(value, list) or not all(isinstance(day, str) for day in value):
        raise ValueError(
            "must be a list of days such as 2026-12-25, 12-25 or 2026-12-24/2027-01-02"
        )
    if len(value) > MOST_DAYS:
        raise ValueError(f"must be at most {MOST_DAYS:,} entries, and has {len(value):,}")
    return days.checked(value) or None


CHECKS: dict[str, Callable[[Any], Any]] = {
    "cron_expression": _expression,
    "is_enabled": _switch,
    "description": _description,
    "timezone": _zone,
    "overlap": _one_of(OVERLAPS),
    "catch_up": _one_of(CATCH_UPS),
    "catch_up_limit": whole(1, MAX_CATCH_UP),
    "catch_up_window_s": _seconds(MAX_SECONDS),
    "grace_s": _seconds(MAX_SECONDS),
    "jitter_s": _seconds(MAX_JITTER_S),
    "starts_at": moment,
    "ends_at": moment,
    "calendar": _calendar,
    "pause_after_failures": whole(1, MAX_FAILURES),
}
"""Every field that a person may set, and what makes a value of it that can be used."""
OWN = {*CHECKS, "calendar_ics"}
"""Every field that may be sent."""
