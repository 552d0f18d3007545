"""The last day in figures: what needs a look, how the hours went, and who rode when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from webapp.queries.board import DAY

WIDTH = 960.0
"""Units of the timeline's picture across a day."""
THINNEST = 4.0


@dataclass(frozen=True)
class Trouble:
    """Something that failed and has not succeeded since."""

    task: Row[Any]
    times: int


@dataclass
class Hour:
    """What ended within one hour, ``ago`` hours back."""

    ago: int
    completed: int = 0
    failed: int = 0
    stopped: int = 0

    @property
    def total(self) -> int:
        return self.completed + self.failed + self.stopped


@dataclass(frozen=True)
class Bar:
    """A task's ride in the picture of the day: from ``x`` on, ``width`` units long.

    Rides that would hide one another are one bar: the first, and how many ``more``.
    """

    task_id: str
    title: str
    status: str
    x: float
    width: float
    more: int = 0


@dataclass
class Track:
    """A lane in the picture of the day."""

    lane: str
    bars: list[Bar] = field(default_factory=list)
    ahead: Sequence[Any] = ()
    """What is due in it."""


def troubles(rows: Sequence[Row[Any]]) -> list[Trouble]:
    """What failed last time it was tried, newest first; the same text is the same work."""
    settled: set[tuple[str, str]] = set()
    found: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in rows:
        work = (row.agent, row.headline)
        if row.status == "failed" and work not in settled:
            found.setdefault(work, []).append(row)
        elif row.status != "stopped":
            settled.add(work)
    return [Trouble(tasks[0], len(tasks)) for tasks in found.values()]


def hours(rows: Sequence[Row[Any]], now: datetime) -> list[Hour]:
    """The 24 hours up to now, the oldest first."""
    found = {ago: Hour(ago) for ago in range(24)}
    for row in rows:
        if row.completed_at is None:
            continue
        hour = found.get(max(0, int((now - row.completed_at).total_seconds() // 3600)))
        if hour is not None:
            setattr(hour, row.status, getattr(hour, row.status) + 1)
    return [found[ago] for ago in reversed(range(24))]


def tracks(
    rows: Sequence[Row[Any]], now: datetime, ahead: Mapping[str, Sequence[Any]]
) -> list[Track]:
    """Who rode when in each lane, and what is due in it."""
    tracks = {lane: Track(lane, ahead=marks) for lane, marks in ahead.items()}
    begin = now - DAY
    # Not as they were submitted: an urgent one overtakes.
    for row in sorted((row for row in rows if row.started_at), key=lambda row: row.started_at):
        start = max(begin, row.started_at)
        end = row.completed_at or now
        width = max(THINNEST, (end - start) / DAY * WIDTH)
        x = min((start - begin) / DAY * WIDTH, WIDTH - width)
        bar = Bar(
            task_id=row.task_id,
            title=row.headline,
            status=row.status,
            x=round(x, 1),
            width=round(width, 1),
        )
        track = tracks.setdefault(row.lane, Track(row.lane)).bars
        if track and track[-1].status == bar.status and bar.x - track[-1].x < THINNEST / 2:
            first = track.pop()
            end_x = max(first.x + first.width, bar.x + bar.width)
            bar = replace(first, width=round(end_x - first.x, 1), more=first.more + 1)
        track.append(bar)
    return sorted(tracks.values(), key=lambda track: track.lane)
