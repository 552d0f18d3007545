"""A piece of what is due becomes tasks and fates: one transaction for all of it, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select
from uuid_utils import uuid7

from webapp.db import db, transaction
from webapp.domain import parameters
from webapp.domain.cron import Rule
from webapp.domain.errors import Invalid
from webapp.domain.messages import sentence
from webapp.domain.policies import OF_MODELS
from webapp.domain.schedules.fates import FIRED, MISSED, SKIPPED
from webapp.domain.schedules.firing import (
    Fate,
    Frozen,
    Open,
    Plan,
    Room,
    Timing,
    late_ms,
    overlapping,
)
from webapp.domain.task_state import Status
from webapp.models import Flow, Occurrence, Schedule, Task
from webapp.models.tasks import is_open
from webapp.services import audit, claims, controls, counts, flows, moves
from webapp.services.bulk import Taken
from webapp.services.firing import circumstances, holding, ledger, long_freezes
from webapp.services.firing.circumstances import BY
from webapp.services.notices import aftermath
from webapp.services.notices.aftermath import Missed
from webapp.services.submissions import Bounds
from webapp.services.workspaces import workspace_of

_flows = Flow.__table__
_occurrences = Occurrence.__table__
_schedules = Schedule.__table__
_tasks = Task.__table__

_REPLACED = (
    select(_tasks.c.task_id)
    .where(_tasks.c.flow_id == bindparam("of_flow"), is_open(_tasks))
    .order_by(_tasks.c.seq)
)
_OF_ALL = {"attempt": 0, "submitted_by": BY, "abandoned": False}
_OF_FLOW = Taken(
    _flows,
    by={"flow_id": "flow_id", "flow_version": "version"},
    columns=(
        *("task_description", "agent", "agent_settings", "priority"),
        *OF_MODELS,
        *("timeout_s", "silence_timeout_s"),
        *("max_retries", "retry_delay_s", "rerun_interrupted"),
    ),
)
"""What a run takes over from its flow never passes through here."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A schedule with its flow as they were read, and what is to become of its due times."""

    row: Row[Any]
    rule: Rule
    timing: Timing
    plan: Plan
    frozen: Frozen | None


@dataclass(slots=True)
class Fired:
    """What was done: how many of each fate, and whom it concerns."""

    fates: Counter[str] = field(default_factory=Counter)
    lanes: set[str] = field(default_factory=set)
    """Those that have a new task."""
    stopped: list[str] = field(default_factory=list)
    """Active tasks that are to stop for their successors."""
    left: bool = False
    """Whether some were changed while they were looked at, and are to be looked at again."""

    def add(self, other: Fired) -> None:
        """Count another piece in."""
        self.left = self.left or other.left
        self.fates += other.fates
        self.lanes |= other.lanes
        self.stopped += other.stopped


@dataclass(frozen=True, slots=True)
class Terms:
    """What the server allows: its bounds, and which agents it has."""

    bounds: Bounds
    agents: frozenset[str] | None = None
    """None: whichever is named is taken to be there."""


@transaction
def fire(batch: Sequence[Ready], terms: Terms, now: datetime, *, look_twice: bool = False) -> Fired:
    """Give every due time of these schedules its fate, with the tasks of those that are fired.

    Schedules that somebody else fires or has changed meanwhile are left for the next look; so is
    everything if the lineup was frozen or thawed. ``look_twice`` leaves out due times that have
    their fate, as they may where a clock was put back.
    """
    holding.lock([ready.row for ready in batch if ready.plan.fire])
    if circumstances.frozen() != batch[0].frozen:
        return Fired(left=True)
    runs = holding.still_as_read([ready.row for ready in batch])
    still = [ready for ready in batch if ready.row.id in runs]
    fired = _Piece(still, runs, terms, now).write(look_twice)
    fired.left = len(still) < len(batch)
    return fired


@transaction
def rehearse(now: datetime) -> None:
    """Have the statements compiled: the first that is due need not wait for that.

    What they ask for is not there.
    """
    circumstances.frozen()
    circumstances.room(0)
    circumstances.draining()
    holding.rehearse(now)
    counts.joined(Counter({"": 0}))


class _Piece:
    """What is written in one transaction."""

    def __init__(
        self, batch: Sequence[Ready], runs: Mapping[int, Open], terms: Terms, now: datetime
    ) -> None:
        self.batch, self.runs, self.terms, self.now = batch, runs, terms, now
        self.fired = Fired()
        self.tasks: list[dict[str, Any]] = []
        self.opened: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.advanced: list[dict[str, Any]] = []
        self.missed: list[Missed] = []

    def write(self, look_twice: bool) -> Fired:
        firing = any(ready.plan.fire for ready in self.batch)
        self.room = circumstances.room(self.terms.bounds.max_pending) if firing else Room(0)
        self.draining = circumstances.draining() if firing else set()
        for ready in self.batch:
            taken = (
                ledger.decided(ready.row.id, ready.timing.due)
                if look_twice
                else frozenset[datetime]()
            )
            self._decide(ready, taken)
        if self.tasks:
            self._admit()
        ledger.record(self.entries)
        holding.advance(self.advanced)
        aftermath.missed(self.missed, self.now)
        return self.fired

    def _decide(self, ready: Ready, taken: Collection[datetime]) -> None:
        row = ready.row
        fates = [fate for fate in ready.plan.fates if fate.due_at not in taken]
        wanted = [at for at in ready.plan.fire if at not in taken]
        fired: list[datetime] = []
        if wanted and (reason := self._in_the_way(row)) is not None:
            fates += [Fate(at, SKIPPED, *reason) for at in wanted]
        elif wanted:
            runs = self.runs[row.id]
            fired, others = overlapping(row.overlap, wanted, runs, self.room)
            fates += others
            if fired and row.overlap == "replace" and (runs.active or runs.waiting):
                self._replace(row.flow_id)
        fates = long_freezes.fold(ready.row.id, ready.rule, fates, ready.frozen)
        self._record(ready, fates, fired)

    def _record(self, ready: Ready, fates: list[Fate], fired: list[datetime]) -> None:
        ids = [self._task(ready.row, at) for at in fired]
        late = [late_ms(ready.timing, ready.rule, at, self.now) for at in fired]
        for fate in fates:
            self.entries.append(ledger.entry(ready.row.id, fate, None, self.now))
            self.fired.fates[fate.fate] += fate.count
        for at, task_id, late_by in zip(fired, ids, late, strict=True):
            fate = Fate(at, FIRED, late_ms=late_by)
            self.entries.append(ledger.entry(ready.row.id, fate, task_id, self.now))
            self.fired.fates[FIRED] += 1
        self._note_missed(ready.row.flow_id, [fate for fate in fates if fate.fate == MISSED])
        self.advanced.append(
            {
                "of_id": ready.row.id,
                "was": ready.row.next_execution_at,
                "seen": ready.row.version,
                "next": ready.plan.next,
                "next_at": ready.plan.fire_at,
                "more": len(fired),
                "fired_at": self.now if fired else None,
                "at": self.now,
            }
        )

    def _in_the_way(self, row: Row[Any]) -> tuple[str, Mapping[str, Any]] | None:
        """Why nothing of this flow can be fired now: a code and its parameters."""
        if row.lane in self.draining:
            return "skipped_lane_draining", {"lane": row.lane}
        if self.terms.agents is not None and row.agent not in self.terms.agents:
            return "skipped_agent_gone", {"agent": row.agent}
        return None

    def _task(self, row: Row[Any], due_at: datetime) -> str:
        params = _defaults(row.parameters) if row.parameters else {}
        task_id, session_id = str(uuid7()), row.session_id
        if session_id is None:
            session_id = str(uuid7())
            workspace = f"{self.terms.bounds.workspaces}/{session_id}"
            ids = {"session_id": session_id, "newest_task_id": task_id}
            self.opened.append({**ids, "workspace_dir": workspace, "title": row.title})
        else:
            workspaces = self.terms.bounds.workspaces
            _, workspace = workspace_of(session_id, workspaces, self.now, about=row.title)
        waiting = row.waiting_timeout_s
        of_run = {
            "task_id": task_id,  # first: ids ascend, and tasks are numbered as they were due
            "session_id": session_id,
            "workspace_dir": workspace,
            "flow_id": row.flow_id,
            "flow_version": row.flow_version,
            "lane": row.lane,
            "expires_at": None if waiting is None else self.now + timedelta(seconds=waiting),
            "task_metadata": flows.metadata_of(row, params, trigger=BY, due_at=due_at.isoformat()),
        }
        self.tasks.append(of_run)
        self.fired.lanes.add(row.lane)
        return task_id

    def _admit(self) -> None:
        how: dict[str, Any] = {"opened": self.opened, "shared": _OF_ALL, "taken": _OF_FLOW}
        if moves.admit_many(self.tasks, self.now, **how) != len(self.tasks):
            raise holding.Overtaken  # a flow was edited since it was looked at

    def _replace(self, flow_id: str) -> None:
        """Have the runs that are not over end for the one that is fired."""
        reason = sentence("replaced", {})
        ids: Iterable[str] = db.session.execute(_REPLACED, {"of_flow": flow_id}).scalars().all()
        for task_id in ids:
            task = moves.look(task_id)
            if task.status is Status.PENDING:
                claims.cancel(task, BY, reason, self.now)
                audit.note(BY, "stop", task_id, self.now, reason=reason)
            elif task.wish != "stop":
                controls.want(task, "stop", BY, reason, self.now)
                self.fired.stopped.append(task_id)

    def _note_missed(self, flow_id: str, fates: Sequence[Fate]) -> None:
        if fates:
            first, last = fates[0], fates[-1]
            count = sum(fate.count for fate in fates)
            self.missed.append(Missed(flow_id, first.due_at, last.until or last.due_at, count))


def _defaults(declarations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The values of a run that nobody gives any; raises Invalid where one is needed."""
    params, problems = parameters.values(declarations, {})
    if problems:
        raise Invalid.of(problems)
    return params
