"""Settings, LLM profiles: the models that tasks may ask, their tests, and what a day allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.providers import PROVIDERS
from webapp.doors.principal import administration, principal
from webapp.doors.profiles import demonstration
from webapp.doors.profiles import llm as doors
from webapp.ports import Tested, ports
from webapp.queries import profiles
from webapp.services.profiles import llm as verbs
from webapp.web import budgets, llm_form
from webapp.web.forms import unless_refused
from webapp.web.fragments import is_fragment
from webapp.web.llm_form import LlmDraft
from webapp.web.refusals import translated

bp = administration(Blueprint("llm_profiles", __name__, url_prefix="/settings/llm-profiles"))


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the profiles, and what models may use today."""
    return _page({})


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new profile."""
    return _form(llm_form.fresh(), None)


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Make a profile; or only read the form back for the provider that is chosen."""
    draft = llm_form.sent(request.form)
    if _only_asks():
        return _form(draft, None)
    unless_refused(draft, lambda: doors.create(draft.raw(), by=principal().name))
    if draft.problems:
        return _form(draft, None), 422
    return _done("profile_created", draft["profile_name"])


@bp.post("/offline")
def try_offline() -> ResponseReturnValue:
    """Make the profile that needs no key."""
    return _done("profile_created", demonstration.there(by=principal().name))


@bp.get("/<name>/edit")
def edit(name: str) -> ResponseReturnValue:
    """The form of a profile as it stands; its key is not in it."""
    row = profiles.llm(name)
    return _form(llm_form.of(row), row)


@bp.post("/<name>/edit")
def save(name: str) -> ResponseReturnValue:
    """Change a profile; a key that is left empty stays."""
    draft, row = llm_form.sent(request.form), profiles.llm(name)
    draft.typed["profile_name"] = name
    if _only_asks():
        return _form(draft, row)
    unless_refused(draft, lambda: doors.change(name, draft.raw(), by=principal().name))
    if draft.problems:
        return _form(draft, row), 422
    return _done("profile_changed", name)


@bp.post("/<name>/test")
def test(name: str) -> ResponseReturnValue:
    """Ask its model a tiny question, and show what was said."""
    tested = doors.test(name)
    if is_fragment():
        return render_template("settings/_connection_told.html", tested=tested)
    return _page({name: tested})


@bp.post("/<name>/default")
def set_default(name: str) -> ResponseReturnValue:
    """Use it where no profile is named."""
    verbs.set_default(name, by=principal().name, now=clock.now())
    return _done("profile_is_default", name)


@bp.post("/<name>/switch")
def switch(name: str) -> ResponseReturnValue:
    """Switch a profile on or off."""
    doors.change(name, {"is_active": request.form.get("on") == "1"}, by=principal().name)
    return _done("profile_changed", name)


@bp.get("/<name>/ask")
def ask(name: str) -> ResponseReturnValue:
    """Ask once before a profile is deleted."""
    template = "settings/_llm_ask.html" if is_fragment() else "settings/llm_ask.html"
    return render_template(template, profile=profiles.llm(name), providers=PROVIDERS)


@bp.post("/<name>/delete")
def delete(name: str) -> ResponseReturnValue:
    """Delete a profile with its key."""
    verbs.remove(name, by=principal().name, now=clock.now())
    return _done("profile_deleted", name)


def _done(code: str, name: str) -> ResponseReturnValue:
    flash(translated(code, {"name": name}), "done")
    return redirect(url_for("llm_profiles.index"), 303)


def _only_asks() -> bool:
    """Whether nothing is to be saved yet."""
    return "adapt" in request.form or "list" in request.form


def _form(draft: LlmDraft, row: Any) -> str:
    """The form; for htmx only what depends on its provider."""
    listed = None
    if "adapt" in request.form:
        draft.adapt()
    elif "list" in request.form and draft.provider is not None:
        listed = doors.models_of(draft.provider.name)
    fragment = is_fragment() and _only_asks()
    return render_template(
        "settings/_llm_provider.html" if fragment else "settings/llm_profile.html",
        active="settings",
        draft=draft,
        profile=row,
        key=profiles.shown_llm(row) if row is not None else {},
        listed=listed,
        lacks=ports().connections.lacks(draft["provider"]),
        providers=PROVIDERS,
    )


def _page(told: Mapping[str, Tested]) -> str:
    rows = profiles.llm_all()
    return render_template(
        "settings/llm_profiles.html",
        active="settings",
        rows=sorted(rows, key=lambda row: not row.is_default),
        shown={row.profile_name: profiles.shown_llm(row) for row in rows},
        providers=PROVIDERS,
        told=told,
        most=verbs.MOST,
        amount=budgets.amount,
        today=budgets.today(),
    )
