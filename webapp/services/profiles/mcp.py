"""MCP servers: made, changed and deleted; both names of each are its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from uuid_utils import uuid7

from webapp.db import db, transaction
from webapp.domain.errors import Conflict, Invalid, NotFound
from webapp.domain.messages import sentence
from webapp.models import McpProfile
from webapp.services import audit

_servers = McpProfile.__table__

MOST = 100
NAMES = ("display_name", "mcp_server_name")
PLAIN = {
    "is_active": True,
    "startup_timeout_s": 30.0,
    "call_timeout_s": 60.0,
    "is_required": False,
}
"""What a new server is like unless it is said otherwise."""


@transaction
def create(values: Mapping[str, Any], *, by: str, now: datetime) -> str:
    """Make a server of columns, its secrets sealed; returns its id."""
    if db.session.execute(select(func.count()).select_from(_servers)).scalar_one() >= MOST:
        raise Conflict("too_many_profiles", limit=MOST)
    _refuse_taken(values, None)
    mcp_id = str(uuid7())
    times = {"created_by": by, "created_at": now, "updated_at": now, "version": 1}
    made = {**PLAIN, **values, **times, "mcp_id": mcp_id}
    db.session.execute(insert(_servers).values(**made))
    audit.note(by, "create_mcp_profile", mcp_id, now, name=values["display_name"])
    return mcp_id


@transaction
def change(mcp_id: str, values: Mapping[str, Any], *, by: str, now: datetime) -> None:
    """Change what is given of a server."""
    before = _locked(mcp_id)
    _refuse_taken(values, mcp_id)
    which = update(_servers).where(_servers.c.mcp_id == mcp_id)
    version = _servers.c.version + 1
    db.session.execute(which.values(**values, updated_at=now, version=version))
    name = values.get("display_name", before.display_name)
    audit.note(by, "change_mcp_profile", mcp_id, now, name=name, changed=sorted(values))


@transaction
def remove(mcp_id: str, *, by: str, now: datetime) -> str:
    """Delete a server with its secrets; returns how it was called."""
    name = str(_locked(mcp_id).display_name)
    db.session.execute(delete(_servers).where(_servers.c.mcp_id == mcp_id))
    audit.note(by, "delete_mcp_profile", mcp_id, now, name=name)
    return name


@transaction
def used(mcp_ids: Sequence[str], now: datetime) -> None:
    """A task begins to use them; that is no edit. What is gone by now is no matter."""
    which = update(_servers).where(_servers.c.mcp_id.in_(mcp_ids))
    db.session.execute(which.values(last_used_at=now))


def _locked(mcp_id: str) -> Any:
    which = select(_servers).where(_servers.c.mcp_id == mcp_id)
    row = db.session.execute(which.with_for_update()).one_or_none()
    if row is None:
        raise NotFound("no_such_mcp_profile")
    return row


def _refuse_taken(values: Mapping[str, Any], but: str | None) -> None:
    problems = {}
    for field in (name for name in NAMES if name in values):
        found = select(_servers.c.mcp_id).where(_servers.c[field] == values[field])
        if db.session.execute(found).scalar_one_or_none() not in (None, but):
            problems[field] = values[field]
    if problems:
        said = {f: sentence("name_is_taken", {"name": name}) for f, name in problems.items()}
        raise Invalid("name_is_taken", fields=said, name=next(iter(problems.values())))
