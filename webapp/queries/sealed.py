"""Where secrets are stored: every row that holds a sealed one, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, select

from webapp.db import db
from webapp.domain.secrets import SEALED
from webapp.models import Channel, Credential, Flow, LlmProfile, McpProfile, Task
from webapp.models.tasks import is_open

_tasks = Task.__table__
_flows = Flow.__table__
_channels = Channel.__table__
_profiles = LlmProfile.__table__
_servers = McpProfile.__table__
_credentials = Credential.__table__

PAGE = 500


class Secret(NamedTuple):
    """A row that holds secrets in what looks like settings."""

    key: Any
    name: str
    settings: dict[str, Any]
    version: Any
    """What is another one after an edit."""


def in_tasks(after: int, *, still_to_run: bool = False) -> Sequence[Any]:
    """Tasks, or those of them that are not final: ``key, name, settings``."""
    query = select(
        _tasks.c.seq.label("key"),
        _tasks.c.task_id.label("name"),
        _tasks.c.agent_settings.label("settings"),
    ).where(_tasks.c.seq > after, _holds_sealed(_tasks.c.agent_settings))
    if still_to_run:
        query = query.where(is_open(_tasks))
    return db.session.execute(query.order_by(_tasks.c.seq).limit(PAGE)).all()


def in_flows(after: int) -> Sequence[Any]:
    """Flows: ``key, name, settings, version``."""
    query = select(
        _flows.c.seq.label("key"),
        _flows.c.name,
        _flows.c.agent_settings.label("settings"),
        _flows.c.version,
    ).where(_flows.c.seq > after, _holds_sealed(_flows.c.agent_settings))
    return db.session.execute(query.order_by(_flows.c.seq).limit(PAGE)).all()


def in_channels(after: int) -> Sequence[Any]:
    """Channels of notices: ``key, name, token``."""
    query = select(
        _channels.c.channel_id.label("key"), _channels.c.name, _channels.c.sealed.label("token")
    ).where(_channels.c.channel_id > after)
    return db.session.execute(query.order_by(_channels.c.channel_id).limit(PAGE)).all()


def in_profiles(after: Any) -> Sequence[Any]:
    """LLM profiles that have a key: ``key, name, settings, version``; ``after`` 0 is the first."""
    query = select(
        _profiles.c.profile_id.label("key"),
        _profiles.c.profile_name.label("name"),
        _profiles.c.api_key,
        _profiles.c.version,
    ).where(_profiles.c.profile_id > (after or ""), _holds_sealed(_profiles.c.api_key))
    rows = db.session.execute(query.order_by(_profiles.c.profile_id).limit(PAGE)).all()
    return [Secret(row.key, row.name, {"api_key": row.api_key}, row.version) for row in rows]


def in_servers(after: Any) -> Sequence[Any]:
    """MCP servers, in the same way."""
    query = select(
        _servers.c.mcp_id.label("key"),
        _servers.c.display_name.label("name"),
        _servers.c.mcp_server_params.label("settings"),
        _servers.c.version,
    ).where(_servers.c.mcp_id > (after or ""), _holds_sealed(_servers.c.mcp_server_params))
    rows = db.session.execute(query.order_by(_servers.c.mcp_id).limit(PAGE)).all()
    return [Secret(row.key, row.name, row.settings, row.version) for row in rows]


def in_credentials(after: Any) -> Sequence[Any]:
    """Keys of services, in the same way."""
    query = select(
        _credentials.c.name, _credentials.c.sealed, _credentials.c.set_at.label("version")
    ).where(_credentials.c.name > (after or ""))
    rows = db.session.execute(query.order_by(_credentials.c.name).limit(PAGE)).all()
    return [Secret(row.name, row.name, {"key": row.sealed}, row.version) for row in rows]


def _holds_sealed(settings: Any) -> Any:
    return cast(settings, Text).like(f'%"{SEALED}"%')
