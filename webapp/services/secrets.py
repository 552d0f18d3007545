"""Puts secrets that were sealed anew where they were; a row that changed meanwhile is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, update

from webapp.db import db, transaction
from webapp.models import Channel, Credential, Flow, LlmProfile, McpProfile, Task

_tasks = Task.__table__
_flows = Flow.__table__
_channels = Channel.__table__
_profiles = LlmProfile.__table__
_servers = McpProfile.__table__
_credentials = Credential.__table__


@transaction
def reseal_task(seq: int, settings: Mapping[str, Any]) -> bool:
    """Replace a task's settings, which nothing else ever changes."""
    done = db.session.execute(
        update(_tasks).where(_tasks.c.seq == seq).values(agent_settings=dict(settings))
    )
    return bool(cast(CursorResult[Any], done).rowcount)


@transaction
def reseal_flow(seq: int, settings: Mapping[str, Any], *, seen: int) -> bool:
    """Replace a flow's settings; false if somebody has edited it since version ``seen``."""
    done = db.session.execute(
        update(_flows)
        .where(_flows.c.seq == seq, _flows.c.version == seen)
        .values(agent_settings=dict(settings))
    )
    return bool(cast(CursorResult[Any], done).rowcount)


@transaction
def reseal_channel(channel_id: int, token: str, *, seen: str) -> bool:
    """Replace a channel's sealed address; false if it is another one by now."""
    done = db.session.execute(
        update(_channels)
        .where(_channels.c.channel_id == channel_id, _channels.c.sealed == seen)
        .values(sealed=token)
    )
    return bool(cast(CursorResult[Any], done).rowcount)


@transaction
def reseal_profile(profile_id: str, api_key: Mapping[str, Any], *, seen: int) -> bool:
    """Replace an LLM profile's key; false if somebody has edited it since version ``seen``."""
    done = db.session.execute(
        update(_profiles)
        .where(_profiles.c.profile_id == profile_id, _profiles.c.version == seen)
        .values(api_key=dict(api_key))
    )
    return bool(cast(CursorResult[Any], done).rowcount)


@transaction
def reseal_server(mcp_id: str, params: Mapping[str, Any], *, seen: int) -> bool:
    """Replace how an MCP server is started; false if it was edited since version ``seen``."""
    done = db.session.execute(
        update(_servers)
        .where(_servers.c.mcp_id == mcp_id, _servers.c.version == seen)
        .values(mcp_server_params=dict(params))
    )
    return bool(cast(CursorResult[Any], done).rowcount)


@transaction
def reseal_credential(name: str, sealed: Mapping[str, Any], *, seen: datetime) -> bool:
    """Replace a service's key; false if another one was given since ``seen``."""
    done = db.session.execute(
        update(_credentials)
        .where(_credentials.c.name == name, _credentials.c.set_at == seen)
        .values(sealed=dict(sealed))
    )
    return bool(cast(CursorResult[Any], done).rowcount)
