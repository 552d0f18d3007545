"""Who may come in: users and tokens, as the guard reads them at every request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from webapp.db import db
from webapp.models import ApiToken, User

_users = User.__table__
_tokens = ApiToken.__table__

# Polls come once a second: the two look-ups below are built once and are one select each.
_USER = select(_users.c.name, _users.c.session_epoch, _users.c.password_hash).where(
    _users.c.user_id == bindparam("user_id")
)
_TOKEN = (
    select(
        _tokens.c.user_id,
        _tokens.c.scope,
        _tokens.c.name.label("token"),
        _users.c.name.label("user"),
    )
    .join(_users, _users.c.user_id == _tokens.c.user_id)
    .where(_tokens.c.token_hash == bindparam("token_hash"), _tokens.c.revoked_at.is_(None))
)


@dataclass(frozen=True)
class KnownUser:
    """A person as the guard and the settings see them."""

    name: str
    session_epoch: int
    has_password: bool


@dataclass(frozen=True)
class KnownToken:
    """A token that is good, and whose it is."""

    user_id: int
    scope: str
    token: str
    user: str


@dataclass(frozen=True)
class ListedToken:
    """A token as its owner sees it: never its secret."""

    token_id: int
    name: str
    ending: str
    scope: str
    created_at: datetime


def user(user_id: int) -> KnownUser | None:
    """The user of this id."""
    row = db.session.execute(_USER, {"user_id": user_id}).one_or_none()
    if row is None:
        return None
    return KnownUser(row.name, row.session_epoch, row.password_hash is not None)


def token(token_hash: str) -> KnownToken | None:
    """The token of this hash, unless it was revoked."""
    row = db.session.execute(_TOKEN, {"token_hash": token_hash}).one_or_none()
    return None if row is None else KnownToken(row.user_id, row.scope, row.token, row.user)


def tokens(user_id: int) -> list[ListedToken]:
    """The user's tokens that are good, newest first."""
    rows = db.session.execute(
        select(
            _tokens.c.token_id,
            _tokens.c.name,
            _tokens.c.ending,
            _tokens.c.scope,
            _tokens.c.created_at,
        )
        .where(_tokens.c.user_id == user_id, _tokens.c.revoked_at.is_(None))
        .order_by(_tokens.c.token_id.desc())
    )
    return [ListedToken(*row) for row in rows]


def has_password() -> bool:
    """Whether anybody can log in with a password yet."""
    found = select(_users.c.user_id).where(_users.c.password_hash.is_not(None)).limit(1)
    return db.session.execute(found).one_or_none() is not None
