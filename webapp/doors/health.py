"""Does anything run tasks? One answer, for the pages, for monitors and for the strip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from webapp.domain.messages import sentence
from webapp.ports import Snapshot, ports
from webapp.queries import board, runs

SILENT = timedelta(seconds=90)
"""A runner of another process that has not shown itself for so long is taken for dead."""
LATE = timedelta(seconds=60)
"""The scheduler ticks every two seconds; silent for so long it is stuck."""


@dataclass(frozen=True)
class Problem:
    """Why tasks are not run: a message code and its parameters."""

    code: str
    params: Mapping[str, Any]

    def __str__(self) -> str:
        """The English sentence."""
        return sentence(self.code, self.params)


@dataclass(frozen=True)
class Health:
    """How the part that runs tasks is doing, here and in other processes."""

    at: datetime
    own: Snapshot
    runners: Sequence[Row[Any]]
    """All that have shown lately that they live."""
    oldest_waiting: datetime | None

    @property
    def runs_tasks(self) -> bool:
        """Whether what is submitted will be run."""
        return not self.problems

    @property
    def problems(self) -> list[Problem]:
        """What keeps tasks from being run; empty if they are."""
        return _problems(self.own, self.at) if self.own.lanes else _without(self.runners)

    @property
    def tick_age_s(self) -> float | None:
        """Seconds since this process looked round; None if it never does."""
        return _seconds(self.own.last_tick, self.at)

    @property
    def oldest_waiting_s(self) -> float | None:
        """How long the task has waited that has waited longest; None if none does."""
        return _seconds(self.oldest_waiting, self.at)


def look(now: datetime) -> Health:
    """All there is to say."""
    living = board.runners(now - SILENT)
    return Health(now, ports().health.snapshot(), living, runs.oldest_waiting())


def runs_tasks(now: datetime) -> bool:
    """The same answer as `Health.runs_tasks`, without a query where this process knows it."""
    own = ports().health.snapshot()
    if own.lanes:
        return not _problems(own, now)
    return not _without(board.runners(now - SILENT))


def _problems(own: Snapshot, now: datetime) -> list[Problem]:
    found = [Problem("lane_dead", {"lane": name}) for name, alive in own.lanes.items() if not alive]
    if own.last_tick is not None and now - own.last_tick > LATE:
        late = round((now - own.last_tick).total_seconds())
        found.append(Problem("ticks_late", {"seconds": late}))
    return found


def _without(runners: Sequence[Row[Any]]) -> list[Problem]:
    return [] if runners else [Problem("nothing_runs", {})]


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds())
