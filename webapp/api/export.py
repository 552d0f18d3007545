"""All tasks that a filter finds, as one file: JSON or CSV, however many there are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, stream_with_context
from flask.typing import ResponseReturnValue
from pydantic import Field
from sqlalchemy import Row

from webapp import clock
from webapp.api.bodies import Answer, answers
from webapp.api.streams import stream
from webapp.api.tasks import Choice
from webapp.queries import history, tasks
from webapp.queries.tasks import plain

bp = APIBlueprint("api_export", __name__, url_prefix="/api/tasks", tag="Tasks")

COLUMNS = (
    *("task_id", "session_id", "flow_id", "status", "agent", "lane", "priority", "attempt"),
    *("llm_profile_name", "submitted_by", "created_at", "started_at", "completed_at"),
    *("task_description", "task_result", "error_message", "report_path"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula, wide or not, or skips before one."""
PIECE = 64 * 1024


class ExportQuery(Choice):
    """Which tasks, and as what."""

    format: Literal["csv", "json"] = Field("json", description="csv has the most used columns.")


class TaskExport(Answer):
    """Every task, newest first."""

    tasks: list[dict[str, Any]]
    total_count: int


def _described() -> dict[int, Any]:
    described = answers(TaskExport, refusals=(400,))
    described[200]["content"]["text/csv"] = {"schema": {"type": "string"}}
    return described


@bp.get("/export")
@bp.input(ExportQuery, location="query")
@bp.doc(responses=_described())
def export(query_data: ExportQuery) -> ResponseReturnValue:
    """Download every task that the filters leave, newest first, as a file."""
    rows = history.walk(query_data.wanted())
    if query_data.format == "csv":
        lines = stream_with_context(_csv(rows))
        answer = Response(lines, content_type="text/csv; charset=utf-8")
    else:
        every = (tasks.as_json(row) for row in rows)
        answer = stream({}, "tasks", every, lambda count: {"total_count": count})
    name = f"lineup-tasks-{clock.now():%Y-%m-%d}.{query_data.format}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _csv(rows: Iterable[Row[Any]]) -> Iterator[str]:
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row._mapping[name]) for name in COLUMNS])
        if written.tell() >= PIECE:
            yield _taken(written)
    yield _taken(written)


def _taken(written: io.StringIO) -> str:
    text = written.getvalue()
    written.seek(0)
    written.truncate()
    return text


def _cell(value: Any) -> Any:
    """A value as a spreadsheet may have it: text that looks like a formula stays text."""
    value = plain(value)
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
