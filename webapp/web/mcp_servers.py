"""Settings, MCP servers: where tasks have tools from, their tests, and which tools are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.doors.principal import administration, principal
from webapp.doors.profiles import mcp as doors
from webapp.ports import Tested
from webapp.queries import profiles
from webapp.services.profiles import mcp as verbs
from webapp.web import mcp_form
from webapp.web.forms import unless_refused
from webapp.web.fragments import is_fragment
from webapp.web.mcp_form import McpDraft
from webapp.web.refusals import translated

bp = administration(Blueprint("mcp_servers", __name__, url_prefix="/settings/mcp-servers"))


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the servers."""
    return _page({})


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new server."""
    return _form(mcp_form.fresh(), None)


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Make a server known."""
    draft = mcp_form.sent(request.form)
    raw = draft.raw()
    if not draft.problems:
        unless_refused(draft, lambda: doors.create(raw, by=principal().name))
    if draft.problems:
        return _form(draft, None), 422
    return _done("mcp_created", draft["display_name"])


@bp.get("/<mcp_id>/edit")
def edit(mcp_id: str) -> ResponseReturnValue:
    """The form of a server as it stands, its secrets masked."""
    row = profiles.mcp(mcp_id)
    return _form(mcp_form.of(row), row)


@bp.post("/<mcp_id>/edit")
def save(mcp_id: str) -> ResponseReturnValue:
    """Change a server; a secret that is left masked stays."""
    row = profiles.mcp(mcp_id)
    draft = mcp_form.sent(request.form)
    raw = draft.raw()
    if not draft.problems:
        unless_refused(draft, lambda: doors.change(mcp_id, raw, by=principal().name))
    if draft.problems:
        return _form(draft, row), 422
    return _done("mcp_changed", draft["display_name"])


@bp.post("/<mcp_id>/test")
def test(mcp_id: str) -> ResponseReturnValue:
    """Start or reach it, and show which tools it has."""
    tested = doors.test(mcp_id)
    server = profiles.mcp(mcp_id)
    if is_fragment():
        return render_template("settings/_mcp_told.html", tested=tested, server=server)
    return _page({mcp_id: tested})


@bp.post("/<mcp_id>/tools")
def choose(mcp_id: str) -> ResponseReturnValue:
    """Say which of its tools tasks may use; those it gets later may be used, too."""
    ticked = set(request.form.getlist("tool"))
    chosen = {name: name in ticked for name in request.form.getlist("known")}
    selected = None if all(chosen.values()) else chosen
    doors.change(mcp_id, {"selected_tools": selected}, by=principal().name)
    return _done("mcp_changed", profiles.mcp(mcp_id).display_name)


@bp.post("/<mcp_id>/switch")
def switch(mcp_id: str) -> ResponseReturnValue:
    """Switch a server on or off."""
    doors.change(mcp_id, {"is_active": request.form.get("on") == "1"}, by=principal().name)
    return _done("mcp_changed", profiles.mcp(mcp_id).display_name)


@bp.get("/<mcp_id>/ask")
def ask(mcp_id: str) -> ResponseReturnValue:
    """Ask once before a server is deleted."""
    template = "settings/_mcp_ask.html" if is_fragment() else "settings/mcp_ask.html"
    return render_template(template, server=profiles.mcp(mcp_id))


@bp.post("/<mcp_id>/delete")
def delete(mcp_id: str) -> ResponseReturnValue:
    """Delete a server with its secrets."""
    return _done("mcp_deleted", verbs.remove(mcp_id, by=principal().name, now=clock.now()))


def _done(code: str, name: str) -> ResponseReturnValue:
    flash(translated(code, {"name": name}), "done")
    return redirect(url_for("mcp_servers.index"), 303)


def _form(draft: McpDraft, row: Any) -> str:
    if request.method == "POST":
        draft.hide()
    return render_template("settings/mcp_server.html", active="settings", draft=draft, server=row)


def _page(told: Mapping[str, Tested]) -> str:
    rows = profiles.mcp_all()
    return render_template(
        "settings/mcp_servers.html",
        active="settings",
        rows=rows,
        shown={row.mcp_id: profiles.shown_mcp(row)["mcp_server_params"] for row in rows},
        told=told,
        most=verbs.MOST,
    )
