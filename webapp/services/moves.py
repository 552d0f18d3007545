"""The only writer of a task's status; what a move means for lane, session and log goes with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam, delete, exists, insert, or_, select, update

from webapp.db import db
from webapp.domain.errors import LostAttempt, NoSuchTask
from webapp.domain.messages import sentence
from webapp.domain.receipts import UNREAD
from webapp.domain.task_state import FINAL, Status, after
from webapp.models import Instruction, Task, WorkSession
from webapp.services import activity, bulk, counts, locks
from webapp.services.activity import USER, Entry
from webapp.services.bulk import Taken
from webapp.services.notices import aftermath

_tasks = Task.__table__
_sessions = WorkSession.__table__
_instructions = Instruction.__table__


@dataclass(frozen=True)
class Standing:
    """What a move needs to know of a task before it is made."""

    task_id: str
    status: Status
    attempt: int
    lane: str
    session_id: str
    flow_id: str | None
    agent: str
    task_description: str
    started_at: datetime | None
    updated_at: datetime
    wish: str | None
    wish_reason: str | None
    max_retries: int
    unread: bool
    """Whether it was given instructions that it has not read yet."""

    def at(self, now: datetime) -> datetime:
        """When what follows happens: never before what has happened to the task.

        A transaction may have waited for others since ``now``, and a clock may be turned back.
        """
        return max(now, self.updated_at)


STANDING = (
    _tasks.c.task_id,
    _tasks.c.status,
    _tasks.c.attempt,
    _tasks.c.lane,
    _tasks.c.session_id,
    _tasks.c.flow_id,
    _tasks.c.agent,
    _tasks.c.task_description,
    _tasks.c.started_at,
    _tasks.c.updated_at,
    _tasks.c.wish,
    _tasks.c.wish_reason,
    _tasks.c.max_retries,
    exists()
    .where(
        _instructions.c.task_id == _tasks.c.task_id,
        or_(*(_instructions.c.state == state for state in UNREAD)),
    )
    .label("unread"),
)

# Every task passes these several times: they are built once, for building costs SQLAlchemy more
# than the database needs to execute them. What is SET is named where they are executed.
_of_task = _tasks.c.task_id == bindparam("of_task")
_LOOK = select(*STANDING).where(_of_task).with_for_update()
_MOVE = (
    update(_tasks)
    .where(_of_task, _tasks.c.status == bindparam("source"), _tasks.c.attempt == bindparam("was"))
    .values(version=_tasks.c.version + 1)
)
_TOUCH = update(_tasks).where(_of_task).values(version=_tasks.c.version + 1)
_ADMIT = insert(_tasks)
_JOIN = (
    update(_sessions)
    .where(_sessions.c.session_id == bindparam("of_session"))
    .values(task_count=_sessions.c.task_count + 1)
)


def standing(row: Any) -> Standing:
    """The standing in a row that selected ``STANDING`` first, and perhaps more."""
    task_id, status, *others = row[: len(STANDING)]
    return Standing(task_id, Status(status), *others)


def look(task_id: str, attempt: int | None = None) -> Standing:
    """Lock a task with its lane, and say how it stands.

    Raises NoSuchTask, or LostAttempt where ``attempt`` is no longer the task's own running one.
    """
    locks.lane_of(task_id)
    row = db.session.execute(_LOOK, {"of_task": task_id}).one_or_none()
    if row is None:
        raise NoSuchTask(task_id=task_id)
    found = standing(row)
    if attempt is not None and (
        found.attempt != attempt or found.status not in (Status.RUNNING, Status.PAUSED)
    ):
        raise LostAttempt(task_id=task_id, attempt=attempt)
    return found


def admit(values: dict[str, Any], now: datetime) -> None:
    """Let a new task into its lane, pending. Its session must be there."""
    first = {"status": Status.PENDING, "created_at": now, "updated_at": now, "version": 1}
    db.session.execute(_ADMIT, {**first, **values})
    counts.moved(values["lane"], None, Status.PENDING)
    db.session.execute(
        _JOIN,
        {
            "of_session": values["session_id"],
            "newest_task_id": values["task_id"],
            "status": Status.PENDING,
            "last_activity": now,
        },
    )


def admit_many(
    tasks: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    opened: Sequence[Mapping[str, Any]],
    shared: Mapping[str, Any],
    taken: Taken,
) -> int:
    """Let new tasks into their lanes, pending, as `admit` does, in a statement for each table.

    ``opened`` are the sessions that are made for the first of them, with its ``newest_task_id``;
    those of the others must be there. Returns how many found what is to be taken over.
    """
    waiting = str(Status.PENDING)  # drivers take longer for what is a kind of text
    first = {"status": waiting, "created_at": now, "updated_at": now, "version": 1}
    joining = {"status": waiting, "last_activity": now}
    new = {"task_count": 1, "activity_count": 0, "created_at": now, **joining}
    made = {session["session_id"] for session in opened}
    bulk.insert_many(_sessions, [{**new, **session} for session in opened])
    found = bulk.insert_with(_tasks, tasks, {**first, **shared}, taken)
    counts.joined(Counter(values["lane"] for values in tasks))
    for values in tasks:
        if (session_id := values["session_id"]) not in made:
            which = {"of_session": session_id, "newest_task_id": values["task_id"]}
            db.session.execute(_JOIN, {**which, **joining})
    return found


def move(
    task: Standing, name: str, now: datetime, entries: Sequence[Entry] = (), **columns: Any
) -> datetime:
    """Take one step in a task's life and log it, or raise IllegalMove. The caller commits.

    ``entries`` go to the log after the opening one, which every task gets at its first move out
    of waiting. ``columns`` are written to the task in the same statement. What its end means for
    its flow follows in the same transaction. Returns the time that was written.
    """
    target, now = after(task.status, name), task.at(now)
    if target is Status.RUNNING and task.started_at is None:
        columns["started_at"] = now
    if target in FINAL:
        columns["completed_at"] = now
    if target not in (Status.RUNNING, Status.PAUSED):
        columns.update(wish=None, wish_reason=None, wish_by=None, wish_at=None, runner_id=None)
    which = {"of_task": task.task_id, "source": task.status, "was": task.attempt}
    values = {**which, "status": target, "updated_at": now, **columns}
    moved = cast(CursorResult[Any], db.session.execute(_MOVE, values))
    if moved.rowcount == 0:
        raise LostAttempt(task_id=task.task_id, attempt=task.attempt)
    counts.moved(task.lane, task.status, target)
    if task.started_at is None and (target is Status.RUNNING or target in FINAL):
        entries = [_opening(task, columns), *entries]
    activity.append(task.session_id, entries, now, moved=(task.task_id, target))
    if task.flow_id is not None and target in FINAL:
        error = columns.get("error_message")
        aftermath.ended(task.flow_id, task.task_id, target, error, now)
    return now


def touch(task: Standing, now: datetime, **columns: Any) -> None:
    """Write columns other than the status, so that whoever watches the task sees a new version."""
    values = {"of_task": task.task_id, "updated_at": task.at(now), **columns}
    db.session.execute(_TOUCH, values)
    counts.bump(task.lane)


def forget(task: Standing) -> None:
    """Take a task that is about to be deleted out of its lane's and session's counts."""
    counts.moved(task.lane, task.status, None)
    counts.leave(task.session_id, 1, besides=task.task_id)


def drop(task_ids: Sequence[str]) -> Counter[str]:
    """Delete final tasks with all that hangs on them, and take them out of their lanes' counts.

    Returns how many went of each session, whose own counts are left to `counts.leave_many`, or to
    whoever deletes the session, too.
    """
    locks.lanes_of(_tasks.c.task_id.in_(task_ids))
    named = select(_tasks.c.seq, _tasks.c.lane, _tasks.c.status, _tasks.c.session_id).where(
        _tasks.c.task_id.in_(task_ids)  # and nothing else: an index of statuses would mislead
    )
    rows = [row for row in db.session.execute(named.with_for_update()) if row.status in FINAL]
    db.session.execute(delete(_tasks).where(_tasks.c.seq.in_([row.seq for row in rows])))
    counts.dropped(Counter((row.lane, row.status) for row in rows))
    return Counter(row.session_id for row in rows)


def respell(task_id: str, found: str, now: datetime) -> None:
    """Write a status that is none of the six words as the one it means, or else as failed.

    Whoever wrote it so counted it in no lane: the lane is counted anew.
    """
    word = found.strip().lower()
    known = word in list(Status)
    columns: dict[str, Any] = {"status": word if known else Status.FAILED}
    if not known:
        columns["error_message"] = sentence("interrupted_unknown", {})
        columns["error_code"] = "interrupted_unknown"
    task = db.session.execute(
        update(_tasks)
        .where(_tasks.c.task_id == task_id, _tasks.c.status == found)
        .values(version=_tasks.c.version + 1, updated_at=now, **columns)
        .returning(_tasks.c.lane, _tasks.c.session_id)
    ).one()
    counts.recount(task.lane)
    counts.recount_session(task.session_id)


def _opening(task: Standing, columns: dict[str, Any]) -> Entry:
    attempt = columns.get("attempt", task.attempt)
    return Entry(task.task_id, attempt, USER, "request", text=task.task_description)
