"""What somebody types of a schedule: kept as typed, and read as the fields of the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from sqlalchemy import Row

from webapp.domain import zone_names
from webapp.domain.errors import Refused
from webapp.domain.schedules.fates import DEFAULT_GRACE_S
from webapp.web import presets
from webapp.web.durations import parse_duration, written
from webapp.web.presets import CUSTOM, Preset, Wrong

DURATIONS = ("grace_s", "jitter_s", "catch_up_window_s")
MOMENTS = ("starts_at", "ends_at")
NUMBERS = ("catch_up_limit", "pause_after_failures")
WORDS = ("timezone", "overlap", "catch_up")
USUAL = {
    "grace_s": DEFAULT_GRACE_S,
    "jitter_s": 0.0,
    "catch_up_window_s": 86400.0,
    "catch_up_limit": 100.0,
}
"""What a field means that is left empty."""
MOST_TYPED = 100_000
_NOTHING = re.compile(r"0+\s*[a-z]*")


@dataclass
class Draft:
    """A form: texts by field, what is wrong with them, and the preset that they belong to."""

    typed: dict[str, str]
    preset: Preset
    on: bool = True
    problems: dict[str, str] = field(default_factory=dict)
    refusal: Refused | None = None

    def __getitem__(self, name: str) -> str:
        return self.typed.get(name, "")

    def raw(self) -> dict[str, Any]:
        """The fields as a script would send them; notes what cannot be read."""
        found: dict[str, Any] = {name: self[name].strip() for name in WORDS}
        found["cron_expression"] = self["cron_expression"].strip() or None
        found["description"] = self["description"].replace("\r\n", "\n").strip() or None
        days = (line.strip() for line in self["calendar"].replace(",", "\n").splitlines())
        found["calendar"] = [day for day in days if day] or None
        found["is_enabled"] = self.on
        for name in DURATIONS:
            found[name] = self._duration(name)
        for name in NUMBERS:
            found[name] = self._whole(name)
        for name in MOMENTS:
            found[name] = self._moment(name)
        return found

    def take(self, refusal: Refused) -> None:
        """Show a refusal, beside its fields if it names some."""
        if not refusal.fields:
            self.refusal = refusal
        for name, reason in refusal.fields.items():
            said = reason[:1].upper() + reason[1:]
            self.problems[name] = said if said.endswith((".", "?")) else f"{said}."

    def _duration(self, name: str) -> float | None:
        text = self[name].strip()
        if not text:
            return USUAL[name]
        if _NOTHING.fullmatch(text):
            return 0.0
        try:
            return parse_duration(text)
        except ValueError:
            self.problems[name] = gettext("Write a duration like 90, 10m or 1h 30m.")
            return None

    def _whole(self, name: str) -> int | None:
        text = self[name].strip()
        if not text:
            return None if (usual := USUAL.get(name)) is None else int(usual)
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            self.problems[name] = gettext("Write a whole number.")
            return None
        return int(text)

    def _moment(self, name: str) -> datetime | None:
        text = self[name].strip()
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            self.problems[name] = gettext("Write a day and a time, as in 2026-11-23T09:00.")
            return None
        if found.tzinfo:
            return found
        zone = zone_of(self["timezone"])
        kept = _exact(self[f"{name}_kept"], zone)
        same = kept is not None and kept.replace(tzinfo=None, microsecond=0, fold=0) == found
        return kept if same else found.replace(tzinfo=zone)


def sent(form: Mapping[str, str]) -> Draft:
    """The form as it came. Who typed an expression means that one; otherwise the preset writes it.

    ``written`` is the expression that the form was shown with.
    """
    typed = {**presets.DEFAULTS, **{name: text[:MOST_TYPED] for name, text in form.items()}}
    expression, name = typed.get("cron_expression", "").strip(), typed.get("preset", CUSTOM)
    draft = Draft(typed, Preset(name, typed), on="is_enabled" in typed)
    if expression != typed.get("written", "").strip() or name not in presets.USES:
        draft.preset = presets.recognise(expression)
        typed.update({key: draft.preset.fields[key] for key in presets.USES[draft.preset.name]})
    elif name != CUSTOM:
        try:
            typed["cron_expression"] = draft.preset.expression()
        except Wrong as wrong:
            draft.problems[str(wrong)] = _wrong(str(wrong))
    typed["written"] = typed.get("cron_expression", "").strip()
    typed["preset"] = draft.preset.name
    return draft


def fresh(zone: str) -> Draft:
    """The form as it is first offered."""
    usual = Preset("daily", presets.DEFAULTS)
    return Draft(
        {
            **presets.DEFAULTS,
            "preset": usual.name,
            "cron_expression": usual.expression(),
            "written": usual.expression(),
            "timezone": zone,
            "overlap": "queue_one",
            "catch_up": "skip",
            "catch_up_limit": "100",
            "catch_up_window_s": "1d",
            "grace_s": duration(DEFAULT_GRACE_S),
            "jitter_s": "0",
        },
        usual,
    )


def of(row: Row[Any]) -> Draft:
    """A schedule as it stands, to be edited."""
    expression = row.cron_expression or ""
    preset = presets.recognise(expression)
    typed = {
        **preset.fields,
        "preset": preset.name,
        "cron_expression": expression,
        "written": expression,
        "timezone": row.timezone,
        "overlap": row.overlap,
        "catch_up": row.catch_up,
        "catch_up_limit": str(row.catch_up_limit),
        "description": row.description or "",
        "calendar": "\n".join(row.calendar or ()),
        "version": str(row.version),
    }
    typed |= {name: duration(row._mapping[name]) for name in DURATIONS}
    typed["pause_after_failures"] = str(row.pause_after_failures or "")
    zone = zone_of(row.timezone)
    for name in MOMENTS:
        at = row._mapping[name]
        typed[name] = "" if at is None else _local(at, zone)
        typed[f"{name}_kept"] = "" if at is None else at.isoformat()
    return Draft(typed, preset, on=row.is_enabled)


def zone_of(name: str) -> tzinfo:
    """The zone of this name; UTC where there is none."""
    try:
        return ZoneInfo(zone_names.resolve(name))
    except (LookupError, ValueError, OSError):
        return UTC


def duration(seconds: float) -> str:
    """Seconds as they are typed: 90, 10m, 1h 30m."""
    if seconds != int(seconds):
        return str(written(seconds))
    left, parts = int(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0"


def _local(at: datetime, zone: tzinfo) -> str:
    """A time as its field has it: to the second where that matters."""
    here = at.astimezone(zone).replace(tzinfo=None)
    return here.isoformat(timespec="seconds" if here.second else "minutes")


def _exact(text: str, zone: tzinfo) -> datetime | None:
    """A stored time on a zone's clock, if this is one.

    Its field cannot say parts of a second, nor which of two equal hours is meant.
    """
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(zone) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _wrong(name: str) -> str:
    return {
        "n": gettext("Write a number of minutes from 1 to 59."),
        "minute": gettext("Write a minute from 0 to 59."),
        "at": gettext("Write a time from 00:00 to 23:59."),
        "weekday": gettext("Choose a day of the week."),
        "monthday": gettext("Choose a day of the month."),
    }[name]
