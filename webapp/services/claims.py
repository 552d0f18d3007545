"""A runner takes a task, and says at the end what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from webapp.db import db, transaction
from webapp.domain import outcome as outcomes
from webapp.domain.errors import LostAttempt
from webapp.domain.messages import sentence
from webapp.domain.outcome import Outcome
from webapp.domain.policies import MAX_INTERRUPTIONS
from webapp.domain.receipts import UNREAD, Receipt
from webapp.domain.retry import backoff
from webapp.domain.spending import UNLIMITED, Allowance
from webapp.models import Attempt, Instruction, Lane, Task
from webapp.models.tasks import is_pending, waits_in_vain
from webapp.services import locks, moves
from webapp.services.activity import SYSTEM, USER, Entry
from webapp.services.moves import STANDING, Standing, standing
from webapp.services.news import News, settle
from webapp.services.next_up import NEXT

_tasks = Task.__table__
_attempts = Attempt.__table__
_instructions = Instruction.__table__
_lanes = Lane.__table__

ONE_ACTIVE = (
    *("UNIQUE constraint failed: tasks.lane", "uq_tasks_active_lane"),
    *("UNIQUE constraint failed: tasks.session_id", "uq_tasks_active_talk"),
)
"""How the databases name the indexes that allow one active task per lane, and per conversation."""
_AGAIN = select(_tasks.c.retry_delay_s, _tasks.c.rerun_interrupted).where(
    _tasks.c.task_id == bindparam("of_task")
)
_BEGIN_ATTEMPT = insert(_attempts)
_END_ATTEMPT = update(_attempts).where(
    _attempts.c.task_id == bindparam("of_task"), _attempts.c.number == bindparam("of_attempt")
)
_NEVER_READ = (
    update(_instructions)
    .where(
        _instructions.c.task_id == bindparam("of_task"),
        _instructions.c.attempt == bindparam("of_attempt"),
        or_(*(_instructions.c.state == state for state in UNREAD)),
    )
    .values(state=Receipt.NEVER_READ)
)


@dataclass(frozen=True)
class Assignment:
    """One attempt at a task, as it was when it was claimed: all a run needs to know."""

    task_id: str
    attempt: int
    session_id: str
    lane: str
    flow_id: str | None
    agent: str
    task_description: str
    settings: Mapping[str, Any]
    workspace_dir: Path
    upload_files: tuple[Path, ...]
    params: Mapping[str, Any]
    due_at: str | None
    timeout_s: float | None
    silence_timeout_s: float | None
    equipment: Any = None
    """What the runtime gives an agent that uses a model."""


def claim_next(
    lane: str, runner_id: str, now: datetime, *, allowance: Allowance = UNLIMITED
) -> Assignment | None:
    """Take the lane's next task, or None: nothing is due, or the lane is busy.

    That one task is active per lane is a rule of the database; a runner that comes second is
    refused by its index, which here means "busy".
    """
    try:
        return transaction(_claim)(lane, runner_id, now, allowance)
    except IntegrityError as error:
        if not any(name in str(error.orig) for name in ONE_ACTIVE):
            raise
        return None


@transaction
def conclude(
    assignment: Assignment,
    outcome: Outcome,
    news: News,
    now: datetime,
    *,
    next_for: str | None,
    allowance: Allowance = UNLIMITED,
) -> Assignment | None:
    """Write down what became of a run and take the lane's next task for runner ``next_for``.

    Raises LostAttempt, and changes nothing, where the run is no longer the task's own. Nobody
    else can claim in between: to end the run locks the lane's row, if not the database.
    """
    _finish(assignment.task_id, assignment.attempt, outcome, news, now)
    if next_for is None:
        return None
    return _claim(assignment.lane, next_for, now, allowance)


@transaction
def rescue(task_id: str, attempt: int, outcome: Outcome, now: datetime) -> bool:
    """End a task whose runner is dead; False if the attempt is not active any more."""
    try:
        _finish(task_id, attempt, outcome, News(), now)
    except LostAttempt:
        return False
    return True


@transaction
def give_up_waiting(now: datetime) -> int:
    """Fail the tasks whose waiting time ran out; returns how many."""
    in_vain = waits_in_vain(_tasks, now)
    locks.lanes_of(in_vain)
    rows = db.session.execute(
        select(*STANDING).where(in_vain).order_by(_tasks.c.seq).limit(500).with_for_update()
    ).all()
    for row in rows:
        _give_up(standing(row), "waited_too_long", now)
    return len(rows)


@transaction
def give_up_without_agent(agents: frozenset[str], now: datetime) -> int:
    """Fail the waiting tasks whose agent is not there any more; returns how many."""
    locks.lanes_of(is_pending(_tasks) & _tasks.c.agent.not_in(agents))
    rows = db.session.execute(
        select(*STANDING)
        .where(is_pending(_tasks), _tasks.c.agent.not_in(agents))
        .limit(500)
        .with_for_update()
    ).all()
    for row in rows:
        _give_up(standing(row), "agent_gone", now, agent=row.agent)
    return len(rows)


def _finish(task_id: str, attempt: int, outcome: Outcome, news: News, now: datetime) -> None:
    """Move an active task to its end, or back to waiting if another attempt is due."""
    task = moves.look(task_id, attempt)
    if task.wish == "stop" and outcome.move != "stop":
        outcome = outcomes.stopped(outcome.result, outcome.exit_code)
    if task.wish == "pause":
        late = Entry(task_id, attempt, SYSTEM, "working", "ended_unpaused")
        news = replace(news, entries=[*news.entries, late])
    if outcome.move == "fail" and (again := _again(task, outcome, now)) is not None:
        entries = [*news.entries, again[0]]
        fresh: dict[str, Any] = {"progress": None, "pause_reason": None}
        if outcome.was_interrupted:
            fresh["abandoned"] = False  # its code went with the process it ran in
        ended = moves.move(task, "retry", now, entries, not_before=again[1], **fresh)
    else:
        ended = _end(task, outcome, news, now)
    _close_attempt(task, outcome, news, ended)


def _claim(lane: str, runner_id: str, now: datetime, allowance: Allowance) -> Assignment | None:
    locks.lane(lane)
    row = db.session.execute(NEXT, {"of_lane": lane, "now": now, **asdict(allowance)}).one_or_none()
    if row is None:
        return None
    task = standing(row)
    number = task.attempt + 1
    again = Entry(task.task_id, number, SYSTEM, "working", "attempt_started", {"attempt": number})
    began = moves.move(
        task,
        "claim",
        now,
        [again] if number > 1 else [],
        attempt=number,
        runner_id=runner_id,
        progress=None,
    )
    begun = {"task_id": task.task_id, "number": number, "runner_id": runner_id, "started_at": began}
    db.session.execute(_BEGIN_ATTEMPT, begun)
    return Assignment(
        task_id=task.task_id,
        attempt=number,
        session_id=task.session_id,
        lane=lane,
        flow_id=task.flow_id,
        agent=task.agent,
        task_description=task.task_description,
        settings=row.agent_settings,
        workspace_dir=Path(row.workspace_dir),
        upload_files=tuple(Path(file["path"]) for file in row.upload_files or ()),
        params=(row.task_metadata or {}).get("params", {}),
        due_at=(row.task_metadata or {}).get("due_at"),
        timeout_s=row.timeout_s,
        silence_timeout_s=row.silence_timeout_s,
    )


def _end(task: Standing, outcome: Outcome, news: News, now: datetime) -> datetime:
    columns: dict[str, Any] = {"task_result": outcome.result}
    if outcome.reports:
        columns["report_path"] = _report_path(task, outcome)
    if outcome.move == "complete":
        entry = _done(task, "completed")
        columns["progress"] = None
    elif outcome.move == "stop":
        columns["stop_reason"] = reason = task.wish_reason
        entry = _done(task, "stopped_because", reason=reason) if reason else _done(task, "stopped")
    else:
        error = _said(outcome)
        columns.update(
            error_message=error, error_code=outcome.code, error_params=dict(outcome.params) or None
        )
        entry = _done(task, "failed", error=error)
    return moves.move(task, outcome.move, now, [*news.entries, entry], **columns)


def _again(task: Standing, outcome: Outcome, now: datetime) -> tuple[Entry, datetime] | None:
    """What is logged of another attempt, and when it is due; None if there is to be none.

    An interruption counts as an attempt, so that a task that kills its server is not run for ever.
    """
    retries = outcome.may_retry and task.attempt <= task.max_retries
    if not retries and not outcome.was_interrupted:
        return None
    how = db.session.execute(_AGAIN, {"of_task": task.task_id}).one()
    params: dict[str, Any] = {"attempt": task.attempt, "error": _said(outcome)}
    if retries:
        rest = backoff(task.task_id, task.attempt, how.retry_delay_s)
        code, params["seconds"] = "attempt_failed", round(rest.total_seconds())
    elif how.rerun_interrupted and task.attempt <= task.max_retries + MAX_INTERRUPTIONS:
        code, rest = "attempt_interrupted", timedelta()
    else:
        return None
    return Entry(task.task_id, task.attempt, SYSTEM, "retrying", code, params), now + rest


def _close_attempt(task: Standing, outcome: Outcome, news: News, now: datetime) -> None:
    settle(task.task_id, news.receipts, now)
    words = {"complete": "completed", "fail": "failed", "stop": "stopped"}
    error = _said(outcome) if outcome.move == "fail" else None
    which = {"of_task": task.task_id, "of_attempt": task.attempt}
    ended = {"ended_at": now, "outcome": words[outcome.move], "exit_code": outcome.exit_code}
    told = {"error": error, "reports": [dict(report) for report in outcome.reports] or None}
    db.session.execute(_END_ATTEMPT, {**which, **ended, **told})
    if task.unread:
        db.session.execute(_NEVER_READ, which)


def _give_up(task: Standing, code: str, now: datetime, **params: Any) -> None:
    error = sentence(code, params)
    moves.move(
        task,
        "give_up",
        now,
        [_done(task, "failed", error=error)],
        error_message=error,
        error_code=code,
        error_params=params or None,
    )


def cancel(task: Standing, by: str, reason: str | None, now: datetime) -> None:
    """Stop a task that still waits: both its opening and its closing entry are written."""
    entry = _done(task, "stopped_because", reason=reason) if reason else _done(task, "stopped")
    moves.move(task, "cancel", now, [asked(task, "stop", by, reason), entry], stop_reason=reason)


def asked(task: Standing, what: str, by: str, reason: str | None) -> Entry:
    """That somebody asked something of a task, and why if that was said."""
    code = f"{what}_asked_because" if reason else f"{what}_asked"
    params = {"by": by, "reason": reason} if reason else {"by": by}
    return Entry(task.task_id, task.attempt, USER, what, code, params)


def _report_path(task: Standing, outcome: Outcome) -> str:
    workspace = select(_tasks.c.workspace_dir).where(_tasks.c.task_id == task.task_id)
    return str(Path(db.session.execute(workspace).scalar_one(), outcome.reports[0]["path"]))


def _done(task: Standing, code: str, **params: Any) -> Entry:
    return Entry(task.task_id, task.attempt, task.agent, "done", code, params)


def _said(outcome: Outcome) -> str:
    return outcome.message or sentence(outcome.code or "failed_somehow", outcome.params)
