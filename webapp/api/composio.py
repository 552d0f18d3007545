"""Composio: its key, its toolkits, and which of their tools tasks may use."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field, SecretStr, StrictBool

from webapp import clock
from webapp.api.bodies import Answer, Body, answers
from webapp.domain.errors import Forbidden
from webapp.domain.messages import sentence
from webapp.domain.toolkits import READY, ComposioFailed
from webapp.doors import toolkits as doors
from webapp.doors.principal import administration, changes, principal
from webapp.queries import toolkits
from webapp.queries.tasks import plain

bp = APIBlueprint("api_composio", __name__, url_prefix="/api/composio", tag="Composio")


class KeyBody(Body):
    """Composio's key."""

    api_key: SecretStr = Field(description="Stored encrypted if Composio takes it.")


class ToolkitsQuery(Body):
    """Which toolkits."""

    sync_with_api: bool = Field(
        False, description="Ask Composio first which there are; for administrators."
    )


class ToggleBody(Body):
    """On or off."""

    enabled: StrictBool
    force_reauth: StrictBool | None = Field(
        None, description="Connect an account anew, even if one is connected."
    )


class ToolsBody(Body):
    """Which tools tasks may use."""

    selected_tools: dict[str, StrictBool] = Field(
        description="Whether tasks may use each tool, by its name; the others stay as they are."
    )


class ComposioStatus(Answer):
    """Whether Composio can be used."""

    connected: bool
    key_valid: bool
    has_key: bool
    instance_available: bool = Field(description="Whether Composio answered.")
    message: str


class KeyAnswer(Answer):
    """Whether Composio takes a key, and whose it is."""

    valid: bool
    message: str
    user_info: dict[str, str] | None = None


class ToolkitAnswer(Answer):
    """A toolkit; `tools` says of each that is known whether tasks may use it."""

    id: str
    name: str
    slug: str
    description: str | None
    logo: str | None
    app_url: str | None
    enabled: bool
    tools: dict[str, bool]
    connection_status: str
    created_at: str
    updated_at: str


class ToolkitList(Answer):
    """Toolkits, those that are on first."""

    toolkits: list[ToolkitAnswer]
    total_count: int
    synced_count: int


class ToggleAnswer(Answer):
    """What became of it; at `oauth_url` a person connects an account."""

    success: bool
    message: str
    enabled: bool
    requires_oauth: bool
    oauth_url: str | None
    connected: bool
    connection_status: str


class ToolkitTool(Answer):
    """A tool of a toolkit; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]
    enabled: bool


class ToolsAnswer(Answer):
    """The tools of a toolkit."""

    toolkit_slug: str
    tools: list[ToolkitTool]
    total_tools: int


class ConnectionAnswer(Answer):
    """How the account of a toolkit stands."""

    toolkit_slug: str
    connected: bool
    connection_id: str | None
    status: str
    last_checked: str


@bp.get("/status")
@bp.doc(responses=answers(ComposioStatus, refusals=(409,)))
def status() -> ResponseReturnValue:
    """Ask Composio whether it takes the key."""
    found = doors.status()
    return {
        "connected": found.key_valid,
        "key_valid": found.key_valid,
        "has_key": found.has_key,
        "instance_available": found.available,
        "message": found.said,
    }


@bp.post("/verify-key")
@administration
@bp.input(KeyBody)
@bp.doc(responses=answers(KeyAnswer, refusals=(400, 409, 415)))
def verify(json_data: KeyBody) -> ResponseReturnValue:
    """Keep a key, if Composio takes it."""
    try:
        whose = doors.verify(json_data.api_key.get_secret_value(), by=principal().name)
    except ComposioFailed as error:
        return {"valid": False, "message": str(error)}
    return {"valid": True, "message": sentence("composio_key_valid", {}), "user_info": whose}


@bp.get("/toolkits")
@changes
@bp.input(ToolkitsQuery, location="query")
@bp.doc(responses=answers(ToolkitList, refusals=(400, 409)))
def index(query_data: ToolkitsQuery) -> ResponseReturnValue:
    """List the toolkits that are known of."""
    synced = 0
    if query_data.sync_with_api:
        if (missing := principal().may("GET", administration=True)) is not None:
            raise Forbidden("scope_missing", scope=missing, has=principal().scope)
        synced = doors.synchronise(by=principal().name)
    shown = [toolkits.shown(row) for row in toolkits.every()] if toolkits.key() else []
    return {"toolkits": shown, "total_count": len(shown), "synced_count": synced}


@bp.post("/toolkit/<slug>/toggle")
@administration
@bp.input(ToggleBody)
@bp.doc(responses=answers(ToggleAnswer, refusals=(400, 404, 409, 415)))
def toggle(slug: str, json_data: ToggleBody) -> ResponseReturnValue:
    """Give tasks its tools or not, and begin to connect an account where it needs one."""
    again = bool(json_data.force_reauth)
    done = doors.toggle(slug, on=json_data.enabled, again=again, by=principal().name)
    return {
        "success": True,
        "message": done.said,
        "enabled": done.enabled,
        "requires_oauth": done.url is not None,
        "oauth_url": done.url,
        "connected": done.status in READY,
        "connection_status": done.status,
    }


@bp.get("/toolkit/<slug>/tools")
@changes
@bp.doc(responses=answers(ToolsAnswer, refusals=(400, 404, 409)))
def tools(slug: str) -> ResponseReturnValue:
    """Ask for the tools of a toolkit."""
    return _tools(slug, doors.tools(slug))


@bp.post("/toolkit/<slug>/tools")
@administration
@bp.input(ToolsBody)
@bp.doc(responses=answers(ToolsAnswer, refusals=(400, 404, 409, 415)))
def choose(slug: str, json_data: ToolsBody) -> ResponseReturnValue:
    """Choose which of its tools tasks may use."""
    return _tools(slug, doors.choose(slug, json_data.selected_tools, by=principal().name))


@bp.get("/toolkit/<slug>/connection-status")
@changes
@bp.doc(responses=answers(ConnectionAnswer, refusals=(400, 404, 409)))
def connection(slug: str) -> ResponseReturnValue:
    """Ask how the account of a toolkit stands."""
    found, connection_id = doors.connection(slug)
    return {
        "toolkit_slug": slug,
        "connected": found in READY,
        "connection_id": connection_id,
        "status": found,
        "last_checked": plain(clock.now()),
    }


def _tools(slug: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"toolkit_slug": slug, "tools": found, "total_tools": len(found)}
