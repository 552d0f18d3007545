"""Toolkits of Composio: taken over as it has them, switched, chosen from and connected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from uuid_utils import uuid7

from webapp.db import db, transaction
from webapp.domain.errors import NotFound
from webapp.domain.toolkits import CREDENTIAL, NOT_CONNECTED, NOT_NEEDED
from webapp.models import Credential, Toolkit
from webapp.services import audit

_toolkits = Toolkit.__table__
_credentials = Credential.__table__

TOLD = ("name", "description", "logo", "app_url", "connection_status", "connection_id")
"""What of a toolkit Composio says."""


@transaction
def set_key(sealed: Mapping[str, Any], *, by: str, now: datetime) -> None:
    """Keep Composio's key, in place of an earlier one: with another key, other accounts count."""
    values = {"sealed": dict(sealed), "set_at": now, "created_by": by}
    db.session.execute(delete(_credentials).where(_credentials.c.name == CREDENTIAL))
    db.session.execute(insert(_credentials).values(name=CREDENTIAL, **values))
    which = update(_toolkits).where(_toolkits.c.connection_status != NOT_NEEDED)
    db.session.execute(which.values(connection_status=NOT_CONNECTED, connection_id=None))
    audit.note(by, "set_composio_key", CREDENTIAL, now)


@transaction
def synchronise(found: Sequence[Mapping[str, Any]], *, by: str, now: datetime) -> int:
    """Take over what Composio has, by slug; returns how many that is.

    Switches and choices stay. What Composio has no more is forgotten, unless it is switched on.
    """
    key = select(_credentials.c.name).where(_credentials.c.name == CREDENTIAL)
    db.session.execute(key.with_for_update())  # one after the other: two would add the same
    there = {row.slug: row for row in db.session.execute(select(_toolkits)).all()}
    fresh = []
    for one in found:
        row = there.pop(one["slug"], None)
        told = {name: one[name] for name in TOLD}
        if row is None:
            times = {"created_at": now, "updated_at": now}
            made = {"id": str(uuid7()), "slug": one["slug"], "enabled": False, "tools": {}}
            fresh.append({**made, **told, **times})
        elif any(getattr(row, name) != value for name, value in told.items()):
            which = update(_toolkits).where(_toolkits.c.id == row.id)
            db.session.execute(which.values(**told, updated_at=now))
    if fresh:
        db.session.execute(insert(_toolkits), fresh)
    gone = [row.id for row in there.values() if not row.enabled]
    for at in range(0, len(gone), 500):
        db.session.execute(delete(_toolkits).where(_toolkits.c.id.in_(gone[at : at + 500])))
    audit.note(by, "synchronise_toolkits", None, now, found=len(found))
    return len(found)


@transaction
def switch(slug: str, *, on: bool, by: str, now: datetime) -> None:
    """Say whether tasks are given its tools."""
    row = _locked(slug)
    _change(row, now, enabled=on)
    audit.note(by, "enable_toolkit" if on else "disable_toolkit", slug, now)


@transaction
def choose(slug: str, chosen: Mapping[str, bool], *, by: str, now: datetime) -> None:
    """Say which of its tools tasks may use; those that are not named stay as they are."""
    row = _locked(slug)
    _change(row, now, tools={**row.tools, **chosen})
    off = sorted(name for name, on in chosen.items() if not on)
    audit.note(by, "choose_tools", slug, now, chosen=len(chosen), off=off[:100])


@transaction
def learn(slug: str, names: Sequence[str], now: datetime) -> None:
    """Know of these tools and no others; a new one may be used."""
    row = _locked(slug)
    known = {name: bool(row.tools.get(name, True)) for name in names}
    if known != row.tools:
        _change(row, now, tools=known)


@transaction
def connect(slug: str, status: str, connection_id: str | None, now: datetime) -> None:
    """Keep how the account behind it stands."""
    row = _locked(slug)
    if (row.connection_status, row.connection_id) != (status, connection_id):
        _change(row, now, connection_status=status, connection_id=connection_id)


def _change(row: Any, now: datetime, **values: Any) -> None:
    which = update(_toolkits).where(_toolkits.c.id == row.id)
    db.session.execute(which.values(**values, updated_at=now))


def _locked(slug: str) -> Any:
    which = select(_toolkits).where(_toolkits.c.slug == slug)
    row = db.session.execute(which.with_for_update()).one_or_none()
    if row is None:
        raise NotFound("no_such_toolkit", name=slug)
    return row
