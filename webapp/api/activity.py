"""What happened: tasks, sessions and the log of each session."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field, field_validator

from webapp.api.bodies import Answer, Body, Message, answers
from webapp.api.streams import stream
from webapp.api.views import full_session, full_task, listed_session, short_task
from webapp.domain.messages import sentence
from webapp.doors.principal import principal
from webapp.housekeeping import disposal
from webapp.queries import activity, history, sessions, tasks
from webapp.queries.history import Filter

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
    limit: int | None = Field(None, ge=ALL, le=2**62, description="-1: all of them.")

    @field_validator("limit")
    @classmethod
    def _not_none_of_them(cls, value: int | None) -> int | None:
        if value == 0:
            raise ValueError("must be -1 for all, or at least 1")
        return value


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


class FullSession(Answer):
    """A session; ``open``: something in it runs or waits."""

    session_id: str
    title: str
    task_count: int
    activity_count: int
    created_at: str
    last_activity: str
    status: str | None
    newest_task_id: str | None
    workspace_dir: str
    open: bool


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
def list_sessions(query_data: PageQuery) -> ResponseReturnValue:
    """List sessions, last active first."""
    rows, total = activity.sessions(query_data.limit, query_data.offset)
    return {
        "sessions": [listed_session(row) for row in rows],
        "total_count": total,
        "limit": query_data.limit,
        "offset": query_data.offset,
    }


@bp.get("/sessions/<session:session_id>")
@bp.doc(responses=answers(FullSession, refusals=(404,)))
def one_session(session_id: str) -> ResponseReturnValue:
    """Show one session."""
    return {
        **full_session(sessions.find(session_id)),
        "open": sessions.pulse(session_id).open,
    }


@bp.delete("/sessions/<session:session_id>")
@bp.doc(responses=answers(Message, refusals=(404, 409)))
def delete_session(session_id: str) -> ResponseReturnValue:
    """Delete a session whose tasks are all finished, with its log, output and workspace."""
    disposal.delete(session_id, by=principal().name)
    return {"message": sentence("session_deleted_done", {})}


@bp.get("/sessions/<session:session_id>/tasks")
@bp.doc(responses=answers(SessionTasks))
def session_tasks(session_id: str) -> ResponseReturnValue:
    """List a session's tasks, oldest first."""
    every = (short_task(row) for row in activity.tasks_of(session_id))
    return stream({"session_id": session_id}, "tasks", every, lambda count: {"total_count": count})


@bp.get("/sessions/<session:session_id>/activity")
@bp.input(LogQuery, location="query")
@bp.doc(responses=answers(SessionLog, refusals=(400,)))
def session_log(session_id: str, query_data: LogQuery) -> ResponseReturnValue:
    """Read a session's log: one entry by its index, or the newest ones."""
    total = activity.total(session_id)  # 0: unknown, or deleted
    if (index := query_data.message_index) is not None:
        entry = activity.entry(session_id, index) if index < total else None
        return {
            "session_id": session_id,
            "activity_log": activity.as_json(entry) if entry is not None else None,
            "message_index": index,
            "total_available": total,
        }
    everything = query_data.limit in (None, ALL)
    first = 0 if everything else max(0, total - (query_data.limit or 0))
    return stream(
        {"session_id": session_id},
        "activity_logs",
        (activity.as_json(row) for row in activity.between(session_id, first, total)),
        lambda count: {"total_count": count, "original_total": total},
    )


@bp.get("/sessions/<session:session_id>/latest_activity")
@bp.doc(responses=answers(LatestActivity))
def latest_activity(session_id: str) -> ResponseReturnValue:
    """Show the newest entry and the newest task of a session."""
    total = activity.total(session_id)
    entry = activity.entry(session_id, total - 1) if total else None
    task = activity.latest_task(session_id)
    return {
        "session_id": session_id,
        "latest_vibesurf_log": activity.as_json(entry) if entry is not None else None,
        "latest_task": short_task(task) if task is not None else None,
    }


@bp.get("/<task_id>")
@bp.doc(responses=answers(FullTask, refusals=(404,)))
def one_task(task_id: str) -> ResponseReturnValue:
    """Show one task."""
    return full_task(tasks.find(task_id))
