"""Toolkits of Composio, as pages, scripts and runs see them, and the key as it is sealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from webapp.db import db
from webapp.domain.errors import NotFound
from webapp.domain.toolkits import CREDENTIAL
from webapp.models import Credential, Toolkit
from webapp.queries.tasks import plain

_toolkits = Toolkit.__table__
_credentials = Credential.__table__

SHOWN = (
    *("id", "name", "slug", "description", "logo", "app_url", "enabled", "tools"),
    *("connection_status", "created_at", "updated_at"),
)


def shown(row: Row[Any]) -> dict[str, Any]:
    """A toolkit as scripts see it."""
    return {name: plain(getattr(row, name)) for name in SHOWN}


def every() -> Sequence[Row[Any]]:
    """All toolkits that are known of, those that are on first, then by name."""
    order = (_toolkits.c.enabled.desc(), _toolkits.c.name, _toolkits.c.slug)
    rows: Sequence[Row[Any]] = db.session.execute(select(_toolkits).order_by(*order)).all()
    return rows


def enabled() -> Sequence[Row[Any]]:
    """Those whose tools tasks are given."""
    found = select(_toolkits).where(_toolkits.c.enabled).order_by(_toolkits.c.slug)
    rows: Sequence[Row[Any]] = db.session.execute(found).all()
    return rows


def of(slug: str) -> Row[Any]:
    """A toolkit; raises NotFound."""
    found = select(_toolkits).where(_toolkits.c.slug == slug)
    row: Row[Any] | None = db.session.execute(found).one_or_none()
    if row is None:
        raise NotFound("no_such_toolkit", name=slug)
    return row


def key() -> Row[Any] | None:
    """Composio's key as it is sealed, since when and by whom; None if there is none."""
    found = select(_credentials).where(_credentials.c.name == CREDENTIAL)
    row: Row[Any] | None = db.session.execute(found).one_or_none()
    return row
