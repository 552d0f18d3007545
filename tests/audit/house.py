"""A server without a server: the job that fires schedules, on a clock that a seed turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apiflask import APIFlask
from sqlalchemy import insert, select

from webapp.db import db
from webapp.domain.outcome import completed
from webapp.models import Flow, Schedule
from webapp.ports import KEY
from webapp.runtime.context import Context, identify
from webapp.runtime.firing import Firing
from webapp.services import claims, freeze, runners, schedules
from webapp.services.firing import rounds, writing
from webapp.services.news import News
from webapp.services.schedules import Terms
from webapp.services.submissions import Bounds

_flows = Flow.__table__
_schedules = Schedule.__table__

BY = "audit"
MOMENT = timedelta(milliseconds=1)


@dataclass
class Span:
    """A schedule was on, with one rule: from when on, and until when if that is over."""

    expression: str
    zone: str
    since: datetime
    until: datetime | None = None


@dataclass
class Kept:
    """A schedule, and what was done to it."""

    schedule_id: int
    flow_id: str
    spans: list[Span] = field(default_factory=list)


class House:
    """Schedules, a clock, and the ways in which a server and its people treat them."""

    def __init__(self, app: APIFlask, now: datetime) -> None:
        ports = app.extensions[KEY]
        self.app, self.time = app, now
        self.context = Context(app, ports.settings, ports.agents, ports.output, identify())
        self.context.now = lambda: self.time
        self.context.call(runners.sign_in, self.context.identity, "audit", now)
        self.terms = writing.Terms(Bounds(100_000, ports.settings.data / "workspaces"))
        self.kept: list[Kept] = []
        self.frozen = False
        self.premature: list[tuple[datetime, datetime]] = []
        """From when to when a clock that was ahead let due times have a fate before their time."""
        self.start()

    def start(self) -> None:
        """Start the server: nothing is known but what the database holds."""
        self.job = Firing(self.context, lambda _: None, lambda _: None)

    def tick(self) -> None:
        """The job looks, as at its next wake-up."""
        self.job.tick()

    def waits_for(self) -> datetime | None:
        """When the next schedule is to be fired."""
        return self.context.call(rounds.next_fire_at)

    def jump(self, seconds: float) -> None:
        """Turn the clock, and have it noticed."""
        self.time += timedelta(seconds=seconds)
        self.job.clock_jumped(seconds)
        for kept in self.kept:
            span = kept.spans[-1] if kept.spans else None
            if span is not None and span.until is None:
                span.since = min(span.since, self.time)

    def add(self, expression: str, zone: str, **policy: Any) -> Kept:
        """A flow with its schedule."""
        number = len(self.kept)
        flow_id = f"flow-{number}"
        values = {
            "flow_id": flow_id,
            "name": flow_id,
            "task_description": flow_id,
            "version": 1,
            "agent": "shell",
            "agent_settings": {},
            "parameters": [],
            "lane": "main",
            "priority": 0,
            "max_retries": 0,
            "rerun_interrupted": False,
            "created_by": BY,
            "failures_in_row": 0,
            "agent_mode": "thinking",
            "created_at": self.time,
            "updated_at": self.time,
        }
        with self.app.app_context(), db.engines[None].begin() as connection:
            connection.execute(insert(_flows).values(**values))
        terms = Terms(timezone=zone, cron_expression=expression, **policy)
        self.context.call(schedules.create, flow_id, terms, min_interval_s=1, by=BY, now=self.time)
        kept = Kept(self.row(flow_id).id, flow_id, [Span(expression, zone, self.time)])
        self.kept.append(kept)
        return kept

    def change(self, kept: Kept, changes: Mapping[str, Any]) -> None:
        """Edit a schedule as the doors do: what is due is settled first."""
        self.context.call(rounds.fire_due, self.time, self.terms, flow_id=kept.flow_id)
        self.context.call(
            schedules.change, kept.flow_id, changes, min_interval_s=1, by=BY, now=self.time
        )
        if kept.spans and kept.spans[-1].until is None:
            kept.spans[-1].until = self.time
        row = self.row(kept.flow_id)
        if row.is_enabled:
            kept.spans.append(Span(row.cron_expression, row.timezone, self.time))

    def row(self, flow_id: str) -> Any:
        """A schedule as it is in the database."""
        with self.app.app_context(), db.engines[None].connect() as connection:
            query = select(_schedules).where(_schedules.c.flow_id == flow_id)
            return connection.execute(query).one()

    def turn_freeze(self) -> None:
        """Freeze the lineup, or thaw it."""
        if self.frozen:
            self.context.call(freeze.thaw, by=BY, now=self.time)
        else:
            self.context.call(freeze.freeze, "on purpose", by=BY, now=self.time)
        self.frozen = not self.frozen

    def work(self) -> None:
        """Run everything that waits, one after the other."""
        runner = self.context.identity.runner_id
        assignment = self.context.call(claims.claim_next, "main", runner, self.time)
        while assignment is not None:
            self.time += MOMENT
            assignment = self.context.call(
                claims.conclude, assignment, completed(None), News(), self.time, next_for=runner
            )


def moment(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
