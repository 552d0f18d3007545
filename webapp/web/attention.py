"""What needs a look is seen: it goes from the first page until there is something newer."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.errors import Invalid
from webapp.doors.principal import principal
from webapp.services.notices import attention

bp = Blueprint("attention", __name__)


@bp.post("/attention/seen")
def seen() -> ResponseReturnValue:
    """Take something off the list."""
    kind, key = request.form.get("kind", ""), request.form.get("key", "")
    attention.seen(kind, key, _moment(), by=principal().name, now=clock.now())
    return redirect(url_for("now.show"), 303)


def _moment() -> datetime:
    """How new what was shown was: what happened since has not been seen."""
    try:
        return datetime.fromisoformat(request.form.get("at", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid.field("at", "is the time that the page showed") from None
