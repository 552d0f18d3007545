"""LLM profiles and MCP servers, as pages, scripts and runs see them: secrets as they are sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from webapp.db import db
from webapp.domain.errors import NotFound
from webapp.domain.secrets import ENDING, masked
from webapp.models import LlmProfile, McpProfile
from webapp.queries.tasks import plain

_profiles = LlmProfile.__table__
_servers = McpProfile.__table__


@dataclass(frozen=True)
class Counts:
    """How many there are, and how many of them are active."""

    total: int
    active: int


def let_go() -> None:
    """Hold no snapshot while somebody outside is asked, who may take long."""
    db.session.close()


def shown_llm(row: Row[Any]) -> dict[str, Any]:
    """A profile as people may see it: of its key, whether there is one, and how it ends."""
    found = {name: plain(value) for name, value in row._mapping.items() if name != "api_key"}
    key = row.api_key or {}
    return {
        **found,
        "has_api_key": row.api_key is not None,
        "api_key_ending": key.get(ENDING) or None,
    }


def shown_mcp(row: Row[Any]) -> dict[str, Any]:
    """A server as people may see it, its secrets masked."""
    found = {name: plain(value) for name, value in row._mapping.items()}
    return {**found, **masked({"mcp_server_params": row.mcp_server_params})}


def llm(name: str) -> Row[Any]:
    """A profile; raises NotFound."""
    found = select(_profiles).where(_profiles.c.profile_name == name)
    row: Row[Any] | None = db.session.execute(found).one_or_none()
    if row is None:
        raise NotFound("no_such_profile", name=name)
    return row


def llm_named(name: str | None) -> Row[Any] | None:
    """A profile that need not be there."""
    found = select(_profiles).where(_profiles.c.profile_name == name)
    row: Row[Any] | None = db.session.execute(found).one_or_none() if name else None
    return row


def llm_default() -> Row[Any] | None:
    """The profile that is used where none is named; None if there is none."""
    found = select(_profiles).where(_profiles.c.is_default)
    row: Row[Any] | None = db.session.execute(found).one_or_none()
    return row


def llm_all(
    *, active_only: bool = False, limit: int | None = None, offset: int = 0
) -> Sequence[Row[Any]]:
    """Profiles by name."""
    query = select(_profiles).order_by(_profiles.c.profile_name)
    if active_only:
        query = query.where(_profiles.c.is_active)
    if limit is not None:
        query = query.limit(limit)
    rows: Sequence[Row[Any]] = db.session.execute(query.offset(offset)).all()
    return rows


def llm_active_of(provider: str) -> Sequence[Row[Any]]:
    """The active profiles of a provider, the default first, then the one that was used last."""
    found = select(_profiles).where(_profiles.c.provider == provider, _profiles.c.is_active)
    used = _profiles.c.last_used_at
    order = (_profiles.c.is_default.desc(), used.is_(None), used.desc(), _profiles.c.profile_name)
    rows: Sequence[Row[Any]] = db.session.execute(found.order_by(*order)).all()
    return rows


def llm_counts() -> Counts:
    """How many profiles there are."""
    return _counts(_profiles)


def mcp(mcp_id: str) -> Row[Any]:
    """A server; raises NotFound."""
    found = select(_servers).where(_servers.c.mcp_id == mcp_id)
    row: Row[Any] | None = db.session.execute(found).one_or_none()
    if row is None:
        raise NotFound("no_such_mcp_profile")
    return row


def mcp_all(*, active_only: bool = False) -> Sequence[Row[Any]]:
    """Servers by the name people know them by."""
    query = select(_servers).order_by(_servers.c.display_name)
    if active_only:
        query = query.where(_servers.c.is_active)
    rows: Sequence[Row[Any]] = db.session.execute(query).all()
    return rows


def mcp_active() -> Sequence[Row[Any]]:
    """The servers whose tools tasks are given."""
    return mcp_all(active_only=True)


def mcp_counts() -> Counts:
    """How many servers there are."""
    return _counts(_servers)


def _counts(table: Any) -> Counts:
    active = func.count().filter(table.c.is_active)
    row = db.session.execute(select(func.count(), active).select_from(table)).one()
    return Counts(total=row[0], active=row[1])
