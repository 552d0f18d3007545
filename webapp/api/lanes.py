"""Lanes: one task rides in each at a time."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import StrictStr, field_validator
from sqlalchemy import Row

from webapp import clock
from webapp.api.bodies import Answer, Body, Message, answers
from webapp.domain.messages import sentence
from webapp.domain.policies import MAX_REASON
from webapp.domain.task_state import Status
from webapp.doors import lanes as doors
from webapp.doors.intake import check_text
from webapp.doors.principal import principal
from webapp.housekeeping import renaming
from webapp.queries import lanes
from webapp.queries.tasks import plain
from webapp.services import lanes as verbs

bp = APIBlueprint("api_lanes", __name__, url_prefix="/api/lanes", tag="Lanes")


class LaneBody(Body):
    """Its name: letters, digits and ``_ . -``, up to 64 of them."""

    name: StrictStr


class WhyBody(Body):
    """Why; shown wherever somebody waits for the lane."""

    reason: StrictStr | None = None

    @field_validator("reason")
    @classmethod
    def _text(cls, value: str | None) -> str | None:
        return None if value is None else check_text(value, MAX_REASON)


class Counts(Answer):
    """How many of its tasks are in each state."""

    pending: int
    running: int
    paused: int
    completed: int
    failed: int
    stopped: int


class LaneAnswer(Answer):
    """A lane: ``paused`` lets nothing begin, ``draining`` lets nothing in."""

    name: str
    state: Literal["open", "paused", "draining"]
    state_reason: str | None
    state_by: str | None
    state_since: str | None
    created_at: str
    counts: Counts
    flows: int
    active_task: str | None


class LanesAnswer(Answer):
    """All lanes, the oldest first."""

    lanes: list[LaneAnswer]


@bp.get("")
@bp.doc(responses=answers(LanesAnswer))
def index() -> ResponseReturnValue:
    """List the lanes."""
    return {"lanes": [_as_json(row) for row in lanes.all_of()]}


@bp.post("")
@bp.input(LaneBody)
@bp.doc(responses=answers(LaneAnswer, refusals=(400, 409, 415)))
def create(json_data: LaneBody) -> ResponseReturnValue:
    """Make a lane."""
    doors.create(json_data.name, by=principal().name)
    return _as_json(lanes.find(json_data.name))


@bp.get("/<lane>")
@bp.doc(responses=answers(LaneAnswer, refusals=(404,)))
def show(lane: str) -> ResponseReturnValue:
    """Show a lane."""
    return _as_json(lanes.find(lane))


@bp.put("/<lane>")
@bp.input(LaneBody)
@bp.doc(responses=answers(LaneAnswer, refusals=(400, 404, 409, 415)))
def rename(lane: str, json_data: LaneBody) -> ResponseReturnValue:
    """Rename a lane; its tasks and flows go with it."""
    renaming.rename(lane, doors.new_name(json_data.name), by=principal().name)
    return _as_json(lanes.find(json_data.name))


@bp.delete("/<lane>")
@bp.doc(responses=answers(Message, refusals=(404, 409)))
def delete(lane: str) -> ResponseReturnValue:
    """Delete a lane that nothing waits in and no flow names; its finished tasks stay."""
    verbs.remove(lane, by=principal().name, now=clock.now())
    return {"message": sentence("lane_deleted_done", {"lane": lane})}


@bp.post("/<lane>/pause")
@bp.input(WhyBody)
@bp.doc(responses=answers(LaneAnswer, refusals=(400, 404, 409, 415)))
def pause(lane: str, json_data: WhyBody) -> ResponseReturnValue:
    """Let nothing begin in a lane: what runs goes on, submissions wait."""
    return _turned(lane, "pause", json_data.reason)


@bp.post("/<lane>/resume")
@bp.doc(responses=answers(LaneAnswer, refusals=(404, 409)))
def resume(lane: str) -> ResponseReturnValue:
    """Let tasks begin again in a paused lane."""
    return _turned(lane, "resume")


@bp.post("/<lane>/drain")
@bp.input(WhyBody)
@bp.doc(responses=answers(LaneAnswer, refusals=(400, 404, 409, 415)))
def drain(lane: str, json_data: WhyBody) -> ResponseReturnValue:
    """Let nothing into a lane: what waits and runs goes on, submissions are refused."""
    return _turned(lane, "drain", json_data.reason)


@bp.post("/<lane>/open")
@bp.doc(responses=answers(LaneAnswer, refusals=(404, 409)))
def reopen(lane: str) -> ResponseReturnValue:
    """Let a drained lane take tasks again."""
    return _turned(lane, "open")


def _turned(name: str, verb: str, reason: str | None = None) -> dict[str, Any]:
    doors.turn(name, verb, reason, by=principal().name)
    return _as_json(lanes.find(name))


def _as_json(row: Row[Any]) -> dict[str, Any]:
    told = ("name", "state", "state_reason", "state_by", "state_since", "created_at", "flows")
    return {
        **{name: plain(row._mapping[name]) for name in told},
        "counts": {status.value: row._mapping[status] for status in Status},
        "active_task": row.task_id,
    }
