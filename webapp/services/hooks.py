"""Web hooks: the secret in an address by which a flow is run without a login, and its end."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import bindparam, select, update

from webapp.db import db, transaction
from webapp.domain.errors import Conflict, NoSuchFlow
from webapp.models import Flow
from webapp.services import audit
from webapp.services.people import digest

_flows = Flow.__table__
_LOOK = select(_flows.c.hook_hash).where(_flows.c.flow_id == bindparam("of_flow")).with_for_update()
ENDING = 4


@transaction
def replace(flow_id: str, *, by: str, now: datetime) -> str:
    """Give a flow a hook, instead of the one it may have; its secret is told this once."""
    had = _look(flow_id)
    secret = secrets.token_urlsafe(32)
    own = {"hook_hash": digest(secret), "hook_ending": secret[-ENDING:], "hook_created_at": now}
    db.session.execute(update(_flows).where(_flows.c.flow_id == flow_id).values(**own))
    audit.note(by, "hook_replaced" if had else "hook_made", flow_id, now)
    return secret


@transaction
def revoke(flow_id: str, *, by: str, now: datetime) -> None:
    """Take a flow's hook away; Conflict if it has none."""
    if not _look(flow_id):
        raise Conflict("hook_not_set")
    gone = dict.fromkeys(("hook_hash", "hook_ending", "hook_created_at"))
    db.session.execute(update(_flows).where(_flows.c.flow_id == flow_id).values(**gone))
    audit.note(by, "hook_revoked", flow_id, now)


def _look(flow_id: str) -> bool:
    """Whether a flow has a hook; raises NoSuchFlow."""
    found = db.session.execute(_LOOK, {"of_flow": flow_id}).one_or_none()
    if found is None:
        raise NoSuchFlow(flow_id=flow_id)
    return found.hook_hash is not None
