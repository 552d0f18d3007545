"""The limit on guessing: failures are counted per kind and address, successes never."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select

from webapp.db import db, transaction
from webapp.domain.errors import TooMany
from webapp.models import AuthFailure
from webapp.services import audit

_failures = AuthFailure.__table__

LIMIT = 10
"""How many failures of one kind an address may have within the window."""
WINDOW = timedelta(minutes=5)
ANONYMOUS = "anonymous"


def refuse_after_failures(kind: str, address: str, now: datetime) -> None:
    """Raise TooMany until the window has passed for an address that failed too often."""
    latest = (
        select(_failures.c.at)
        .where(
            _failures.c.kind == kind,
            _failures.c.address == address,
            _failures.c.at > now - WINDOW,
        )
        .order_by(_failures.c.at.desc())
        .limit(LIMIT)
        .subquery()
    )
    count, oldest = db.session.execute(select(func.count(), func.min(latest.c.at))).one()
    if count >= LIMIT:
        left = oldest + WINDOW - now
        raise TooMany("too_many_failures", retry_after_s=-(-left // timedelta(seconds=1)))


@transaction
def fail(
    kind: str,
    address: str,
    now: datetime,
    *,
    by: str = ANONYMOUS,
    action: str | None = None,
    target: str | None = None,
    via: str | None = None,
) -> None:
    """Count a failure, forget those that no longer count, and record it if it has an action."""
    db.session.execute(delete(_failures).where(_failures.c.at <= now - WINDOW))
    db.session.execute(insert(_failures).values(kind=kind, address=address, at=now))
    if action is not None:
        detail = {"address": address, **({"via": via} if via else {})}
        audit.note(by, action, target, now, **detail)
