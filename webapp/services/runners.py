"""The processes that claim tasks: they sign in, show that they live, and sign out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, literal, update

from webapp.db import DatabaseTime, UtcDateTime, db, transaction
from webapp.domain.runner import Identity
from webapp.models import Runner

_runners = Runner.__table__


@transaction
def sign_in(identity: Identity, app_version: str, now: datetime) -> None:
    """A process begins to claim tasks."""
    db.session.execute(
        insert(_runners).values(
            runner_id=identity.runner_id,
            host=identity.host,
            boot_id=identity.boot_id,
            pid=identity.pid,
            pid_started=identity.pid_started,
            started_at=now,
            heartbeat_at=_by_the_database(now),
            app_version=app_version,
        )
    )


@transaction
def beat(runner_id: str, now: datetime) -> None:
    """A runner shows that it lives."""
    _update(runner_id, heartbeat_at=_by_the_database(now))


@transaction
def sign_out(runner_id: str, now: datetime) -> None:
    """A process claims no more tasks."""
    _update(runner_id, heartbeat_at=_by_the_database(now), ended_at=now)


def _by_the_database(now: datetime) -> ColumnElement[datetime]:
    """A heartbeat is compared by other machines, whose clocks may differ."""
    return func.coalesce(DatabaseTime(), literal(now, UtcDateTime))


def _update(runner_id: str, **columns: datetime | ColumnElement[datetime]) -> None:
    db.session.execute(update(_runners).where(_runners.c.runner_id == runner_id).values(**columns))
