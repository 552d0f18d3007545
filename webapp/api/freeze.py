"""The freeze: nothing new begins while it lasts."""

from __future__ import annotations

from typing import Literal

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import StrictStr, field_validator

from webapp import clock
from webapp.api.bodies import Answer, Body, answers
from webapp.domain.messages import sentence
from webapp.domain.policies import MAX_REASON
from webapp.doors import steering
from webapp.doors.intake import check_text
from webapp.doors.principal import principal
from webapp.queries import board
from webapp.queries.tasks import plain
from webapp.services import freeze as verbs

bp = APIBlueprint("api_freeze", __name__, url_prefix="/api/freeze", tag="Health and status")


class FreezeBody(Body):
    """Why; shown on every page."""

    reason: StrictStr

    @field_validator("reason")
    @classmethod
    def _text(cls, value: str) -> str:
        return check_text(value, MAX_REASON)


class FreezeAnswer(Answer):
    """Whether it is frozen, why, by whom and since when."""

    frozen: bool
    reason: str | None
    frozen_by: str | None
    since: str | None


class Done(Answer):
    """It is done."""

    success: Literal[True]
    message: str


@bp.get("")
@bp.doc(responses=answers(FreezeAnswer))
def show() -> ResponseReturnValue:
    """Say whether the lineup is frozen."""
    row = board.freeze()
    return {
        "frozen": row is not None,
        "reason": row.reason if row is not None else None,
        "frozen_by": row.frozen_by if row is not None else None,
        "since": plain(row.since) if row is not None else None,
    }


@bp.post("")
@bp.input(FreezeBody)
@bp.doc(responses=answers(Done, refusals=(400, 409, 415)))
def freeze(json_data: FreezeBody) -> ResponseReturnValue:
    """Freeze the lineup: what runs goes on, submissions wait."""
    verbs.freeze(json_data.reason, by=principal().name, now=clock.now())
    return {"success": True, "message": sentence("frozen_done", {})}


@bp.delete("")
@bp.doc(responses=answers(Done, refusals=(409,)))
def thaw() -> ResponseReturnValue:
    """Let the lineup move again."""
    steering.thaw(by=principal().name)
    return {"success": True, "message": sentence("thawed_done", {})}
