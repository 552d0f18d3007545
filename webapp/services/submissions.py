"""Taking a task in: the busy rule, the bounds, and the promise of an Idempotency-Key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert, select
from uuid_utils import uuid7

from webapp.db import db, transaction
from webapp.domain.errors import Conflict, Gone, TooMany, Unprocessable
from webapp.domain.policies import IDEMPOTENCY_HOURS, MAIN_LANE, OF_MODELS
from webapp.domain.secrets import masked
from webapp.domain.task_state import OPEN
from webapp.models import Freeze, IdempotencyKey, Lane, Task, WorkSession
from webapp.services import audit, lanes, locks, moves
from webapp.services.firing import circumstances
from webapp.services.uploads import Wanted, given, session_of
from webapp.services.workspaces import workspace_of

_tasks = Task.__table__
_lanes = Lane.__table__
_sessions = WorkSession.__table__
_keys = IdempotencyKey.__table__

_FROZEN = select(Freeze.__table__.c.reason)
_WAITING = select(func.sum(_lanes.c.pending))

RETRY_AFTER_S = 30
REMEMBERED = timedelta(hours=IDEMPOTENCY_HOURS)


@dataclass(frozen=True)
class Submission:
    """What somebody wants done, checked field by field at the door."""

    task_description: str
    agent: str
    agent_settings: Mapping[str, Any]
    session_id: str | None = None
    lane: str = MAIN_LANE
    priority: int = 0
    timeout_s: float | None = None
    silence_timeout_s: float | None = None
    waiting_timeout_s: float | None = None
    max_retries: int = 0
    when_busy: str = "reject"
    rerun_of: str | None = None
    upload_file_ids: tuple[str, ...] = ()
    upload_files_path: str | None = None
    retry_delay_s: float | None = None
    rerun_interrupted: bool = False
    flow_id: str | None = None
    task_metadata: Mapping[str, Any] | None = None
    """Of a flow's run: ``{trigger, params, flow_name}``; with ``due_at`` if it was scheduled."""

    @property
    def of_models(self) -> dict[str, Any]:
        """The columns by which tasks of models are found and shown; the settings count."""
        shown = masked({name: self.agent_settings.get(name) for name in OF_MODELS})
        return {**shown, "agent_mode": shown["agent_mode"] or "thinking"}


@dataclass(frozen=True)
class Promise:
    """An Idempotency-Key: the same key and body from the same principal get one answer."""

    route: str
    key: str
    body_hash: str


@dataclass(frozen=True)
class Bounds:
    """What the server's settings allow, and where it keeps workspaces."""

    max_pending: int
    workspaces: Path


@dataclass(frozen=True)
class Submitted:
    """A task that is in."""

    task_id: str
    session_id: str
    workspace_dir: str
    lane: str
    waiting: int
    """How many tasks of the lane are before it."""
    frozen: str | None = None
    """Why nothing new begins at the moment."""
    llm_profile: str | None = None


def take(
    submission: Submission,
    *,
    by: str,
    bounds: Bounds,
    now: datetime,
    promise: Promise | None = None,
) -> Submitted:
    """Store a task as pending, or refuse: Conflict when busy, TooMany when full.

    For verbs that are in their transaction already; `submit` is one by itself.
    The lane's row is locked first, so that of any number of simultaneous submissions that are to
    be rejected by a busy lane exactly one gets in.
    """
    locks.lane(submission.lane)  # so that a request repeated meanwhile is seen
    if promise is not None and (earlier := kept(promise, by=by, now=now)) is not None:
        return earlier
    lane = lanes.taking(submission.lane)
    ahead = lane.pending + lane.running + lane.paused
    if ahead and submission.when_busy == "reject":
        raise busy(submission.lane)
    pending = db.session.execute(_WAITING).scalar_one()
    if pending >= bounds.max_pending:
        pending -= circumstances.scheduled_waiting()  # which have a bound of their own
    if pending >= bounds.max_pending:
        raise TooMany("queue_full", retry_after_s=RETRY_AFTER_S, limit=bounds.max_pending)
    task_id = str(uuid7())
    wanted = Wanted(submission.upload_file_ids, submission.upload_files_path)
    session_id, workspace = workspace_of(
        submission.session_id or session_of(wanted),
        bounds.workspaces,
        now,
        about=submission.task_description,
    )
    uploads = given(wanted, session_id)
    frozen = db.session.execute(_FROZEN).scalar_one_or_none()
    profile = submission.agent_settings.get("llm_profile_name")
    submitted = Submitted(
        task_id, session_id, workspace, submission.lane, ahead, frozen, llm_profile=profile
    )
    moves.admit({**columns(submission, submitted, by, now), **uploads}, now)
    if promise is not None:
        _keep(promise, submitted, by, now)
    audit.note(by, "submit", task_id, now, agent=submission.agent, lane=submission.lane)
    return submitted


submit = transaction(take)


def kept(promise: Promise, *, by: str, now: datetime) -> Submitted | None:
    """What was answered to this key before, or None. Only reads: doors ask before they parse.

    Raises Unprocessable for another body, and Gone if the task was deleted.
    """
    row = db.session.execute(
        select(_keys).where(
            _keys.c.principal == by,
            _keys.c.route == promise.route,
            _keys.c.key == promise.key,
            _keys.c.created_at >= now - REMEMBERED,
        )
    ).one_or_none()
    if row is None:
        return None
    if row.body_hash != promise.body_hash:
        raise Unprocessable("idempotency_key_reused")
    exists = select(_sessions.c.deleted_at).join(
        _tasks, (_tasks.c.session_id == _sessions.c.session_id) & (_tasks.c.task_id == row.task_id)
    )
    found = db.session.execute(exists).one_or_none()
    if found is None or found.deleted_at is not None:
        raise Gone("task_deleted", task_id=row.task_id)
    return Submitted(**row.answer)


def columns(submission: Submission, submitted: Submitted, by: str, now: datetime) -> dict[str, Any]:
    """The columns of a new task, besides what it is given of files and what `admit` adds."""
    waiting = submission.waiting_timeout_s
    return {
        "task_id": submitted.task_id,
        "session_id": submitted.session_id,
        "workspace_dir": submitted.workspace_dir,
        "task_description": submission.task_description,
        "agent": submission.agent,
        "agent_settings": dict(submission.agent_settings),
        **submission.of_models,
        "lane": submission.lane,
        "priority": submission.priority,
        "attempt": 0,
        "timeout_s": submission.timeout_s,
        "silence_timeout_s": submission.silence_timeout_s,
        "expires_at": now + timedelta(seconds=waiting) if waiting is not None else None,
        "max_retries": submission.max_retries,
        "retry_delay_s": submission.retry_delay_s,
        "rerun_interrupted": submission.rerun_interrupted,
        "flow_id": submission.flow_id,
        "task_metadata": _plain(submission.task_metadata),
        "submitted_by": by,
        "rerun_of": submission.rerun_of,
        "abandoned": False,
    }


def _plain(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return dict(metadata) if metadata is not None else None


def busy(lane: str) -> Conflict:
    """The refusal of what is not to wait, in a lane that is not free; names its oldest task."""
    oldest = db.session.execute(
        select(_tasks.c.task_id, _tasks.c.status, _tasks.c.session_id, _tasks.c.started_at)
        .where(_tasks.c.lane == lane, _tasks.c.status.in_(OPEN))
        .order_by(_tasks.c.seq)
        .limit(1)
    ).one()
    started = oldest.started_at.isoformat() if oldest.started_at else None
    active = {
        "task_id": oldest.task_id,
        "status": oldest.status,
        "session_id": oldest.session_id,
        "start_time": started,
    }
    return Conflict("task_running", extra={"active_task": active}, lane=lane)


def _keep(promise: Promise, submitted: Submitted, by: str, now: datetime) -> None:
    db.session.execute(delete(_keys).where(_keys.c.created_at < now - REMEMBERED))
    db.session.execute(
        insert(_keys).values(
            principal=by,
            route=promise.route,
            key=promise.key,
            body_hash=promise.body_hash,
            task_id=submitted.task_id,
            answer=asdict(submitted),
            created_at=now,
        )
    )
