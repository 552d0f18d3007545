"""The filters of the history: what an address says, what it means, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from urllib.parse import urlencode

from flask import url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from webapp.domain.messages import N_
from webapp.domain.task_state import Status
from webapp.doors.intake import check_text
from webapp.queries import flows
from webapp.queries.history import Filter
from webapp.web.filters import STATUS, session_name

TEXTS = ("q", "agent", "lane", "session_id", "flow_id", "llm_profile_name")
DAYS = ("since", "until")
NAMES = ("status", *TEXTS, "when", *DAYS)
MAX_TEXT = 200
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

PERIODS = {  # in the address: (words, first day and days from today's midnight, or no end)
    "today": (N_("today"), 0, None),
    "yesterday": (N_("yesterday"), -1, 1),
    "7d": (N_("last 7 days"), -6, None),
    "30d": (N_("last 30 days"), -29, None),
}
VIEWS: tuple[tuple[str, dict[str, tuple[str, ...]]], ...] = (
    (N_("All"), {}),
    (N_("Running"), {"status": ("running", "paused")}),
    (N_("Waiting"), {"status": ("pending",)}),
    (N_("Failed today"), {"status": ("failed",), "when": ("today",)}),
    (N_("Last 7 days"), {"when": ("7d",)}),
)


@dataclass(frozen=True)
class Chip:
    """One filter that is at work, and the address without it."""

    name: str
    word: str
    without: str
    status: str | None = None


@dataclass(frozen=True)
class Filters:
    """What was ``given``, cleaned of what is empty; ``problems`` name the fields in words."""

    given: Mapping[str, tuple[str, ...]]
    wanted: Filter
    problems: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.given)

    def one(self, name: str) -> str:
        """What was given for a field that is there once."""
        return next(iter(self.given.get(name, ())), "")

    def address(self, **changes: object) -> str:
        """The list's own address with these filters, and a cursor or another change."""
        return _address({**self.given, **changes})

    def export(self, kind: str) -> str:
        """The address of all that these filters leave, as a file."""
        found = {name: value for name, value in vars(self.wanted).items() if value}
        for name in set(DAYS) & set(found):
            found[name] = found[name].isoformat()
        return url_for("api_export.export", format=kind, **found)

    @property
    def chips(self) -> list[Chip]:
        """The filters that are at work, each with the way to take it away."""
        found = []
        for status in self.given.get("status", ()):
            left = tuple(other for other in self.given["status"] if other != status)
            word = gettext(STATUS[status][1]) if status in STATUS else status
            found.append(Chip("status", word, self.address(status=left), status))
        return found + [
            Chip(name, _words(name, self.one(name)), self.address(**{name: ()}))
            for name in NAMES[1:]
            if name in self.given
        ]

    @property
    def views(self) -> list[tuple[str, str, bool]]:
        """The views that come with the page: name, address, and whether it is this one."""
        return [
            (gettext(word), _address(given), dict(self.given) == given) for word, given in VIEWS
        ]


def read(args: MultiDict[str, str], now: datetime, zone: tzinfo) -> Filters:
    """The filters of an address; dates are days of the reader's zone, and the last one counts."""
    problems: dict[str, str] = {}
    given = {
        name: texts
        for name in NAMES
        if (texts := tuple(dict.fromkeys(filter(None, map(str.strip, args.getlist(name))))))
    }
    if set(DAYS) & set(given):
        given.pop("when", None)  # dates that were written down say it more exactly
    for name in set(given) - {"status"}:
        given[name] = given[name][:1]

    def valid(name: str, check: Callable[[str], object]) -> None:
        try:
            for text in given.get(name, ()):
                check(text)
        except ValueError as error:
            problems[name] = str(error)

    valid("status", _status)
    for name in TEXTS:
        valid(name, lambda text: check_text(text, MAX_TEXT))
    valid("when", _period)
    for name in DAYS:
        valid(name, lambda text: _midnight(text, zone, days=1))
    if problems:
        return Filters(given, Filter(), problems)
    since, until = _span(given, now.astimezone(zone).date(), zone)
    if since and until and since >= until:
        said = gettext("This day is before the first one, so no task can match.")
        return Filters(given, Filter(), {"until": said})
    equal = {name: given[name][0] for name in TEXTS if name in given}
    statuses = tuple(str(status) for status in Status if status in given.get("status", ()))
    return Filters(given, Filter(status=statuses, since=since, until=until, **equal), {})


def _span(
    given: Mapping[str, tuple[str, ...]], today: date, zone: tzinfo
) -> tuple[datetime | None, datetime | None]:
    if "when" in given:
        _, first, days = PERIODS[given["when"][0]]
        start = today + timedelta(days=first)
        end = None if days is None else _start(start + timedelta(days=days), zone)
        return _start(start, zone), end
    since, until = given.get("since"), given.get("until")
    return (
        _midnight(since[0], zone) if since else None,
        _midnight(until[0], zone, days=1) if until else None,
    )


def _midnight(text: str, zone: tzinfo, days: int = 0) -> datetime:
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return _start(date.fromisoformat(text) + timedelta(days=days), zone)
    except (ValueError, OverflowError):
        raise ValueError(gettext("Write a day like 2026-11-23.")) from None


def _start(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _status(text: str) -> None:
    if text not in list(Status):
        raise ValueError(gettext("There is no status “%(text)s”.", text=text))


def _period(text: str) -> None:
    if text not in PERIODS:
        raise ValueError(gettext("There is no such period."))


def _words(name: str, value: str) -> str:
    if name == "when":
        return gettext(PERIODS[value][0]) if value in PERIODS else value
    if name == "session_id":
        value = session_name(value)
    if name == "flow_id":
        value = flows.names([value]).get(value) or session_name(value)
    templates = {
        "q": N_("“%(value)s”"),
        "agent": N_("agent %(value)s"),
        "lane": N_("lane %(value)s"),
        "session_id": N_("session %(value)s"),
        "flow_id": N_("flow %(value)s"),
        "llm_profile_name": N_("profile %(value)s"),
        "since": N_("from %(value)s"),
        "until": N_("until %(value)s"),
    }
    return gettext(templates[name], value=value)


def _address(given: Mapping[str, object]) -> str:
    query = urlencode({name: value for name, value in given.items() if value}, doseq=True)
    return url_for("tasks.index") + (f"?{query}" if query else "")
