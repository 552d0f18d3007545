"""The page of lanes: what rides and waits in each, and what turns, renames or ends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.errors import Conflict, Invalid, NotFound, Refused
from webapp.domain.lanes import MAX_LANES
from webapp.domain.policies import MAX_REASON
from webapp.doors import lanes as doors
from webapp.doors.intake import text_field
from webapp.doors.principal import principal
from webapp.housekeeping import renaming
from webapp.queries import board, lanes
from webapp.services import lanes as verbs
from webapp.web.forms import unless_refused
from webapp.web.fragments import is_fragment, unchanged, version_of
from webapp.web.refusals import translated

bp = Blueprint("lanes", __name__, url_prefix="/settings/lanes")


@dataclass
class Typed:
    """A name that was typed, for a lane or for a new one, and why it will not do."""

    name: str = ""
    lane: str | None = None
    problem: str | None = None

    def take(self, refusal: Refused) -> None:
        """Say it beside the field; what is not about the name is raised."""
        if isinstance(refusal, Invalid):
            [reason] = refusal.fields.values()
            self.problem = f"{reason[:1].upper()}{reason[1:]}."
        elif isinstance(refusal, Conflict):
            self.problem = translated(refusal.code, refusal.params)
        else:
            raise refusal


@bp.get("")
def index() -> ResponseReturnValue:
    """Show all lanes."""
    return _page(Typed())


@bp.get("/cards")
def cards() -> ResponseReturnValue:
    """The lanes alone; 204 if nothing changed in them."""
    if unchanged(version_of(board.version())):
        return "", 204
    return render_template("settings/_lanes.html", **_seen(Typed()))


@bp.post("")
def create() -> ResponseReturnValue:
    """Make a lane."""
    typed = Typed(request.form.get("name", "").strip())
    unless_refused(typed, lambda: doors.create(typed.name, by=principal().name))
    return _done(typed, "lane_created_done", lane=typed.name)


@bp.post("/<name>/rename")
def rename(name: str) -> ResponseReturnValue:
    """Call a lane otherwise."""
    typed = Typed(request.form.get("name", "").strip(), lane=name)
    by = principal().name
    unless_refused(typed, lambda: renaming.rename(name, doors.new_name(typed.name), by=by))
    return _done(typed, "lane_renamed_done", lane=name, to=typed.name)


@bp.post("/<name>/<any(pause, resume, drain, open):verb>")
def turn(name: str, verb: str) -> ResponseReturnValue:
    """Pause, resume, drain or open a lane."""
    given = request.form.get("reason", "")
    reason = text_field("reason", given, MAX_REASON) if given.strip() else None
    code = doors.turn(name, verb, reason, by=principal().name)
    return _done(Typed(), code, lane=name)


@bp.get("/<name>/ask")
def ask(name: str) -> ResponseReturnValue:
    """Ask once before a lane is deleted."""
    template = "settings/_lane_ask.html" if is_fragment() else "settings/lane_ask.html"
    return render_template(template, lane=lanes.find(name))


@bp.post("/<name>/delete")
def delete(name: str) -> ResponseReturnValue:
    """Delete a lane."""
    verbs.remove(name, by=principal().name, now=clock.now())
    return _done(Typed(), "lane_deleted_done", lane=name)


def _done(typed: Typed, code: str, **params: str) -> ResponseReturnValue:
    if typed.problem is not None:
        if typed.lane is not None and not lanes.exists(typed.lane):
            raise NotFound("no_such_lane", lane=typed.lane)
        return _page(typed), 422
    flash(translated(code, params), "done")
    return redirect(url_for("lanes.index"), 303)


def _page(typed: Typed) -> str:
    return render_template("settings/lanes.html", active="settings", **_seen(typed))


def _seen(typed: Typed) -> dict[str, Any]:
    rows = lanes.all_of()
    world = board.board()
    return {
        "rows": rows,
        "world": world,
        "version": version_of(sum(row.version for row in rows)),
        "typed": typed,
        "most": MAX_LANES,
    }
