"""A task's output: by byte offset, or as a whole."""

from __future__ import annotations

from typing import Literal

from apiflask import APIBlueprint
from flask import Response, stream_with_context
from flask.typing import ResponseReturnValue
from pydantic import Field

from webapp.api.bodies import Answer, Body, answers
from webapp.domain.errors import Invalid
from webapp.domain.task_state import FINAL
from webapp.output import as_text
from webapp.ports import ports
from webapp.queries import tasks

bp = APIBlueprint("api_output", __name__, url_prefix="/api/tasks", tag="Tasks")

MAX_PIECE = 1024 * 1024


class OutputQuery(Body):
    """Which piece of which attempt; the latest attempt if none is named."""

    offset: int = Field(0, ge=0, le=2**62)
    limit: int = Field(65_536, ge=1, le=MAX_PIECE)
    attempt: int | None = Field(None, ge=1, le=2**31 - 1)


class RawQuery(Body):
    """Which attempt; the latest if none is named."""

    attempt: int | None = Field(None, ge=1, le=2**31 - 1)


class Gap(Answer):
    """Bytes between the kept beginning and the kept end that were dropped."""

    start: int = Field(alias="from")
    to: int


class OutputAnswer(Answer):
    """A piece of output. ``final``: nothing comes after it any more."""

    attempt: int
    offset: int
    next_offset: int
    data: str
    encoding: Literal["utf-8", "base64"]
    size: int
    final: bool
    gap: Gap | None


@bp.get("/<task_id>/output")
@bp.input(OutputQuery, location="query")
@bp.doc(responses=answers(OutputAnswer, refusals=(400, 404)))
def piece(task_id: str, query_data: OutputQuery) -> ResponseReturnValue:
    """Read a piece of a task's output from a byte offset on."""
    attempt, ended, over = _attempt(task_id, query_data.attempt)
    chunk = ports().output.read(task_id, attempt, query_data.offset, query_data.limit)
    text = as_text(chunk, ended=ended)
    return {
        "attempt": attempt,
        "offset": chunk.offset,
        "next_offset": text.next_offset,
        "data": text.data,
        "encoding": text.encoding,
        "size": chunk.size,
        "final": over and text.next_offset >= chunk.size,
        "gap": {"from": chunk.gap[0], "to": chunk.gap[1]} if chunk.gap else None,
    }


@bp.get("/<task_id>/output/raw")
@bp.input(RawQuery, location="query")
@bp.doc(responses=answers(None, refusals=(400, 404), kind="text/plain"))
def raw(task_id: str, query_data: RawQuery) -> ResponseReturnValue:
    """Download a task's whole output as text/plain."""
    attempt, _, _ = _attempt(task_id, query_data.attempt)
    response = Response(
        stream_with_context(ports().output.iter_all(task_id, attempt)), mimetype="text/plain"
    )
    name = f"{task_id}-{attempt}.txt"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _attempt(task_id: str, wanted: int | None) -> tuple[int, bool, bool]:
    """The attempt that is meant, whether it is over, and whether nothing comes after it.

    Who names no attempt follows the task: after a failed attempt the next one may still come.
    """
    task = tasks.find(task_id)
    over = task.status in FINAL
    if wanted is None and task.attempt == 0:
        return 0, over, over
    attempt = wanted or int(task.attempt)
    ended = tasks.attempt_ended(task_id, attempt)
    if ended is None:
        raise Invalid.field("attempt", f"there was no attempt {attempt}")
    return attempt, ended, over if wanted is None else ended
