"""Settings, Composio: its key, its toolkits, the accounts behind them, and which tools are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.errors import Refused
from webapp.domain.secrets import ENDING
from webapp.domain.toolkits import NOT_NEEDED, READY
from webapp.doors import toolkits as doors
from webapp.doors.principal import administration, principal
from webapp.doors.toolkits import Status, Toggled
from webapp.queries import toolkits
from webapp.web.forms import as_sentence, unless_refused
from webapp.web.fragments import is_fragment
from webapp.web.refusals import translated

bp = administration(Blueprint("composio", __name__, url_prefix="/settings/composio"))

MOST_OFF = 60
"""How many toolkits that are off are shown at once; a search finds the others."""


@dataclass
class Outcome:
    """What a page tells of what was just done there."""

    said: str = ""
    """Why it could not be done."""
    about_key: bool = False
    toggled: Toggled | None = None
    tested: Status | None = None

    def take(self, refusal: Refused) -> None:
        """Tell why it was refused; of a field, only its reason."""
        reasons = [as_sentence(reason) for reason in refusal.fields.values()]
        self.said = reasons[0] if reasons else translated(refusal.code, refusal.params)


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the key and the toolkits."""
    return _page(Outcome())


@bp.post("/key")
def set_key() -> ResponseReturnValue:
    """Keep a key that Composio takes, and ask which toolkits there are."""
    outcome, by = Outcome(about_key=True), principal().name
    unless_refused(outcome, lambda: doors.verify(request.form.get("api_key", ""), by=by))
    if outcome.said:
        return _page(outcome), 422
    then = Outcome()
    unless_refused(then, lambda: doors.synchronise(by=by))
    return _page(then) if then.said else _done("composio_key_valid")


@bp.post("/test")
def test() -> ResponseReturnValue:
    """Ask whether Composio takes the key."""
    outcome = Outcome(tested=doors.status())
    if is_fragment():
        return render_template("settings/_composio_told.html", tested=outcome.tested)
    return _page(outcome)


@bp.post("/toolkits")
def synchronise() -> ResponseReturnValue:
    """Ask Composio which toolkits there are."""
    outcome = Outcome()
    count = unless_refused(outcome, lambda: doors.synchronise(by=principal().name))
    return _page(outcome) if outcome.said else _done("toolkits_synchronised", count=count)


@bp.post("/toolkit/<slug>/switch")
def switch(slug: str) -> ResponseReturnValue:
    """Switch a toolkit; one that needs an account is connected where Composio says."""
    return _toggled(slug, on=request.form.get("on") == "1", again=False)


@bp.post("/toolkit/<slug>/connect")
def connect(slug: str) -> ResponseReturnValue:
    """Connect an account, also in place of another one."""
    return _toggled(slug, on=True, again=True)


@bp.post("/toolkit/<slug>/check")
def check(slug: str) -> ResponseReturnValue:
    """Ask how the account of a toolkit stands."""
    outcome = Outcome()
    found = unless_refused(outcome, lambda: doors.connection(slug))
    if found is None:
        return _page(outcome)
    code = "toolkit_connected" if found[0] in READY else "toolkit_not_connected"
    return _done(code, name=toolkits.of(slug).name)


@bp.get("/toolkit/<slug>")
def show(slug: str) -> ResponseReturnValue:
    """The tools of a toolkit, to choose from."""
    found, failed = doors.tools_anyway(slug)
    said = translated(failed.code, failed.params) if failed is not None else ""
    return render_template(
        "settings/toolkit.html", active="settings", row=toolkits.of(slug), tools=found, said=said
    )


@bp.post("/toolkit/<slug>")
def choose(slug: str) -> ResponseReturnValue:
    """Say which tools tasks may use; those that come later may be used, too."""
    ticked = set(request.form.getlist("tool"))
    chosen = {name: name in ticked for name in request.form.getlist("known")}
    doors.choose(slug, chosen, by=principal().name)
    return _done("tools_chosen", name=toolkits.of(slug).name)


def _toggled(slug: str, *, on: bool, again: bool) -> ResponseReturnValue:
    outcome, by = Outcome(), principal().name
    outcome.toggled = unless_refused(outcome, lambda: doors.toggle(slug, on=on, again=again, by=by))
    done = outcome.toggled
    if done is None or done.url is not None:
        return _page(outcome)
    return _done(done.code, name=done.name)


def _done(code: str, **params: Any) -> ResponseReturnValue:
    flash(translated(code, params), "done")
    return redirect(url_for("composio.index"), 303)


def _page(outcome: Outcome) -> str:
    key, rows = toolkits.key(), toolkits.every()
    sought = request.args.get("q", "").strip()[:100]
    off = [row for row in rows if not row.enabled and _is_sought(row, sought.casefold())]
    return render_template(
        "settings/composio.html",
        active="settings",
        outcome=outcome,
        key=key,
        ending=(key.sealed.get(ENDING) or "") if key is not None else "",
        known=len(rows),
        on=[row for row in rows if row.enabled],
        off=off[:MOST_OFF],
        more=max(0, len(off) - MOST_OFF),
        sought=sought,
        ready=READY,
        not_needed=NOT_NEEDED,
    )


def _is_sought(row: Any, sought: str) -> bool:
    return any(sought in (text or "").casefold() for text in (row.name, row.slug, row.description))
