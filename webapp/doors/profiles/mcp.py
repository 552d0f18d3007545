"""What both doors do with MCP servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp import clock
from webapp.domain.errors import Invalid
from webapp.domain.mcp import SECRETS, check_name, check_server
from webapp.domain.secrets import SEALED, holds_sealed, is_mask, merged
from webapp.doors.intake import changes
from webapp.doors.profiles import fields
from webapp.ports import Tested, ports
from webapp.queries import profiles
from webapp.services.profiles import mcp as verbs

PARAMS = "mcp_server_params"
CHECKS: Mapping[str, fields.Check] = {
    "display_name": fields.line(fields.MAX_NAME),
    "mcp_server_name": check_name,
    PARAMS: check_server,
    "description": fields.optional(fields.text),
    "is_active": fields.flag,
    "selected_tools": fields.optional(fields.tools),
    "startup_timeout_s": fields.seconds,
    "call_timeout_s": fields.seconds,
    "is_required": fields.flag,
}
REQUIRED = ("display_name", "mcp_server_name", PARAMS)
MAY_BE_NULL = ("description", "selected_tools")


def create(raw: Mapping[str, Any], *, by: str) -> str:
    """Store a new server; returns its id. Raises Invalid with every field that is wrong."""
    missing = {name: "must be given" for name in REQUIRED if raw.get(name) is None}
    if missing:
        raise Invalid.of(missing)
    return verbs.create(_values(raw, {}), by=by, now=clock.now())


def change(mcp_id: str, raw: Mapping[str, Any], *, by: str) -> None:
    """Change what is sent; a secret that is sent as it is shown stays."""
    row = profiles.mcp(mcp_id)
    sent = changes(raw, profiles.shown_mcp(row), CHECKS)
    if values := _values(sent, row.mcp_server_params):
        verbs.change(mcp_id, values, by=by, now=clock.now())


def opened(row: Any) -> dict[str, Any]:
    """How a server is started or reached, its secrets open; raises SecretLost or KeysUnusable."""
    found: dict[str, Any] = ports().vault.open_settings({PARAMS: row.mcp_server_params})[PARAMS]
    return found


def test(mcp_id: str) -> Tested:
    """Start or reach a server, ask for its tools, and end it, now."""
    row = profiles.mcp(mcp_id)
    params = opened(row)
    profiles.let_go()
    return ports().connections.mcp(params, startup_timeout_s=row.startup_timeout_s)


def _values(raw: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The columns for what was sent, sealed."""
    said = {k: value for k, value in raw.items() if value is not None or k in MAY_BE_NULL}
    if isinstance(said.get(PARAMS), Mapping):
        said[PARAMS] = _unmasked(said[PARAMS], stored)
    values = fields.checked(said, CHECKS)
    if (timeout := values.get(PARAMS, {}).pop("timeout", None)) is not None:
        values["call_timeout_s"] = timeout  # as other programs write what has a column here
    return ports().vault.seal_settings(values, [f"{PARAMS}.{name}" for name in SECRETS])


def _unmasked(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, with the secrets that its masks stand for; raises Invalid."""
    if holds_sealed(sent):
        raise Invalid.field(PARAMS, f"must hold no {SEALED}: send the secret itself")
    together = merged({PARAMS: stored}, {PARAMS: sent})
    found: dict[str, Any] = ports().vault.open_settings(together)[PARAMS]
    for name in SECRETS:
        inner = found.get(name)
        for key, value in inner.items() if isinstance(inner, Mapping) else ():
            if is_mask(value):
                raise Invalid.field(PARAMS, f"{name}.{key}: send the secret itself, not its mask")
    return found
