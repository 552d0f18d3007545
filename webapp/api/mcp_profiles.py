"""Configuration: the MCP servers whose tools tasks may use."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field, RootModel, StrictBool, StrictFloat, StrictStr

from webapp import clock
from webapp.api.bodies import Answer, Body, Message, answers
from webapp.domain.messages import sentence
from webapp.doors.principal import administration, principal
from webapp.doors.profiles import mcp as doors
from webapp.queries import profiles
from webapp.services.profiles import mcp as verbs

bp = APIBlueprint(
    "api_mcp_profiles", __name__, url_prefix="/api/config/mcp-profiles", tag="Configuration"
)

PARAMS = (
    "`{command, args?, env?, cwd?, timeout?}` to start it, or `{url, headers?, timeout?}` to reach "
    "it. Values of `env` and `headers` are stored encrypted and shown masked; sent back masked "
    "they stay."
)


class ServerFields(Body):
    """What tasks make of a server."""

    description: StrictStr | None = None
    is_active: StrictBool | None = Field(None, description="A new one is.")
    selected_tools: dict[str, StrictBool] | None = Field(
        None, description="Whether tasks may use each tool, by its name; null: all of them."
    )
    startup_timeout_s: StrictFloat | None = Field(None, description="30, if left out.")
    call_timeout_s: StrictFloat | None = Field(None, description="60, if left out.")
    is_required: StrictBool | None = Field(
        None, description="Whether a task fails without it, or goes on."
    )


class ServerBody(ServerFields):
    """A new MCP server."""

    display_name: StrictStr
    mcp_server_name: StrictStr = Field(description="What stands before the names of its tools.")
    mcp_server_params: dict[str, Any] = Field(description=PARAMS)


class ServerChangeBody(ServerFields, extra="allow"):
    """Only what is sent changes; what is only shown may come back as it is shown."""

    display_name: StrictStr | None = None
    mcp_server_name: StrictStr | None = None
    mcp_server_params: dict[str, Any] | None = Field(None, description=PARAMS)


class ServersQuery(Body):
    """Which servers."""

    active_only: bool = Field(True, description="Only those that are active.")


class ServerAnswer(Answer):
    """An MCP server, its secrets masked."""

    mcp_id: str
    display_name: str
    mcp_server_name: str
    mcp_server_params: dict[str, Any]
    description: str | None
    is_active: bool
    selected_tools: dict[str, bool] | None
    startup_timeout_s: float
    call_timeout_s: float
    is_required: bool
    created_by: str
    created_at: str
    updated_at: str
    last_used_at: str | None
    version: int


class ServerList(RootModel[list[ServerAnswer]]):
    """MCP servers by name."""


class ToolAnswer(Answer):
    """A tool that a server has."""

    name: str
    description: str | None = None
    input_schema: dict[str, Any] | None = None


class ServerTestAnswer(Answer):
    """Whether it started, which tools it has, what was said, and how long it took."""

    success: bool
    tools: list[ToolAnswer]
    message: str
    latency_ms: int


@bp.get("")
@bp.input(ServersQuery, location="query")
@bp.doc(responses=answers(ServerList, refusals=(400,)))
def index(query_data: ServersQuery) -> ResponseReturnValue:
    """List MCP servers by name."""
    rows = profiles.mcp_all(active_only=query_data.active_only)
    return [profiles.shown_mcp(row) for row in rows]


@bp.post("")
@administration
@bp.input(ServerBody)
@bp.doc(responses=answers(ServerAnswer, refusals=(400, 409, 415)))
def create(json_data: ServerBody) -> ResponseReturnValue:
    """Make an MCP server known."""
    mcp_id = doors.create(json_data.model_dump(exclude_unset=True), by=principal().name)
    return profiles.shown_mcp(profiles.mcp(mcp_id))


@bp.get("/<mcp_id>")
@bp.doc(responses=answers(ServerAnswer, refusals=(404,)))
def show(mcp_id: str) -> ResponseReturnValue:
    """Show an MCP server."""
    return profiles.shown_mcp(profiles.mcp(mcp_id))


@bp.put("/<mcp_id>")
@administration
@bp.input(ServerChangeBody)
@bp.doc(responses=answers(ServerAnswer, refusals=(400, 404, 409, 415)))
def change(mcp_id: str, json_data: ServerChangeBody) -> ResponseReturnValue:
    """Change what is sent, and nothing else."""
    doors.change(mcp_id, json_data.model_dump(exclude_unset=True), by=principal().name)
    return profiles.shown_mcp(profiles.mcp(mcp_id))


@bp.delete("/<mcp_id>")
@administration
@bp.doc(responses=answers(Message, refusals=(404,)))
def delete(mcp_id: str) -> ResponseReturnValue:
    """Delete an MCP server with its secrets."""
    name = verbs.remove(mcp_id, by=principal().name, now=clock.now())
    return {"message": sentence("mcp_deleted", {"name": name})}


@bp.post("/<mcp_id>/test")
@administration
@bp.doc(responses=answers(ServerTestAnswer, refusals=(404, 409)))
def test(mcp_id: str) -> ResponseReturnValue:
    """Start or reach it, ask for its tools, and end it."""
    tested = doors.test(mcp_id)
    return {
        "success": tested.ok,
        "tools": [dict(tool) for tool in tested.tools],
        "message": tested.said,
        "latency_ms": tested.took_ms,
    }
