"""The channels that notices go through: made, changed, switched and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from webapp.db import db, transaction
from webapp.domain.errors import Conflict, NotFound
from webapp.domain.messages import sentence
from webapp.models import Channel, Flow
from webapp.services import audit
from webapp.services.notices import deliveries

_channels = Channel.__table__
_flows = Flow.__table__

MOST = 50
OPTIONS = ("is_enabled", "failed_after", "recovered", "missed", "paused", "budget")
"""What may be changed of a channel besides its name and its address."""


@transaction
def create(values: Mapping[str, Any], *, by: str, now: datetime) -> int:
    """Make a channel of a name, a sealed address and what it wants; returns its id."""
    if db.session.execute(select(func.count()).select_from(_channels)).scalar_one() >= MOST:
        raise Conflict("too_many_channels", limit=MOST)
    _refuse_taken(values["name"], None)
    times = {"created_by": by, "created_at": now, "updated_at": now, "version": 1}
    made = insert(_channels).values(**values, **times).returning(_channels.c.channel_id)
    channel_id = int(db.session.execute(made).scalar_one())
    audit.note(by, "create_channel", str(channel_id), now, name=values["name"])
    return channel_id


@transaction
def change(channel_id: int, values: Mapping[str, Any], *, by: str, now: datetime) -> None:
    """Change what is given of a channel; a new name follows into the rules of flows."""
    before = _locked(channel_id)
    name = values.get("name", before.name)
    if name != before.name:
        _refuse_taken(name, channel_id)
        _rename(before.name, name)
    version = _channels.c.version + 1
    which = update(_channels).where(_channels.c.channel_id == channel_id)
    db.session.execute(which.values(**values, updated_at=now, version=version))
    if before.is_enabled and not values.get("is_enabled", True):
        deliveries.give_up(channel_id, sentence("channel_was_switched_off", {}))
    changed = sorted(set(values) - {"service", "shown"})
    audit.note(by, "change_channel", str(channel_id), now, name=name, changed=changed)


@transaction
def remove(channel_id: int, *, by: str, now: datetime) -> str:
    """Delete a channel with its log, and out of the rules of flows; returns its name."""
    name = str(_locked(channel_id).name)
    _rename(name, None)
    db.session.execute(delete(_channels).where(_channels.c.channel_id == channel_id))
    audit.note(by, "delete_channel", str(channel_id), now, name=name)
    return name


def _locked(channel_id: int) -> Any:
    which = select(_channels).where(_channels.c.channel_id == channel_id)
    row = db.session.execute(which.with_for_update()).one_or_none()
    if row is None:
        raise NotFound("no_such_channel")
    return row


def _refuse_taken(name: str, but: int | None) -> None:
    found = select(_channels.c.channel_id).where(_channels.c.name == name)
    other = db.session.execute(found).scalar_one_or_none()
    if other not in (None, but):
        raise Conflict("channel_name_taken", name=name)


def _rename(old: str, new: str | None) -> None:
    """Have the rules of flows name a channel as it is named now, or not at all."""
    found = select(_flows.c.flow_id, _flows.c.notify).where(_flows.c.notify.is_not(None))
    for flow in db.session.execute(found.with_for_update()).all():
        named = flow.notify.get("channels")
        if named is None or old not in named:
            continue
        kept = sorted({*named, new} - {old, None})
        rules = {**flow.notify, "channels": kept}
        db.session.execute(
            update(_flows).where(_flows.c.flow_id == flow.flow_id).values(notify=rules)
        )
