"""Stop, delete or run again many tasks in one call."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import request
from flask.typing import ResponseReturnValue
from pydantic import Field, StrictStr, model_validator

from webapp.api.bodies import Answer, answers
from webapp.api.controls import ReasonBody
from webapp.api.tasks import Choice
from webapp.domain.errors import Conflict
from webapp.domain.messages import sentence
from webapp.doors import bulk
from webapp.doors.bulk import Fate, Result
from webapp.doors.principal import principal
from webapp.queries import history
from webapp.queries.many import MOST

bp = APIBlueprint("api_bulk", __name__, url_prefix="/api/tasks", tag="Tasks")


class Chosen(Choice):
    """The newest tasks of which all that is given holds; something has to be given."""

    @model_validator(mode="after")
    def _names_something(self) -> Chosen:
        if not any(self.model_dump().values()):
            raise ValueError("name at least one thing that the tasks have in common")
        return self


class BulkBody(ReasonBody):
    """What to do, and to which tasks: either their ids or what they have in common."""

    operation: Literal["stop", "delete", "rerun"]
    task_ids: list[StrictStr] | None = Field(None, min_length=1, max_length=MOST)
    filter: Chosen | None = Field(
        None, description=f"As GET /api/tasks filters; the newest {MOST:,} are taken."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> BulkBody:
        if (self.task_ids is None) == (self.filter is None):
            raise ValueError("send either task_ids or filter")
        return self


class TaskFate(Answer):
    """What became of one task."""

    task_id: str
    done: bool
    code: str
    message: str
    new_task_id: str | None


class BulkAnswer(Answer):
    """``success``: nothing was refused or left. ``left`` were not begun, for want of time.

    ``more``: more tasks match the filter than one call takes.
    """

    success: bool
    operation: str
    message: str
    done: int
    refused: int
    left: int
    more: bool
    results: list[TaskFate]


@bp.post("/bulk")
@bp.input(BulkBody)
@bp.doc(responses=answers(BulkAnswer, refusals=(400, 409, 415)))
def act(json_data: BulkBody) -> ResponseReturnValue:
    """Stop, delete or run again up to 1,000 tasks, each as by its own call.

    Each task is a transaction of its own: what is refused does not undo the rest. 409 if nothing
    at all was done. What was not begun is done by the same call again, for which an
    Idempotency-Key sees to it that nothing runs again twice.
    """
    task_ids, more = json_data.task_ids, False
    if json_data.filter is not None:
        found = history.page(json_data.filter.wanted(), limit=MOST)
        task_ids = [row.task_id for row in found.rows]
        more = found.older is not None or found.searched_to is not None
    result = bulk.act(
        json_data.operation,
        task_ids or (),
        by=principal().name,
        reason=json_data.reason,
        key=request.headers.get("Idempotency-Key"),
    )
    shown = _shown(result, more)
    if result.refused and not result.done:
        raise Conflict("nothing_done", extra=shown, refused=len(result.refused))
    return shown | {"message": sentence("many_done", shown)}


def _shown(result: Result, more: bool) -> dict[str, Any]:
    return {
        "success": not result.refused and not result.left,
        "operation": result.operation,
        "done": len(result.done),
        "refused": len(result.refused),
        "left": len(result.left),
        "more": more,
        "results": [
            {
                "task_id": fate.task_id,
                "done": fate.done,
                "code": fate.code,
                "message": fate.message,
                "new_task_id": fate.new_task_id,
            }
            for fate in (*result.fates, *(Fate(left, False, "not_begun") for left in result.left))
        ],
    }
