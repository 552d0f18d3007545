"""LLM profiles: made, changed, made the default and deleted; one at most is the default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from uuid_utils import uuid7

from webapp.db import db, transaction
from webapp.domain.errors import Conflict, Invalid, NotFound, Refused
from webapp.domain.messages import sentence
from webapp.models import LlmProfile
from webapp.services import audit

_profiles = LlmProfile.__table__

MOST = 200
PLAIN = {
    "is_active": True,
    "request_timeout_s": 120.0,
}
"""What a new profile is like unless it is said otherwise."""


@transaction
def create(values: Mapping[str, Any], *, by: str, now: datetime) -> str:
    """Make a profile of columns, its key sealed; returns its id.

    It becomes the default if it is to be, or if it is active and there is no other.
    """
    if db.session.execute(select(func.count()).select_from(_profiles)).scalar_one() >= MOST:
        raise Conflict("too_many_profiles", limit=MOST)
    name = values["profile_name"]
    _refuse_taken(name)
    made = {**PLAIN, **values, "profile_id": str(uuid7())}
    made["is_default"] = _becomes_default(made)
    if made.get("api_key") is not None:
        made["api_key_set_at"] = now
    times = {"created_by": by, "created_at": now, "updated_at": now, "version": 1}
    db.session.execute(insert(_profiles).values(**made, **times))
    audit.note(by, "create_llm_profile", name, now, provider=made["provider"], model=made["model"])
    return str(made["profile_id"])


@transaction
def change(name: str, values: Mapping[str, Any], *, by: str, now: datetime) -> None:
    """Change what is given of a profile; raises Refused where its default would be no use."""
    before = _locked(name)
    given = {key: value for key, value in values.items() if key != "is_default"}
    if before.is_default and not (given.get("is_active", True) and values.get("is_default", True)):
        raise Refused("default_stays", name=name)
    if values.get("is_default") and not before.is_default:
        _refuse_inactive(name, bool(given.get("is_active", before.is_active)))
        _drop_default()
        given["is_default"] = True
    if given.get("api_key") is not None:
        given["api_key_set_at"] = now
    version = _profiles.c.version + 1
    which = update(_profiles).where(_profiles.c.profile_id == before.profile_id)
    db.session.execute(which.values(**given, updated_at=now, version=version))
    changed = sorted(set(values) - {"api_key_set_at"})
    audit.note(by, "change_llm_profile", name, now, changed=changed)


@transaction
def set_default(name: str, *, by: str, now: datetime) -> None:
    """Make a profile the one that is used where none is named."""
    before = _locked(name)
    _refuse_inactive(name, before.is_active)
    if before.is_default:
        return
    _drop_default()
    which = update(_profiles).where(_profiles.c.profile_id == before.profile_id)
    changed = {"is_default": True, "updated_at": now, "version": _profiles.c.version + 1}
    db.session.execute(which.values(**changed))
    audit.note(by, "set_default_llm_profile", name, now)


@transaction
def remove(name: str, *, by: str, now: datetime) -> None:
    """Delete a profile with its key; the default is refused."""
    before = _locked(name)
    if before.is_default:
        raise Refused("default_not_deleted", name=name)
    db.session.execute(delete(_profiles).where(_profiles.c.profile_id == before.profile_id))
    audit.note(by, "delete_llm_profile", name, now)


@transaction
def used(name: str, now: datetime) -> None:
    """A task begins to use it; that is no edit. A profile that is gone by now is no matter."""
    which = update(_profiles).where(_profiles.c.profile_name == name)
    db.session.execute(which.values(last_used_at=now))


def _becomes_default(made: Mapping[str, Any]) -> bool:
    found = select(_profiles.c.profile_id).where(_profiles.c.is_default)
    if not made.get("is_default"):
        none_yet = db.session.execute(found).scalar_one_or_none() is None
        return none_yet and bool(made["is_active"])
    _refuse_inactive(made["profile_name"], made["is_active"])
    _drop_default()
    return True


def _drop_default() -> None:
    db.session.execute(update(_profiles).where(_profiles.c.is_default).values(is_default=False))


def _locked(name: str) -> Any:
    which = select(_profiles).where(_profiles.c.profile_name == name)
    row = db.session.execute(which.with_for_update()).one_or_none()
    if row is None:
        raise NotFound("no_such_profile", name=name)
    return row


def _refuse_taken(name: str) -> None:
    found = select(_profiles.c.profile_id).where(_profiles.c.profile_name == name)
    if db.session.execute(found).scalar_one_or_none() is not None:
        reason = sentence("name_is_taken", {"name": name})
        raise Invalid("name_is_taken", fields={"profile_name": reason}, name=name)


def _refuse_inactive(name: str, is_active: bool) -> None:
    if not is_active:
        raise Refused("inactive_not_default", name=name)
