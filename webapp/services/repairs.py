"""What the doctor mends: each a transaction that looks again before it changes anything."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, func, insert, select, text, update

from webapp.db import db, transaction
from webapp.domain.messages import sentence
from webapp.domain.policies import SEARCHED_CHARACTERS
from webapp.domain.task_state import ACTIVE, FINAL, Status
from webapp.models import Activity, Attempt, Instruction, Task, WorkSession
from webapp.services import audit, counts, locks, moves
from webapp.services.activity import SYSTEM

_tasks = Task.__table__
_sessions = WorkSession.__table__
_activity = Activity.__table__
_attempts = Attempt.__table__
_instructions = Instruction.__table__

BY = "doctor"
MOST_LOST = 1_000
"""Entries that may be missing in a log; where more are, a backup is the better remedy."""


@transaction
def spell(task_id: str, now: datetime) -> bool:
    """Write a task's status as one of the six words; what means none of them becomes failed."""
    found = _locked(task_id)
    if found is None or found.status in list(Status):
        return False
    moves.respell(task_id, found.status, now)
    audit.note(BY, "repair", task_id, now, status=found.status)
    return True


@transaction
def straighten(task_id: str, now: datetime) -> bool:
    """Make a task's times follow from its status; false if they do already."""
    task = _locked(task_id)
    if task is None or task.status not in list(Status):
        return False
    right = _right(task)
    wrong = {name: value for name, value in right.items() if task._mapping[name] != value}
    if not wrong:
        return False
    moves.touch(moves.look(task_id), now, **wrong)
    audit.note(BY, "repair", task_id, now, columns=sorted(wrong))
    return True


@transaction
def recount_lane(name: str, now: datetime) -> bool:
    """Count a lane's tasks anew."""
    counts.recount(name)
    audit.note(BY, "repair", name, now, what="lane counters")
    return True


@transaction
def close_attempt(attempt_id: int, now: datetime) -> bool:
    """End an attempt that its task has left behind."""
    row = db.session.execute(
        select(_attempts, _tasks.c.status, _tasks.c.attempt, _tasks.c.completed_at)
        .join(_tasks, _tasks.c.task_id == _attempts.c.task_id)
        .where(_attempts.c.id == attempt_id, _attempts.c.ended_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if row is None or (row.status in ACTIVE and row.attempt == row.number):
        return False
    last = row.status in FINAL and row.attempt == row.number
    outcome = row.status if last else Status.FAILED
    values: dict[str, Any] = {"ended_at": (row.completed_at if last else None) or now}
    if outcome == Status.FAILED:
        values["error"] = row.error or sentence("interrupted_unknown", {})
    db.session.execute(
        update(_attempts).where(_attempts.c.id == attempt_id).values(outcome=outcome, **values)
    )
    audit.note(BY, "repair", row.task_id, now, attempt=row.number)
    return True


@transaction
def never_read(instruction_id: str) -> bool:
    """An instruction that its task did not read before it was over."""
    done = db.session.execute(
        update(_instructions)
        .where(
            _instructions.c.instruction_id == instruction_id,
            _instructions.c.state.in_(["queued", "delivered"]),
            _instructions.c.task_id.in_(select(_tasks.c.task_id).where(_tasks.c.status.in_(FINAL))),
        )
        .values(state="never_read")
    )
    return cast(CursorResult[Any], done).rowcount > 0


@transaction
def index_anew(now: datetime) -> bool:
    """Have SQLite's index of descriptions know what they are now: some seconds for a million."""
    kept = f"substr(task_description, 1, {SEARCHED_CHARACTERS}) || char(10, 10)"
    db.session.execute(text("INSERT INTO tasks_search(tasks_search) VALUES ('delete-all')"))
    db.session.execute(
        text(f"INSERT INTO tasks_search(rowid, description) SELECT seq, {kept} FROM tasks")
    )
    audit.note(BY, "repair", None, now, what="search index")
    return True


@transaction
def recount_session(session_id: str, now: datetime) -> bool:
    """Have a session say of its tasks what they say themselves."""
    counts.recount_session(session_id)
    audit.note(BY, "repair", session_id, now, what="session counts")
    return True


@transaction
def fill_log(session_id: str, now: datetime) -> bool:
    """Put a word where entries of a session's log are missing: the others keep their places."""
    session = db.session.execute(
        select(_sessions).where(_sessions.c.session_id == session_id).with_for_update()
    ).one_or_none()
    if session is None:
        return False
    logged = _activity.c.session_id == session_id
    count, top = db.session.execute(
        select(func.count(), func.max(_activity.c.message_index)).where(logged)
    ).one()
    length = 0 if top is None else top + 1
    if length - count > MOST_LOST:
        return False
    if length > count:
        there = set(db.session.execute(select(_activity.c.message_index).where(logged)).scalars())
        lost = [_lost(session, index, now) for index in range(length) if index not in there]
        db.session.execute(insert(_activity), lost)
    db.session.execute(
        update(_sessions)
        .where(_sessions.c.session_id == session_id)
        .values(activity_count=length, last_entry=None)
    )
    audit.note(BY, "repair", session_id, now, entries=length - count)
    return True


def _locked(task_id: str) -> Any:
    which = _tasks.c.task_id == task_id
    locks.lanes_of(which)
    return db.session.execute(select(_tasks).where(which).with_for_update()).one_or_none()


def _right(task: Any) -> dict[str, Any]:
    """The times a task must have, from those that it has and those of its attempts."""
    first, ended = db.session.execute(
        select(func.min(_attempts.c.started_at), func.max(_attempts.c.ended_at)).where(
            _attempts.c.task_id == task.task_id
        )
    ).one()
    right: dict[str, Any] = {"started_at": None, "completed_at": None}
    if task.attempt > 0:
        began = task.started_at or first or task.created_at
        right["started_at"] = max(began, task.created_at)
    if task.status in FINAL:
        end = task.completed_at or ended or task.updated_at
        right["completed_at"] = max(end, right["started_at"] or task.created_at)
    if task.status not in ACTIVE:
        right.update(wish=None, wish_reason=None, wish_by=None, wish_at=None, runner_id=None)
    return right


def _lost(session: Any, index: int, now: datetime) -> dict[str, Any]:
    params = {"index": index}
    return {
        "session_id": session.session_id,
        "message_index": index,
        "task_id": session.newest_task_id or "",
        "attempt": 0,
        "agent_name": SYSTEM,
        "agent_status": "working",
        "agent_msg": sentence("entry_lost", params),
        "code": "entry_lost",
        "params": params,
        "timestamp": now,
    }
