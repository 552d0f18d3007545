"""Puts secrets that were sealed anew where they were; a row that changed meanwhile is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import CursorResult, update

from webapp.db import db, transaction
from webapp.models import Channel, Flow, Task

_tasks = Task.__table__
_flows = Flow.__table__
_channels = Channel.__table__


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
