"""A schedule as one line of a list or the head of its page: when next, and how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import get_locale, gettext
from sqlalchemy import Row

from webapp.domain.lanes import DRAINING, PAUSED
from webapp.doors.words import words
from webapp.queries import timetable
from webapp.web import filters, schedule_words
from webapp.web.schedule_form import zone_of

LOW, HIGH = 3.0, 16.0
"""Heights of the shortest and the longest of the runs that are shown."""
STEP = 10


@dataclass(frozen=True)
class Run:
    """One of the last runs in the little picture of them."""

    task_id: str
    status: str
    said: str
    x: int
    height: float


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
    runs: list[Run] = field(default_factory=list)
    runs_said: str = ""
    last_ok: float | None = None
    held: str = ""
    """What keeps its runs from beginning, although it is on."""


def lines(rows: Sequence[Row[Any]], now: datetime) -> list[Line]:
    """The lines of these schedules; their flows' runs are read at once."""
    runs = timetable.last_runs([row.flow_id for row in rows])
    held = timetable.held_lanes()
    return [_line(row, runs.get(row.flow_id, []), held.get(row.lane, ""), now) for row in rows]


def _line(row: Row[Any], runs: Sequence[Row[Any]], held: str, now: datetime) -> Line:
    zone, next_at = zone_of(row.timezone), row.next_execution_at
    done = [run for run in runs if run.status == "completed"]
    exact = "" if next_at is None else f"{next_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
    return Line(
        row=row,
        words=words(row.cron_expression, str(get_locale())) if row.cron_expression else "",
        city=schedule_words.city(row.timezone),
        next=schedule_words.due(next_at, zone, now),
        exact=exact,
        pause=_pause(row),
        ended=row.ends_at is not None and row.ends_at <= now,
        runs=_pictures(runs),
        runs_said=_runs_said(runs),
        last_ok=_took(done[-1]) if done else None,
        held=_held(held) if row.is_enabled else "",
    )


def _pause(row: Row[Any]) -> str:
    return filters.said(row.pause_code, row.pause_params, gettext("paused after failures"))


def _held(state: str) -> str:
    words = {PAUSED: gettext("lane paused"), DRAINING: gettext("lane draining")}
    return words.get(state, "")


def _took(run: Row[Any]) -> float | None:
    if run.started_at is None or run.completed_at is None:
        return None
    return float((run.completed_at - run.started_at).total_seconds())


def _pictures(runs: Sequence[Row[Any]]) -> list[Run]:
    longest = max((_took(run) or 0.0 for run in runs), default=0.0) or 1.0
    before = timetable.RUNS - len(runs)
    return [
        Run(
            task_id=run.task_id,
            status=run.status,
            said=_said(run),
            x=(before + place) * STEP,
            height=round(LOW + (HIGH - LOW) * (_took(run) or 0.0) / longest, 1),
        )
        for place, run in enumerate(runs)
    ]


def _said(run: Row[Any]) -> str:
    sign_and_word = filters.STATUS.get(run.status)
    parts = [gettext(sign_and_word[1]) if sign_and_word else run.status]
    if (seconds := _took(run)) is not None:
        parts.append(filters.took(seconds))
    if run.status == "failed":
        parts.append(filters.brief(filters.said(run.error_code, run.error_params, run.error)))
    when = run.started_at or run.created_at
    return f"{when:%Y-%m-%d %H:%M} UTC: {', '.join(part for part in parts if part)}"


def _runs_said(runs: Sequence[Row[Any]]) -> str:
    counts = {name: sum(run.status == name for run in runs) for name in filters.STATUS}
    told = [
        f"{count} {gettext(filters.STATUS[name][1])}" for name, count in counts.items() if count
    ]
    return gettext("The last %(n)s runs: %(counts)s", n=len(runs), counts=", ".join(told))
