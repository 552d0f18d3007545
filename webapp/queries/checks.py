"""What rows contradict: read a page at a time, so that a million of them cost no memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, or_, select, text

from webapp.db import db
from webapp.domain.policies import SEARCHED_CHARACTERS
from webapp.domain.task_state import ACTIVE, FINAL, Status
from webapp.models import (
    Activity,
    Attempt,
    Flow,
    Instruction,
    Lane,
    Runner,
    StoredFile,
    Task,
    WorkSession,
)
from webapp.models.tasks import is_active, is_open

_tasks = Task.__table__
_lanes = Lane.__table__
_sessions = WorkSession.__table__
_activity = Activity.__table__
_attempts = Attempt.__table__
_instructions = Instruction.__table__
_runners = Runner.__table__
_files = StoredFile.__table__
_flows = Flow.__table__

PAGE = 500
SEARCH_PAGE = 5_000

_final = _tasks.c.status.in_(FINAL)
_begun = func.coalesce(_tasks.c.started_at, _tasks.c.created_at)
CONTRADICTION = case(
    (and_(_final, _tasks.c.completed_at.is_(None)), "final, but without the time it ended"),
    (and_(~_final, _tasks.c.completed_at.is_not(None)), "not final, but with a time it ended"),
    (and_(is_active(_tasks), _tasks.c.started_at.is_(None)), "active, but never started"),
    (and_(_tasks.c.attempt > 0, _tasks.c.started_at.is_(None)), "tried, but never started"),
    (and_(_tasks.c.attempt == 0, _tasks.c.started_at.is_not(None)), "started, but never tried"),
    (_tasks.c.completed_at < _begun, "ended before it began"),
    (_tasks.c.started_at < _tasks.c.created_at, "started before it was submitted"),
    (
        and_(~is_active(_tasks), or_(_tasks.c.runner_id.is_not(None), _tasks.c.wish.is_not(None))),
        "not active, but held by a runner or a wish",
    ),
)
"""How a task's status and times contradict, in words; null where they do not."""


def contradictory(after: int) -> Sequence[Any]:
    """Tasks whose status and times contradict: ``seq, task_id, how``."""
    query = select(_tasks.c.seq, _tasks.c.task_id, CONTRADICTION.label("how")).where(
        _tasks.c.seq > after, _tasks.c.status.in_(list(Status)), CONTRADICTION.is_not(None)
    )
    return db.session.execute(query.order_by(_tasks.c.seq).limit(PAGE)).all()


def misspelt(after: int) -> Sequence[Any]:
    """Tasks whose status is none of the six words: ``seq, task_id, status``."""
    query = select(_tasks.c.seq, _tasks.c.task_id, _tasks.c.status).where(
        _tasks.c.seq > after, _tasks.c.status.not_in(list(Status))
    )
    return db.session.execute(query.order_by(_tasks.c.seq).limit(PAGE)).all()


def lanes_miscounted() -> list[str]:
    """Lanes whose counters are not what their tasks say. One statement, so one moment."""
    states = list(Status)
    counted = (
        select(_tasks.c.lane, *(func.sum(_is(state)).label(f"n_{state}") for state in states))
        .group_by(_tasks.c.lane)
        .subquery()
    )
    rows = db.session.execute(
        select(_lanes.c.name).outerjoin(counted, counted.c.lane == _lanes.c.name)
        .where(or_(*(_lanes.c[s] != func.coalesce(counted.c[f"n_{s}"], 0) for s in states)))
    )  # fmt: skip
    return list(rows.scalars())


def open_attempts(after: int) -> Sequence[Any]:
    """Attempts without an end that nobody makes: ``id, task_id, number``."""
    query = (
        select(_attempts.c.id, _attempts.c.task_id, _attempts.c.number)
        .join(_tasks, _tasks.c.task_id == _attempts.c.task_id)
        .where(
            _attempts.c.id > after,
            _attempts.c.ended_at.is_(None),
            ~and_(_tasks.c.status.in_(ACTIVE), _tasks.c.attempt == _attempts.c.number),
        )
    )
    return db.session.execute(query.order_by(_attempts.c.id).limit(PAGE)).all()


def unread_instructions(after: int) -> Sequence[Any]:
    """Instructions that a task which is over was never going to read: ``seq, instruction_id``."""
    query = (
        select(_instructions.c.seq, _instructions.c.instruction_id)
        .join(_tasks, _tasks.c.task_id == _instructions.c.task_id)
        .where(
            _instructions.c.seq > after,
            _instructions.c.state.in_(["queued", "delivered"]),
            _final,
        )
    )
    return db.session.execute(query.order_by(_instructions.c.seq).limit(PAGE)).all()


def sessions(after: str) -> Sequence[Any]:
    """A page of sessions: what each says of itself, and what its tasks and its log say."""
    own = _tasks.c.session_id == _sessions.c.session_id
    logged = _activity.c.session_id == _sessions.c.session_id
    newest = select(_tasks.c.task_id).where(own).order_by(_tasks.c.seq.desc()).limit(1)
    status = select(_tasks.c.status).where(own).order_by(_tasks.c.seq.desc()).limit(1)
    query = select(
        _sessions.c.session_id,
        _sessions.c.task_count,
        _sessions.c.newest_task_id,
        _sessions.c.status,
        _sessions.c.activity_count,
        select(func.count()).where(own).scalar_subquery().label("tasks"),
        newest.scalar_subquery().label("newest"),
        status.scalar_subquery().label("newest_status"),
        select(func.count()).where(logged).scalar_subquery().label("entries"),
        select(func.max(_activity.c.message_index)).where(logged).scalar_subquery().label("top"),
    ).where(_sessions.c.session_id > after, _sessions.c.deleted_at.is_(None))
    return db.session.execute(query.order_by(_sessions.c.session_id).limit(PAGE)).all()


def known_tasks(task_ids: Sequence[str]) -> set[str]:
    """Which of these tasks there are."""
    found = select(_tasks.c.task_id).where(_tasks.c.task_id.in_(task_ids))
    return set(db.session.execute(found).scalars())


def session_ids(after: str) -> list[str]:
    """A page of the ids of all sessions."""
    query = select(_sessions.c.session_id).where(_sessions.c.session_id > after)
    return list(
        db.session.execute(query.order_by(_sessions.c.session_id).limit(PAGE * 10)).scalars()
    )


def stored_files(after: int) -> Sequence[Any]:
    """A page of what was uploaded: ``seq, file_id, file_path``."""
    there = _sessions.c.deleted_at.is_(None)
    query = select(_files.c.seq, _files.c.file_id, _files.c.file_path).join(_sessions, there)
    return db.session.execute(
        query.where(_files.c.seq > after).order_by(_files.c.seq).limit(PAGE)
    ).all()


def workspaces_at_rest(after: str) -> Sequence[Any]:
    """A page of sessions in which nothing waits or runs: ``session_id, workspace_dir``."""
    own = select(_tasks.c.seq).where(_tasks.c.session_id == _sessions.c.session_id)
    query = select(_sessions.c.session_id, _sessions.c.workspace_dir).where(
        _sessions.c.session_id > after,
        _sessions.c.deleted_at.is_(None),
        ~own.where(is_open(_tasks)).exists(),
    )
    return db.session.execute(query.order_by(_sessions.c.session_id).limit(PAGE)).all()


def stored_names(session_id: str) -> set[str]:
    """How the uploaded files of a session are called on disk."""
    query = select(_files.c.stored_filename).where(_files.c.session_id == session_id)
    return set(db.session.execute(query).scalars())


def unsearchable(after: int) -> tuple[list[int], int | None]:
    """A page of tasks that the search misses, or that it finds although they are gone.

    By their numbers, with the place to go on from; None at the end. The last character of what is
    searched and two line ends are a trigram of every task, which SQLite's index must know.
    """
    if not is_sqlite():
        return [], None  # an index of the database's own, which cannot be out of step
    searched = func.substr(_tasks.c.task_description, 1, SEARCHED_CHARACTERS)
    query = select(_tasks.c.seq, func.substr(searched, -1, 1)).where(_tasks.c.seq > after)
    rows = db.session.execute(query.order_by(_tasks.c.seq).limit(SEARCH_PAGE)).all()
    if not rows:
        return [], None
    last = rows[-1][0]
    known = {seq for seq, sign in rows if sign not in ("", "\0")}
    signs = {sign.replace('"', '""') for seq, sign in rows if seq in known}
    match = " OR ".join(f'"{sign}\n\n"' for sign in sorted(signs))
    indexed = _indexed(match, after, last) if match else set()
    return sorted((known - indexed) | (indexed - {seq for seq, _ in rows})), last


def _indexed(match: str, after: int, last: int) -> set[int]:
    statement = "SELECT rowid FROM tasks_search WHERE tasks_search MATCH :match"
    bounds = {"match": match, "after": after, "last": last}
    found = db.session.execute(text(f"{statement} AND rowid > :after AND rowid <= :last"), bounds)
    return set(found.scalars())


def latest_moments() -> dict[str, datetime | None]:
    """The latest times that were written, by what they are the time of."""
    return {
        "task": db.session.execute(select(func.max(_tasks.c.created_at))).scalar_one(),
        "runner": db.session.execute(select(func.max(_runners.c.heartbeat_at))).scalar_one(),
    }


def broken_pages(*, thorough: bool) -> list[str]:
    """What SQLite finds wrong with the file itself; nothing on other databases."""
    if not is_sqlite():
        return []
    pragma = "integrity_check" if thorough else "quick_check"
    found = list(db.session.execute(text(f"PRAGMA {pragma}(10)")).scalars())
    strays = db.session.execute(text("PRAGMA foreign_key_check")).fetchmany(10)
    # a status that is none is also told as a broken rule, and is a check of its own
    pages = [line for line in found if line != "ok" and "CHECK constraint" not in line]
    return pages + [
        f"{row[0]} {row[1]} refers to a row of {row[2]} that is not there" for row in strays
    ]


def is_sqlite() -> bool:
    """Whether the database is a file of this machine."""
    return db.session.get_bind().dialect.name == "sqlite"


def _is(state: Status) -> Any:
    return case((_tasks.c.status == state, 1), else_=0)
