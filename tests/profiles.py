"""LLM profiles and MCP servers, stored for a test past the doors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIFlask

from webapp import clock
from webapp.ports import KEY
from webapp.services.profiles import llm, mcp

API_KEY = "sk-1234567890-x4Qz"
OFFLINE = {"provider": "offline", "model": "demo", "provider_config": {"delay_s": 0}}


def make_profile(app: APIFlask, name: str = "demo", **fields: Any) -> str:
    """Store a profile, offline and without delay unless said otherwise; returns its name."""
    ports = app.extensions[KEY]
    values = {"profile_name": name, **OFFLINE, **fields}
    if "api_key" in values:
        values = ports.vault.seal_settings(values, ("api_key",))
    with app.app_context():
        llm.create(values, by="tester", now=clock.now())
    return name


def pretended(url: str, **fields: Any) -> dict[str, Any]:
    """The fields of a profile for a server that speaks OpenAI's protocol."""
    return {
        "provider": "openai_compatible",
        "model": "tiny-1",
        "base_url": url,
        "api_key": API_KEY,
        "provider_config": None,
        **fields,
    }


def make_server(app: APIFlask, name: str, params: Mapping[str, Any], **fields: Any) -> str:
    """Store an MCP server; returns its id."""
    ports = app.extensions[KEY]
    values = ports.vault.seal_settings(
        {"mcp_server_params": params}, ("mcp_server_params.env", "mcp_server_params.headers")
    )
    names = {"display_name": name.title(), "mcp_server_name": name}
    with app.app_context():
        return mcp.create({**names, **values, **fields}, by="tester", now=clock.now())
