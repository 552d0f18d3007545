"""The last runs of a flow as a little picture: height is how long, shape is how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import Row

from webapp.queries import timetable
from webapp.web import filters

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
class Past:
    """How the last runs went, in a picture and in words."""

    runs: list[Run]
    said: str
    last_ok: float | None
    """Seconds that the last one took that completed."""


def past_of(runs: Sequence[Row[Any]]) -> Past:
    """The picture of these runs, the oldest first."""
    done = [run for run in runs if run.status == "completed"]
    return Past(_pictures(runs), _runs_said(runs), _took(done[-1]) if done else None)


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
