"""A schedule as one line of a list or the head of its page: when next, and how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from flask_babel import get_locale, gettext
from sqlalchemy import Row

from webapp.domain.lanes import DRAINING, PAUSED
from webapp.doors.words import words
from webapp.queries import timetable
from webapp.web import filters, schedule_words
from webapp.web.last_runs import Past, past_of
from webapp.web.schedule_form import zone_of
from webapp.web.zones import reader_zone


@dataclass(frozen=True)
class Line:
    """A schedule, and all that a page says of it."""

    row: Row[Any]
    words: str
    city: str
    next: str
    exact: str
    """The next due time with its zone, to the second."""
    pause: str
    ended: bool
    past: Past
    held: str = ""
    """What keeps its runs from beginning, although it is on."""


def lines(
    rows: Sequence[Row[Any]], now: datetime, runs: Mapping[str, list[Row[Any]]] | None = None
) -> list[Line]:
    """The lines of these schedules; their flows' runs are read at once, unless they are known."""
    if runs is None:
        runs = timetable.last_runs([row.flow_id for row in rows])
    held = timetable.held_lanes()
    return [_line(row, runs.get(row.flow_id, []), held.get(row.lane, ""), now) for row in rows]


def _line(row: Row[Any], runs: Sequence[Row[Any]], held: str, now: datetime) -> Line:
    zone, next_at = zone_of(row.timezone), row.next_execution_at
    exact = "" if next_at is None else f"{next_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
    return Line(
        row=row,
        words=words(row.cron_expression, str(get_locale())) if row.cron_expression else "",
        city=schedule_words.city(row.timezone),
        next=_next(next_at, zone, now),
        exact=exact,
        pause=_pause(row),
        ended=row.ends_at is not None and row.ends_at <= now,
        past=past_of(runs),
        held=_held(held) if row.is_enabled else "",
    )


def _next(at: datetime | None, zone: tzinfo, now: datetime) -> str:
    """In the schedule's zone, which is named where the reader's clock shows another time."""
    said = schedule_words.due(at, zone, now)
    if at is None or at.astimezone(zone).utcoffset() == at.astimezone(reader_zone()).utcoffset():
        return said
    return f"{said} {at.astimezone(zone):%Z}"


def _pause(row: Row[Any]) -> str:
    return filters.said(row.pause_code, row.pause_params, gettext("paused after failures"))


def _held(state: str) -> str:
    words = {PAUSED: gettext("lane paused"), DRAINING: gettext("lane draining")}
    return words.get(state, "")
