"""How people get in: passwords, login links and API tokens."""

from __future__ import annotations

import functools
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Row, Select, delete, insert, select, update

from webapp.db import db, lock, transaction
from webapp.domain.errors import Conflict, Invalid, NotFound, Unauthorized
from webapp.domain.scopes import Scope
from webapp.models import ApiToken, LoginLink, User
from webapp.services import audit
from webapp.services.failures import ANONYMOUS, fail, refuse_after_failures

_users = User.__table__
_links = LoginLink.__table__
_tokens = ApiToken.__table__

OWNER = "owner"
LINK_LIFE = timedelta(minutes=15)
TOKEN_PREFIX = "lineup_"
ENDING = 4
PASSWORD_LENGTH = (8, 1_000)
TOKEN_NAME_LENGTH = 50

hasher = PasswordHasher()
# One check at a time: each takes 64 MiB, and nobody slips past the limit by asking in parallel.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class LoggedIn:
    """A person whose login holds for as long as the user's epoch is this one."""

    user_id: int
    name: str
    session_epoch: int


@transaction
def ensure_owner(now: datetime) -> int:
    """The id of the first user, who is made if there is none."""
    found = db.session.execute(select(_users.c.user_id).order_by(_users.c.user_id).limit(1))
    user_id = found.scalar_one_or_none()
    if user_id is None:
        made = db.session.execute(
            insert(_users)
            .values(name=OWNER, session_epoch=0, created_at=now)
            .returning(_users.c.user_id)
        )
        user_id = int(made.scalar_one())
        audit.note(OWNER, "user_created", OWNER, now)
    return user_id


@transaction
def new_login_link(name: str | None, now: datetime) -> str:
    """The secret of a fresh link for this user, or for the first one; good once, 15 minutes."""
    wanted = select(_users.c.user_id, _users.c.name).order_by(_users.c.user_id).limit(1)
    if name is not None:
        wanted = wanted.where(_users.c.name == name)
    user = db.session.execute(wanted).one_or_none()
    if user is None:
        raise NotFound("no_such_user", name=name or OWNER)
    secret = secrets.token_urlsafe(32)
    db.session.execute(delete(_links).where(_links.c.expires_at <= now))
    db.session.execute(
        insert(_links).values(
            token_hash=digest(secret),
            user_id=user.user_id,
            created_at=now,
            expires_at=now + LINK_LIFE,
        )
    )
    audit.note(user.name, "login_link_made", user.name, now)
    return secret


def consume_login_link(secret: str, *, address: str, now: datetime) -> LoggedIn:
    """Let in whoever has this secret, once; Unauthorized if it was used or is too old."""
    refuse_after_failures("login", address, now)
    entered = _consume(secret, address, now)
    if entered is None:
        fail("login", address, now, by=ANONYMOUS, action="login_failed", via="link")
        raise Unauthorized("login_link_invalid")
    return entered


@transaction
def _consume(secret: str, address: str, now: datetime) -> LoggedIn | None:
    used = db.session.execute(
        update(_links)
        .where(
            _links.c.token_hash == digest(secret),
            _links.c.used_at.is_(None),
            _links.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(_links.c.user_id)
    ).scalar_one_or_none()
    return None if used is None else _enter(used, address, now, via="link")


def log_in(name: str, password: str, *, address: str, now: datetime) -> LoggedIn:
    """Let in whoever knows the password; the answer to an unknown name is the same, and as slow."""
    with _one_at_a_time:
        db.session.close()  # an older snapshot would not show what has just failed
        refuse_after_failures("login", address, now)
        user = _by_name(name)
        stored = user.password_hash if user is not None else None
        if not _matches(stored, password) or user is None or stored is None:
            target = user.name if user is not None else None  # what was typed may be a password
            fail("login", address, now, by=ANONYMOUS, action="login_failed", target=target)
            raise Unauthorized("login_failed")
        fresh = hasher.hash(password) if hasher.check_needs_rehash(stored) else stored
    return _enter_with_password(user.user_id, stored, fresh, address=address, now=now)


@transaction
def _enter_with_password(
    user_id: int, stored: str, fresh: str, *, address: str, now: datetime
) -> LoggedIn:
    still = db.session.execute(
        update(_users)
        .where(_users.c.user_id == user_id, _users.c.password_hash == stored)
        .values(password_hash=fresh)
        .returning(_users.c.user_id)
    ).first()
    if still is None:  # replaced since it was compared
        raise Unauthorized("login_failed")
    return _enter(user_id, address, now, via="password")


def _enter(user_id: int, address: str, now: datetime, *, via: str) -> LoggedIn:
    user = db.session.execute(
        update(_users)
        .where(_users.c.user_id == user_id)
        .values(last_login_at=now)
        .returning(_users.c.name, _users.c.session_epoch)
    ).one()
    audit.note(user.name, "login", user.name, now, via=via, address=address)
    return LoggedIn(user_id, user.name, user.session_epoch)


@transaction
def log_out(user_id: int, *, address: str, now: datetime) -> None:
    """End every login of a user: a copy of the cookie is worth nothing from now on."""
    name = db.session.execute(
        update(_users)
        .where(_users.c.user_id == user_id)
        .values(session_epoch=_users.c.session_epoch + 1)
        .returning(_users.c.name)
    ).scalar_one()
    audit.note(name, "logout", name, now, address=address)


def set_password(
    user_id: int, *, current: str | None, new: str, address: str, now: datetime
) -> LoggedIn:
    """Replace the password and end all other logins; the answer is the login that goes on.

    ``current`` None means that somebody vouches for the person: there is no password yet, a login
    link was just used, or the command line is asking. A wrong one is Invalid, and counts as a
    failed login.
    """
    refuse_password(new)
    with _one_at_a_time:
        db.session.close()  # an older snapshot would not show what has just failed
        refuse_after_failures("login", address, now)
        user = _by_id(user_id)
        if current is not None and not _matches(user.password_hash, current):
            fail("login", address, now, by=user.name, action="password_refused", target=user.name)
            raise Invalid("password_wrong", fields={"current": "this is not the password"})
        hashed = hasher.hash(new)
    return _set_password(user_id, user.password_hash, hashed, address, now)


@transaction
def _set_password(
    user_id: int, before: str | None, hashed: str, address: str, now: datetime
) -> LoggedIn:
    user = db.session.execute(
        update(_users)
        .where(_users.c.user_id == user_id, _users.c.password_hash.is_not_distinct_from(before))
        .values(password_hash=hashed, session_epoch=_users.c.session_epoch + 1)
        .returning(_users.c.name, _users.c.session_epoch)
    ).one_or_none()
    if user is None:
        raise Conflict("password_changed_meanwhile")
    audit.note(user.name, "password_set", user.name, now, address=address)
    return LoggedIn(user_id, user.name, user.session_epoch)


def refuse_password(new: str) -> None:
    """Raise Invalid for a password that is too short or too long."""
    least, most = PASSWORD_LENGTH
    if not least <= len(new) <= most:
        raise Invalid.field("new", f"must have {least} to {most} characters")


@transaction
def create_token(user_id: int, name: str, scope: str, *, by: str, now: datetime) -> str:
    """Make a bearer token; its secret is returned this once and kept nowhere."""
    name = name.strip()
    if not 1 <= len(name) <= TOKEN_NAME_LENGTH or not name.isprintable():
        raise Invalid.field("name", f"must have 1 to {TOKEN_NAME_LENGTH} printable characters")
    if scope not in tuple(Scope):
        raise Invalid.field("scope", f"must be one of {', '.join(Scope)}")
    lock(select(_users.c.user_id).where(_users.c.user_id == user_id).with_for_update())
    # The name is what the records say of whoever sends the token, so it must mean one of them.
    if db.session.execute(_live(user_id).where(_tokens.c.name == name)).one_or_none():
        raise Conflict("token_name_taken", fields={"name": "there is one"}, name=name)
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    db.session.execute(
        insert(_tokens).values(
            user_id=user_id,
            name=name,
            token_hash=digest(secret),
            ending=secret[-ENDING:],
            scope=scope,
            created_at=now,
        )
    )
    audit.note(by, "token_created", name, now, scope=scope)
    return secret


@transaction
def revoke_token(user_id: int, token_id: int, *, by: str, now: datetime) -> str:
    """End a token of this user for ever; returns its name."""
    found = _live(user_id).where(_tokens.c.token_id == token_id)
    name = db.session.execute(found).scalar_one_or_none()
    if name is None:
        raise NotFound("no_such_token")
    db.session.execute(update(_tokens).where(_tokens.c.token_id == token_id).values(revoked_at=now))
    audit.note(by, "token_revoked", name, now)
    return name


def digest(secret: str) -> str:
    """What is kept of a secret that is random enough to need no slow hash."""
    return sha256(secret.encode()).hexdigest()


def _by_name(name: str) -> Row[Any] | None:
    wanted = select(_users).where(_users.c.name == name.strip())
    return db.session.execute(wanted).one_or_none()


def _by_id(user_id: int) -> Row[Any]:
    return db.session.execute(select(_users).where(_users.c.user_id == user_id)).one()


def _live(user_id: int) -> Select[str]:
    return select(_tokens.c.name).where(
        _tokens.c.user_id == user_id, _tokens.c.revoked_at.is_(None)
    )


def _matches(stored: str | None, password: str) -> bool:
    """Whether the password is right; takes as long where there is none to compare with."""
    decoy = _decoy()
    try:
        hasher.verify(decoy if stored is None else stored, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@functools.cache
def _decoy() -> str:
    return hasher.hash(secrets.token_urlsafe(32))
