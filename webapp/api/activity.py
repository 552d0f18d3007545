"""What happened: tasks, sessions and the log of each session."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field, field_validator

from webapp.api.bodies import Answer, Body, answers
from webapp.api.streams import stream
from webapp.api.views import full_task, short_task
from webapp.queries import activity, history, tasks
from webapp.queries.history import Filter
from webapp.queries.tasks import plain

bp = APIBlueprint("api_activity", __name__, url_prefix="/api/activity", tag="Activity")

ALL = -1
MOST = 1000


class TasksQuery(Body):
    """How many of the newest tasks; -1 for all."""

    limit: int = Field(50, ge=ALL, le=MOST)

    @field_validator("limit")
    @classmethod
    def _not_zero(cls, value: int) -> int:
        if value == 0:
            raise ValueError("must be -1 for all, or from 1 to 1000")
        return value


class PageQuery(Body):
    """Which part of a list."""

    limit: int = Field(50, ge=1, le=MOST)
    offset: int = Field(0, ge=0, le=2**62)


class LogQuery(Body):
    """One entry by its index, or the newest ``limit``."""

    message_index: int | None = Field(None, ge=0, le=2**62)
    limit: int | None = Field(None, ge=1, le=100_000)


class TaskList(Answer):
    """Tasks, newest first; ``total_count`` is how many are in this answer."""

    tasks: list[dict[str, Any]]
    total_count: int
    limit: int


class SessionList(Answer):
    """Sessions, last active first; ``status`` is that of the newest task."""

    sessions: list[dict[str, Any]]
    total_count: int
    limit: int
    offset: int


class SessionTasks(Answer):
    """A session's tasks, oldest first."""

    session_id: str
    tasks: list[dict[str, Any]]
    total_count: int


class SessionLog(Answer):
    """With an index: that entry or null. Without: the newest entries, oldest first."""

    session_id: str
    message_index: int | None = None
    activity_log: dict[str, Any] | None = None
    total_available: int | None = None
    activity_logs: list[dict[str, Any]] | None = None
    total_count: int | None = None
    original_total: int | None = None


class LatestActivity(Answer):
    """The newest entry and the newest task of a session."""

    session_id: str
    latest_vibesurf_log: dict[str, Any] | None
    latest_task: dict[str, Any] | None


class FullTask(Answer, extra="allow"):
    """One task."""

    task_id: str
    session_id: str
    task_description: str
    status: str


@bp.get("/tasks")
@bp.input(TasksQuery, location="query")
@bp.doc(responses=answers(TaskList, refusals=(400,)))
def recent_tasks(query_data: TasksQuery) -> ResponseReturnValue:
    """List the newest tasks; all of them are sent as a stream."""
    if query_data.limit == ALL:
        every = (short_task(row) for row in history.walk(Filter()))
        return stream({}, "tasks", every, lambda count: {"total_count": count, "limit": ALL})
    rows = history.page(Filter(), limit=query_data.limit, whole=True).rows
    return {
        "tasks": [short_task(row) for row in rows],
        "total_count": len(rows),
        "limit": query_data.limit,
    }


@bp.get("/sessions")
@bp.input(PageQuery, location="query")
@bp.doc(responses=answers(SessionList, refusals=(400,)))
def sessions(query_data: PageQuery) -> ResponseReturnValue:
    """List sessions, last active first."""
    rows, total = activity.sessions(query_data.limit, query_data.offset)
    listed = [
        {
            "session_id": row.session_id,
            "task_count": row.task_count,
            "created_at": plain(row.created_at),
            "last_activity": plain(row.last_activity),
            "status": row.status,
        }
        for row in rows
    ]
    return {
        "sessions": listed,
        "total_count": total,
        "limit": query_data.limit,
        "offset": query_data.offset,
    }


@bp.get("/sessions/<session_id>/tasks")
@bp.doc(responses=answers(SessionTasks))
def session_tasks(session_id: str) -> ResponseReturnValue:
    """List a session's tasks, oldest first."""
    every = (short_task(row) for row in activity.tasks_of(session_id))
    return stream({"session_id": session_id}, "tasks", every, lambda count: {"total_count": count})


@bp.get("/sessions/<session_id>/activity")
@bp.input(LogQuery, location="query")
@bp.doc(responses=answers(SessionLog, refusals=(400,)))
def session_log(session_id: str, query_data: LogQuery) -> ResponseReturnValue:
    """Read a session's log: one entry by its index, or the newest ones."""
    total = activity.total(session_id)
    if (index := query_data.message_index) is not None:
        entry = activity.entry(session_id, index)
        return {
            "session_id": session_id,
            "activity_log": activity.as_json(entry) if entry is not None else None,
            "message_index": index,
            "total_available": total,
        }
    first = 0 if query_data.limit is None else max(0, total - query_data.limit)
    return stream(
        {"session_id": session_id},
        "activity_logs",
        (activity.as_json(row) for row in activity.between(session_id, first, total)),
        lambda count: {"total_count": count, "original_total": total},
    )


@bp.get("/sessions/<session_id>/latest_activity")
@bp.doc(responses=answers(LatestActivity))
def latest_activity(session_id: str) -> ResponseReturnValue:
    """Show the newest entry and the newest task of a session."""
    rows = activity.newest(session_id, 1)
    task = activity.latest_task(session_id)
    return {
        "session_id": session_id,
        "latest_vibesurf_log": activity.as_json(rows[0]) if rows else None,
        "latest_task": short_task(task) if task is not None else None,
    }


@bp.get("/<task_id>")
@bp.doc(responses=answers(FullTask, refusals=(404,)))
def one_task(task_id: str) -> ResponseReturnValue:
    """Show one task."""
    return full_task(tasks.find(task_id))
