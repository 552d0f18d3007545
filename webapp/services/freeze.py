"""The freeze: what runs goes on, and nothing new begins until somebody thaws."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from webapp.db import db, transaction
from webapp.domain.errors import Conflict
from webapp.models import Freeze, Lane
from webapp.services import audit, locks

_freeze = Freeze.__table__
_lanes = Lane.__table__


@transaction
def freeze(reason: str, *, by: str, now: datetime) -> None:
    """Let nothing new begin, durably; raises Conflict if it is so already."""
    locks.all_lanes()
    if db.session.execute(select(_freeze.c.only)).first() is not None:
        raise Conflict("already_frozen")
    values = {"only": 1, "reason": reason, "frozen_by": by, "since": now}
    db.session.execute(insert(_freeze).values(**values))
    _tell_everybody()
    audit.note(by, "freeze", None, now, reason=reason)


@transaction
def thaw(*, by: str, now: datetime) -> None:
    """Let tasks begin again; raises Conflict if nothing is frozen."""
    locks.all_lanes()
    gone = db.session.execute(delete(_freeze).returning(_freeze.c.only)).first()
    if gone is None:
        raise Conflict("not_frozen")
    _tell_everybody()
    audit.note(by, "thaw", None, now)


def _tell_everybody() -> None:
    """Give every lane a new version: whoever watches one sees the freeze come and go."""
    db.session.execute(update(_lanes).values(version=_lanes.c.version + 1))
