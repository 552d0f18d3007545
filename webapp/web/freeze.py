"""Freezing the lineup and letting it move again, from any page."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.policies import MAX_REASON
from webapp.doors import steering
from webapp.doors.intake import text_field
from webapp.doors.principal import principal
from webapp.services import freeze as verbs
from webapp.web.refusals import translated

bp = Blueprint("freeze", __name__)


@bp.post("/freeze")
def freeze() -> ResponseReturnValue:
    """Let nothing new begin; the reason is shown on every page."""
    reason = text_field("reason", request.form.get("reason", ""), MAX_REASON)
    verbs.freeze(reason, by=principal().name, now=clock.now())
    flash(translated("frozen_done", {}), "done")
    return redirect(url_for("health.show"), 303)


@bp.post("/thaw")
def thaw() -> ResponseReturnValue:
    """Let tasks begin again."""
    steering.thaw(by=principal().name)
    flash(translated("thawed_done", {}), "done")
    return redirect(url_for("now.show"), 303)
