"""Rows as the contract names their parts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from webapp.domain import mcp
from webapp.domain.policies import TALKERS
from webapp.queries import profiles, tasks
from webapp.queries.tasks import plain


def active_task(row: Row[Any] | None) -> dict[str, Any] | None:
    """The task that is running or paused, as /api/tasks/status shows it."""
    if row is None:
        return None
    return {
        "task_id": row.task_id,
        "status": row.status,
        "session_id": row.session_id,
        "task": row.task_description,
        "llm_profile_name": row.llm_profile_name,
        "workspace_dir": row.workspace_dir,
        "upload_files": [file["path"] for file in row.upload_files or ()],
        "active_mcp_servers": _servers(row),
        "start_time": plain(row.started_at),
        "end_time": plain(row.completed_at),
        "agent_id": row.task_id,
        "control": tasks.control(row),
    }


def _servers(row: Row[Any]) -> list[str]:
    """The MCP servers that a task may use: its own, and those of the settings it wants."""
    if row.agent not in TALKERS:
        return []
    active = [one.mcp_server_name for one in profiles.mcp_active()]
    there = (name for name in mcp.used(active, row.agent_settings) if name in active)
    return [*there, *mcp.own(row.agent_settings)]


def detailed(row: Row[Any]) -> dict[str, Any]:
    """The active task with what its agent is doing, flat."""
    progress = row.progress or {}
    agent = {
        "agent_id": row.task_id,
        "status": row.status,
        "current_action": progress.get("message"),
        "last_update": plain(row.updated_at),
        "error_message": row.error_message,
        "pause_reason": row.pause_reason,
    }
    state = {
        "overall_status": row.status,
        "active_step": progress.get("step"),
        "agent_statuses": {row.task_id: agent},
        "progress": progress,
        "last_update": plain(row.updated_at),
    }
    return {
        "has_active_task": True,
        "task_id": row.task_id,
        "status": row.status,
        "session_id": row.session_id,
        "task": row.task_description,
        "start_time": plain(row.started_at),
        "end_time": plain(row.completed_at),
        "result": row.task_result,
        "error": row.error_message,
        "pause_reason": row.pause_reason,
        "stop_reason": row.stop_reason or (row.wish_reason if row.wish == "stop" else None),
        "control": tasks.control(row),
        "agent_status": state,
        "vibesurf_status": state,
    }


def short_task(row: Row[Any]) -> dict[str, Any]:
    """A task in the lists of /api/activity."""
    return {
        "task_id": row.task_id,
        "session_id": row.session_id,
        "task_description": row.task_description,
        "status": row.status,
        "task_result": row.task_result,
        "error_message": row.error_message,
        "report_path": row.report_path,
        "created_at": plain(row.created_at),
        "started_at": plain(row.started_at),
        "completed_at": plain(row.completed_at),
    }


def full_task(row: Row[Any]) -> dict[str, Any]:
    """One task as /api/activity/{task_id} shows it."""
    return {
        **short_task(row),
        "upload_files_path": row.upload_files_path,
        "mcp_server_config": row.mcp_server_config or {},
        "llm_profile_name": row.llm_profile_name,
        "metadata": row.task_metadata,
    }


def listed_session(row: Row[Any]) -> dict[str, Any]:
    """A session in the list of sessions."""
    return {
        "session_id": row.session_id,
        "task_count": row.task_count,
        "created_at": plain(row.created_at),
        "last_activity": plain(row.last_activity),
        "status": row.status,
    }


def full_session(row: Row[Any]) -> dict[str, Any]:
    """One session with all that is kept of it."""
    return {
        **listed_session(row),
        "title": row.title or "",
        "activity_count": row.activity_count,
        "newest_task_id": row.newest_task_id,
        "workspace_dir": row.workspace_dir,
    }


def attempt(row: Row[Any]) -> dict[str, Any]:
    """One run of a task; ``outcome`` is null while it is under way."""
    names = ("number", "started_at", "ended_at", "outcome", "error", "exit_code", "runner_id")
    return {name: plain(row._mapping[name]) for name in names}


def instruction(row: Row[Any]) -> dict[str, Any]:
    """An instruction with its receipts."""
    return {
        "instruction_id": row.instruction_id,
        "instruction": row.instruction,
        "kind": row.kind,
        "state": row.state,
        "attempt": row.attempt,
        "step": row.step,
        "created_by": row.created_by,
        "created_at": plain(row.created_at),
        "delivered_at": plain(row.delivered_at),
        "consumed_at": plain(row.consumed_at),
    }
