"""The login in a browser's cookie: who, in which epoch, and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Flask, session
from flask_wtf.csrf import CSRFProtect

from webapp.config import Settings
from webapp.domain.scopes import Scope
from webapp.doors.principal import Principal
from webapp.queries import people
from webapp.services.people import LoggedIn

LIFE = timedelta(days=30)
RENEWED_AFTER = timedelta(days=1)
LINK_TRUSTED_FOR = timedelta(minutes=15)


def init_app(app: Flask, settings: Settings) -> None:
    """Set how cookies and form tokens are made; the guard decides where they are asked for."""
    app.config.update(
        # Two servers on one machine share their cookies, for these know no port.
        SESSION_COOKIE_NAME=f"lineup_{settings.port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LIFE,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the login: pages stay open for days
    )
    CSRFProtect(app)


def enter(user: LoggedIn, now: datetime, *, by_link: bool = False) -> None:
    """Begin a login in this browser; nothing of what its cookie held before is kept."""
    session.clear()
    session.permanent = True
    session.update(user=user.user_id, epoch=user.session_epoch, since=_seconds(now))
    if by_link:
        session["linked"] = _seconds(now)


def follow(user: LoggedIn) -> None:
    """Go on in this browser after its user's other logins were ended."""
    session["epoch"] = user.session_epoch
    session.pop("linked", None)


def leave() -> None:
    """Forget the login in this browser."""
    session.clear()


def recall(now: datetime) -> Principal | None:
    """Who this browser is logged in as, if the login still holds; renewed at most once a day."""
    user_id = session.get("user")
    known = people.user(user_id) if isinstance(user_id, int) else None
    if known is None or known.session_epoch != session.get("epoch"):
        return None
    if _age(session["since"], now) > RENEWED_AFTER:
        session["since"] = _seconds(now)
    return Principal(known.name, user_id, Scope.ADMIN, "cookie")


def came_by_link(now: datetime) -> bool:
    """Whether this login began with a login link just now: enough to replace a lost password."""
    linked = session.get("linked")
    return linked is not None and _age(linked, now) <= LINK_TRUSTED_FOR


def _seconds(now: datetime) -> int:
    return int(now.timestamp())


def _age(since: int, now: datetime) -> timedelta:
    return now - datetime.fromtimestamp(since, UTC)
