"""Pause, resume, stop and instruct: the active task, or one by its id."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import jsonify
from flask.typing import ResponseReturnValue
from pydantic import Field, StrictStr, field_validator

from webapp.api.bodies import Answer, Body, answers
from webapp.api.views import active_task, detailed, instruction
from webapp.domain.errors import Invalid
from webapp.domain.messages import sentence
from webapp.domain.policies import MAIN_LANE, MAX_INSTRUCTION, MAX_REASON
from webapp.domain.receipts import Receipt
from webapp.doors.intake import check_text
from webapp.doors.principal import principal
from webapp.doors.steering import instruct, steer
from webapp.queries import lanes, tasks
from webapp.services.controls import NothingToActOn

bp = APIBlueprint("api_controls", __name__, url_prefix="/api/tasks", tag="Tasks")


class LaneQuery(Body):
    """Whose active task is meant."""

    lane: str = MAIN_LANE


class ReasonBody(Body):
    """Why, for the record."""

    reason: StrictStr | None = Field(None, max_length=MAX_REASON)

    @field_validator("reason")
    @classmethod
    def _text(cls, value: str | None) -> str | None:
        return check_text(value, MAX_REASON) if value else None


class NewTaskBody(Body):
    """The instruction, in the field old clients send it in."""

    reason: StrictStr = Field(max_length=MAX_INSTRUCTION)

    @field_validator("reason")
    @classmethod
    def _text(cls, value: str) -> str:
        return check_text(value, MAX_INSTRUCTION)


class InstructionBody(Body):
    """Text for the running task."""

    instruction: StrictStr = Field(max_length=MAX_INSTRUCTION)

    @field_validator("instruction")
    @classmethod
    def _text(cls, value: str) -> str:
        return check_text(value, MAX_INSTRUCTION)


class ControlAnswer(Answer):
    """``control`` says what is still under way; null once the effect is there."""

    success: Literal[True]
    message: str
    operation: str
    control: Literal["pausing", "stopping"] | None


class NewTaskAnswer(Answer):
    """The instruction is queued."""

    success: Literal[True]
    message: str
    operation: Literal["add_new_task"]
    new_task: str


class InstructionAnswer(Answer):
    """The instruction is queued."""

    instruction_id: str
    state: Literal[Receipt.QUEUED]


class InstructionList(Answer):
    """The instructions of a task with their receipts, oldest first."""

    instructions: list[dict[str, Any]]


class StatusAnswer(Answer):
    """The lane's active task, or null."""

    has_active_task: bool
    active_task: dict[str, Any] | None


class DetailedStatus(Answer, extra="allow"):
    """The lane's active task and what its agent does, flat."""

    has_active_task: bool


@bp.get("/status")
@bp.input(LaneQuery, location="query")
@bp.doc(responses=answers(StatusAnswer, refusals=(400,)))
def status(query_data: LaneQuery) -> ResponseReturnValue:
    """Show a lane's active task."""
    row = tasks.active(_lane(query_data))
    return {"has_active_task": row is not None, "active_task": active_task(row)}


@bp.get("/detailed-status")
@bp.input(LaneQuery, location="query")
@bp.doc(responses=answers(DetailedStatus, refusals=(400,)))
def detailed_status(query_data: LaneQuery) -> ResponseReturnValue:
    """Show a lane's active task and what its agent does."""
    row = tasks.active(lane := _lane(query_data))
    if row is None:
        return {"has_active_task": False, "message": sentence("no_active_task", {"lane": lane})}
    return detailed(row)


@bp.post("/pause")
@bp.input(LaneQuery, location="query")
@bp.input(ReasonBody)
@bp.doc(responses=answers(ControlAnswer, refusals=(400, 409, 415)))
def pause_active(query_data: LaneQuery, json_data: ReasonBody) -> ResponseReturnValue:
    """Pause the lane's active task."""
    return _steer("pause", _active(query_data), json_data.reason)


@bp.post("/resume")
@bp.input(LaneQuery, location="query")
@bp.input(ReasonBody)
@bp.doc(responses=answers(ControlAnswer, refusals=(400, 409, 415)))
def resume_active(query_data: LaneQuery, json_data: ReasonBody) -> ResponseReturnValue:
    """Resume the lane's paused task."""
    return _steer("resume", _active(query_data), json_data.reason)


@bp.post("/stop")
@bp.input(LaneQuery, location="query")
@bp.input(ReasonBody)
@bp.doc(responses=answers(ControlAnswer, refusals=(400, 409, 415)))
def stop_active(query_data: LaneQuery, json_data: ReasonBody) -> ResponseReturnValue:
    """Stop the lane's active task."""
    return _steer("stop", _active(query_data), json_data.reason)


@bp.post("/add-new-task")
@bp.input(LaneQuery, location="query")
@bp.input(NewTaskBody)
@bp.doc(responses=answers(NewTaskAnswer, refusals=(400, 409, 415)))
def add_new_task(query_data: LaneQuery, json_data: NewTaskBody) -> ResponseReturnValue:
    """Give the lane's active task an instruction."""
    instruct(_active(query_data), json_data.reason, by=principal().name)
    return {
        "success": True,
        "message": sentence("instruction_taken", {}),
        "operation": "add_new_task",
        "new_task": json_data.reason,
    }


@bp.post("/<task_id>/pause")
@bp.input(ReasonBody)
@bp.doc(responses=answers(ControlAnswer, refusals=(400, 404, 409, 415)))
def pause(task_id: str, json_data: ReasonBody) -> ResponseReturnValue:
    """Pause a task."""
    return _steer("pause", task_id, json_data.reason)


@bp.post("/<task_id>/resume")
@bp.input(ReasonBody)
@bp.doc(responses=answers(ControlAnswer, refusals=(400, 404, 409, 415)))
def resume(task_id: str, json_data: ReasonBody) -> ResponseReturnValue:
    """Resume a task."""
    return _steer("resume", task_id, json_data.reason)


@bp.post("/<task_id>/stop")
@bp.input(ReasonBody)
@bp.doc(responses=answers(ControlAnswer, refusals=(400, 404, 409, 415)))
def stop(task_id: str, json_data: ReasonBody) -> ResponseReturnValue:
    """Stop a task, whether it runs or still waits."""
    return _steer("stop", task_id, json_data.reason)


@bp.post("/<task_id>/end-input")
@bp.input(ReasonBody)
@bp.doc(responses=answers(ControlAnswer, refusals=(400, 404, 409, 415)))
def end_input(task_id: str, json_data: ReasonBody) -> ResponseReturnValue:
    """End the input of a task that reads it."""
    instruct(task_id, "", by=principal().name, kind="end_input", reason=json_data.reason)
    return {
        "success": True,
        "message": sentence("end_input_taken", {}),
        "operation": "end_input",
        "control": tasks.control(tasks.standing(task_id)),
    }


@bp.post("/<task_id>/instructions")
@bp.input(InstructionBody)
@bp.doc(responses=answers(InstructionAnswer, refusals=(400, 404, 409, 415)))
def add_instruction(task_id: str, json_data: InstructionBody) -> ResponseReturnValue:
    """Give a running task an instruction."""
    instruction_id = instruct(task_id, json_data.instruction, by=principal().name)
    return {"instruction_id": instruction_id, "state": Receipt.QUEUED}


@bp.get("/<task_id>/instructions")
@bp.doc(responses=answers(InstructionList, refusals=(404,)))
def list_instructions(task_id: str) -> ResponseReturnValue:
    """List a task's instructions with what became of each."""
    tasks.standing(task_id)
    return {"instructions": [instruction(row) for row in tasks.instructions(task_id)]}


def _lane(query: LaneQuery) -> str:
    if query.lane != MAIN_LANE and not lanes.exists(query.lane):
        raise Invalid.field("lane", f"there is no lane named {query.lane!r}")
    return query.lane


def _active(query: LaneQuery) -> str:
    row = tasks.active(lane := _lane(query))
    if row is None:
        raise NothingToActOn(lane=lane)
    return str(row.task_id)


def _steer(operation: str, task_id: str, reason: str | None) -> ResponseReturnValue:
    effect = steer(operation, task_id, by=principal().name, reason=reason)
    return jsonify(
        success=True,
        message=sentence(effect.code, {}),
        operation=operation,
        control=effect.control,
    )
