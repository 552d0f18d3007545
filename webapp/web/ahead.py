"""What comes: the next few due times, and the forecast of the next hours, at bounded cost."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zlib import crc32

from flask import Flask, current_app
from flask_babel import gettext
from sqlalchemy import Row

from webapp import clock
from webapp.domain import cron
from webapp.domain.errors import Refused
from webapp.domain.schedules.days import covers
from webapp.queries import ahead as query
from webapp.web import schedule_words
from webapp.web.schedule_form import zone_of
from webapp.web.zones import reader_zone

SHOWN = 5
HORIZON = timedelta(hours=12)
SLOT = timedelta(minutes=5)
WIDTH = 480.0
"""Units of the timeline's picture across the hours to come."""
LOOKED_AT = 300
"""Schedules that a forecast looks at: those that are due next."""
WORK = 1_000
"""Due times that a forecast works out; it ends where it would need more."""
NAMED = 3
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Due:
    """One of the next due times; ``said`` is when, in the reader's zone."""

    schedule_id: int
    flow_id: str
    name: str
    at: datetime
    said: str
    spoken: str
    """The same within a sentence."""


@dataclass
class Mark:
    """Runs to come in the picture of the day, from one slot of time to another."""

    first: int
    last: int
    names: list[str] = field(default_factory=list)

    def said(self, begin: datetime) -> str:
        """Whose they are, and when."""
        zone = reader_zone()
        names = ", ".join(self.names[:NAMED])
        if len(self.names) > NAMED:
            names = gettext("%(names)s and %(n)s more", names=names, n=len(self.names) - NAMED)
        first, last = (
            schedule_words.due(begin + slot * SLOT, zone, begin)
            for slot in (self.first, self.last + 1)
        )
        return f"{first} – {last}: {names}"

    @property
    def x(self) -> float:
        return round(self.first * SLOT / HORIZON * WIDTH, 1)

    @property
    def width(self) -> float:
        return round((self.last + 1 - self.first) * SLOT / HORIZON * WIDTH, 1)


@dataclass(frozen=True)
class Forecast:
    """Runs to come by lane. ``until`` is where it ends early: there would be too many to show."""

    begin: datetime
    marks: dict[str, list[Mark]] = field(default_factory=dict)
    until: datetime | None = None

    @property
    def until_x(self) -> float:
        """Where that is in the picture."""
        until = self.until or self.begin + HORIZON
        return round((until - self.begin) / HORIZON * WIDTH, 1)


def init_app(app: Flask) -> None:
    """Let the strip of every page say what is next."""
    app.jinja_env.globals.update(coming_next=lambda: coming(limit=1), version_of_due=version)


def coming(now: datetime | None = None, limit: int = SHOWN) -> list[Due]:
    """The next due times, the soonest first."""
    now, zone = now or clock.now(), reader_zone()
    return [_due(row, zone, now) for row in query.ahead(limit)]


def _due(row: Row[Any], zone: tzinfo, now: datetime) -> Due:
    at = row.next_execution_at
    said = schedule_words.due(at, zone, now)
    today = at.astimezone(zone).date() == now.astimezone(zone).date()
    spoken = gettext("at %(time)s", time=said) if today else gettext("on %(day)s", day=said)
    return Due(row.id, row.flow_id, row.name, at, said, spoken)


def version(dues: Sequence[Due]) -> str:
    """What changes with everything that is shown of them."""
    return f"{crc32(repr(dues).encode()):x}"


def forecast(now: datetime) -> Forecast:
    """The runs of the next hours; worked out anew only when a schedule or the time has moved on."""
    rows = query.ahead(LOOKED_AT + 1)
    begin = now - (now - EPOCH) % SLOT
    key = begin, tuple((row.id, row.version, row.next_execution_at) for row in rows)
    kept: tuple[Any, Forecast] | None = current_app.extensions.get("lineup.forecast")
    if kept is None or kept[0] != key:
        kept = key, _forecast(rows, begin)
        current_app.extensions["lineup.forecast"] = kept
    return kept[1]


def _forecast(rows: Sequence[Row[Any]], begin: datetime) -> Forecast:
    """In order of time, so that it is complete as far as it goes."""
    last = until = begin + HORIZON - timedelta(microseconds=1)
    if len(rows) > LOOKED_AT:  # those that were not looked at are due from here on
        until = min(last, max(begin, rows[LOOKED_AT].next_execution_at))
    rows = rows[:LOOKED_AT]
    dues = [(max(row.next_execution_at, begin), place) for place, row in enumerate(rows)]
    heapq.heapify(dues)
    slots: dict[tuple[str, int], list[str]] = {}
    for _ in range(WORK):
        if not dues or dues[0][0] > until:
            break
        at, place = heapq.heappop(dues)
        row, slot = rows[place], int((at - begin) / SLOT)
        if not covers(row.calendar, at.astimezone(zone_of(row.timezone)).date()):
            slots.setdefault((row.lane, slot), []).append(row.name)
        following = _next(row, begin + (slot + 1) * SLOT - timedelta(microseconds=1))
        if following is not None:
            heapq.heappush(dues, (following, place))
    if dues:
        until = min(until, dues[0][0])
    return Forecast(begin, _marks(slots), until if until < last else None)


def _next(row: Row[Any], after: datetime) -> datetime | None:
    """When a schedule is due next, unless it has ended by then."""
    try:
        found = cron.parse(row.cron_expression, row.timezone).next(after)
    except Refused:  # stored by another version; its own page says so
        return None
    return None if found is None or (row.ends_at and found > row.ends_at) else found


def _marks(slots: dict[tuple[str, int], list[str]]) -> dict[str, list[Mark]]:
    """Runs in neighbouring slots are one mark."""
    tracks: dict[str, list[Mark]] = {}
    for (lane, slot), names in sorted(slots.items()):
        marks = tracks.setdefault(lane, [])
        if marks and marks[-1].last == slot - 1:
            marks[-1].last = slot
            marks[-1].names += [name for name in names if name not in marks[-1].names]
        else:
            marks.append(Mark(slot, slot, list(dict.fromkeys(names))))
    return tracks
