"""Flows: list, make, change, copy and delete them; run them; make one of a task."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field, StrictInt, StrictStr
from pydantic.config import JsonDict

from webapp.api.bodies import Answer, Body, Message, answers
from webapp.api.paging import below, cursor
from webapp.api.submitting import SubmitAnswer, answered
from webapp.api.tasks import Common
from webapp.domain.messages import sentence
from webapp.doors import flows as doors
from webapp.doors.principal import principal
from webapp.queries import flows
from webapp.queries.flows import Wanted

bp = APIBlueprint("api_flows", __name__, url_prefix="/api", tag="Flows")

SHOWN = 50


class Parameter(Body):
    """One parameter of a flow; all of it is checked where it is declared."""

    name: str
    type: Literal["text", "integer", "number", "boolean", "choice", "date", "json"] = "text"
    default: Any = None
    required: bool = False
    description: str | None = None
    choices: list[str] | None = None


def _or_null(schema: JsonDict) -> JsonDict:
    """The schema of a field that is checked elsewhere, and may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


class FlowFields(Common):
    """What a run of the flow is submitted with, and what the flow itself is."""

    task_description: StrictStr | None = Field(None, description="For shell: the command.")
    name: StrictStr | None = Field(None, description="Every flow has one of its own.")
    description: StrictStr | None = Field(None, description="What it is good for.")
    parameters: Any = Field(
        None,
        description="A list of name, type, default?, required?, description? and choices?.",
        json_schema_extra=_or_null({"type": "array", "items": Parameter.model_json_schema()}),
    )
    notify: Any = Field(
        None,
        description="What of it is told to whom; null: as of all flows.",
        json_schema_extra=_or_null({"type": "object"}),
    )
    budget: Any = Field(
        None,
        description="What its runs may use on a day: requests, tokens and cost (USD).",
        json_schema_extra=_or_null({"type": "object"}),
    )
    agent_settings: dict[str, Any] | None = Field(
        None, description="The agent's own settings as one object, instead of among the fields."
    )


class FlowBody(FlowFields):
    """A new flow."""

    name: StrictStr = Field(description="Every flow has one of its own.")
    task_description: StrictStr = Field(description="For shell: the command.")


class FlowChangeBody(FlowFields):
    """What is to be different; null puts a field back to its default."""

    version: StrictInt | None = Field(
        None, description="Change it only if it is still the flow of this version."
    )


class TaskFlowBody(FlowFields):
    """The new flow's name, and what is to be different from the task."""

    name: StrictStr = Field(description="Every flow has one of its own.")


class CloneBody(Body):
    """What the copy is to be called."""

    name: StrictStr | None = None


class RunBody(Body):
    """What this run is given."""

    params: dict[str, Any] | None = Field(None, description="Values by name, typed as declared.")
    when_busy: Literal["reject", "queue"] | None = Field(None, description="queue if left out.")


class FlowQuery(Body):
    """Which flows, and which page of them."""

    q: str | None = Field(None, max_length=200, description="Text in the name or description.")
    limit: int = Field(SHOWN, ge=1, le=1000)
    cursor: str | None = Field(None, description="next_cursor of the page before, with the same q.")


class DeleteQuery(Body):
    """How far a deletion may go."""

    cascade: bool = Field(False, description="Whether its schedule is deleted with it.")


class FlowAnswer(Answer, extra="allow"):
    """A flow: every stored column by its name."""

    flow_id: str
    name: str
    description: str | None
    task_description: str
    agent: str
    agent_settings: dict[str, Any]
    parameters: list[dict[str, Any]]
    lane: str
    priority: int
    max_retries: int
    retry_delay_s: float | None
    rerun_interrupted: bool
    has_hook: bool
    created_at: str
    updated_at: str
    version: int


class FlowPage(Answer):
    """A page of flows, newest first; ``next_cursor`` is null on the last."""

    flows: list[dict[str, Any]]
    next_cursor: str | None


@bp.get("/flows")
@bp.input(FlowQuery, location="query")
@bp.doc(responses=answers(FlowPage, refusals=(400,)))
def list_flows(query_data: FlowQuery) -> ResponseReturnValue:
    """List flows, newest first."""
    wanted = Wanted(query_data.q)
    before = below(query_data.cursor, wanted)
    found = flows.page(wanted, before=before, limit=query_data.limit)
    return {
        "flows": [flows.as_json(row) for row in found.rows],
        "next_cursor": cursor(found.older, wanted),
    }


@bp.post("/flows")
@bp.input(FlowBody)
@bp.doc(responses=answers(FlowAnswer, refusals=(400, 409, 415), done=201))
def create(json_data: FlowBody) -> ResponseReturnValue:
    """Save a task under a name, to be run by hand, by its web hook or by its schedule."""
    flow_id = doors.create(_sent(json_data), by=principal().name)
    return flows.as_json(flows.find(flow_id)), 201


@bp.get("/flows/<flow_id>")
@bp.doc(responses=answers(FlowAnswer, refusals=(404,)))
def show(flow_id: str) -> ResponseReturnValue:
    """Show one flow."""
    return flows.as_json(flows.find(flow_id))


@bp.put("/flows/<flow_id>")
@bp.input(FlowChangeBody)
@bp.doc(responses=answers(FlowAnswer, refusals=(400, 404, 409, 415)))
def change(flow_id: str, json_data: FlowChangeBody) -> ResponseReturnValue:
    """Change what is sent, and nothing else; runs that are in the lineup stay as they are."""
    doors.change(flow_id, _sent(json_data), by=principal().name)
    return flows.as_json(flows.find(flow_id))


@bp.delete("/flows/<flow_id>")
@bp.input(DeleteQuery, location="query")
@bp.doc(responses=answers(Message, refusals=(400, 404, 409)))
def delete(flow_id: str, query_data: DeleteQuery) -> ResponseReturnValue:
    """Delete a flow; its tasks stay, and those that wait or run go on."""
    still = doors.remove(flow_id, cascade=query_data.cascade, by=principal().name)
    return {
        "message": sentence("flow_deleted_open" if still else "flow_deleted_done", {"open": still})
    }


@bp.post("/flows/<flow_id>/clone")
@bp.input(CloneBody)
@bp.doc(responses=answers(FlowAnswer, refusals=(400, 404, 409, 415), done=201))
def clone(flow_id: str, json_data: CloneBody) -> ResponseReturnValue:
    """Copy a flow, without its schedule and web hook; without a name it is "… (copy)"."""
    copied = doors.clone(flow_id, json_data.name, by=principal().name)
    return flows.as_json(flows.find(copied)), 201


@bp.post("/flows/<flow_id>/run")
@bp.input(RunBody)
@bp.doc(responses=answers(SubmitAnswer, refusals=(400, 404, 409, 410, 415, 422, 429)))
def run(flow_id: str, json_data: RunBody) -> ResponseReturnValue:
    """Run it now, besides its schedule. With an Idempotency-Key header it is run once."""
    params, when_busy = json_data.params or {}, json_data.when_busy or "queue"
    by = principal().name
    return answered(
        f"flow/{flow_id}",
        lambda promised: doors.run(flow_id, params, by=by, when_busy=when_busy, promise=promised),
    )


@bp.post("/tasks/<task_id>/make-flow")
@bp.input(TaskFlowBody)
@bp.doc(responses=answers(FlowAnswer, refusals=(400, 404, 409, 415), done=201))
def make_flow(task_id: str, json_data: TaskFlowBody) -> ResponseReturnValue:
    """Make a flow that does what a task did, without its session and files."""
    flow_id = doors.of_task(task_id, _sent(json_data), by=principal().name)
    return flows.as_json(flows.find(flow_id)), 201


def _sent(body: FlowFields) -> dict[str, Any]:
    """The fields that were sent, as they came: values of any depth are not walked through."""
    return {name: value for name, value in body if name in body.model_fields_set}
