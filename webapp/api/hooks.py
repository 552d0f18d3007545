"""Web hooks: an address of its own for a flow, and what happens when it is called."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.api.bodies import Answer, Body, Message, answers
from webapp.api.submitting import answered
from webapp.domain.messages import sentence
from webapp.doors import flows as doors
from webapp.doors.principal import principal
from webapp.services import hooks

bp = APIBlueprint("api_hooks", __name__, tag="Flows")


class HookBody(Body, extra="allow"):
    """Whatever the caller has to say; the flow takes what it declares as parameters."""


class HookMade(Answer):
    """The hook's address, which is shown this once."""

    url: str
    message: str


class HookAnswer(Answer):
    """The run is in the lineup."""

    success: Literal[True]
    task_id: str
    status: Literal["submitted"]
    message: str


@bp.post("/api/flows/<flow_id>/hook")
@bp.doc(responses=answers(HookMade, refusals=(404,)))
def make(flow_id: str) -> ResponseReturnValue:
    """Give a flow a web hook; one that it had does nothing any more."""
    secret = hooks.replace(flow_id, by=principal().name, now=clock.now())
    return {"url": doors.hook_address(secret), "message": sentence("hook_made_done", {})}


@bp.delete("/api/flows/<flow_id>/hook")
@bp.doc(responses=answers(Message, refusals=(404, 409)))
def revoke(flow_id: str) -> ResponseReturnValue:
    """Revoke a flow's web hook."""
    hooks.revoke(flow_id, by=principal().name, now=clock.now())
    return {"message": sentence("hook_revoked_done", {})}


@bp.post("/hooks/<secret>", strict_slashes=True)
@bp.input(HookBody)
@bp.doc(responses=answers(HookAnswer, refusals=(400, 404, 409, 410, 415, 422, 429)))
def call(secret: str, json_data: HookBody) -> ResponseReturnValue:  # noqa: ARG001
    """Run the flow of this hook, by the secret in the address; the guard knows whose it is."""
    asking, said = principal(), json_data.model_extra or {}
    flow_id = str(asking.flow_id)

    def run(promised: Any) -> Any:
        return doors.run(flow_id, said, by=asking.name, trigger="hook", promise=promised)

    answer = answered(f"hook/{flow_id}", run)
    return {name: answer[name] for name in HookAnswer.model_fields}
