"""Settings, Notifications: the channels people are told through, and the log of what was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from webapp import clock
from webapp.domain.errors import Conflict, Refused
from webapp.domain.notices import STATES
from webapp.doors import notices as doors
from webapp.doors.principal import administration, principal
from webapp.queries import notices
from webapp.queries.notices import Wanted
from webapp.services.notices import channels as verbs
from webapp.services.notices import deliveries
from webapp.web.forms import unless_refused
from webapp.web.fragments import is_fragment, number
from webapp.web.refusals import translated

bp = Blueprint("notices", __name__, url_prefix="/settings/notifications")

LOGGED = 30


@dataclass
class Draft:
    """A channel as it stands in a form, and what is wrong with it."""

    name: str = ""
    url: str = ""
    is_enabled: bool = True
    failed: bool = True
    failed_after: str = "1"
    recovered: bool = True
    missed: bool = True
    paused: bool = True
    budget: bool = True
    problems: dict[str, str] = field(default_factory=dict)

    def take(self, refusal: Refused) -> None:
        """Say it beside its field; what is not about one is raised."""
        if refusal.fields:
            said = {n: f"{r[:1].upper()}{r[1:]}".rstrip(".") for n, r in refusal.fields.items()}
            self.problems |= {name: f"{reason}." for name, reason in said.items()}
        elif isinstance(refusal, Conflict) and refusal.code == "channel_name_taken":
            self.problems["name"] = translated(refusal.code, refusal.params)
        else:
            raise refusal

    def raw(self) -> dict[str, Any]:
        """Its fields as scripts send them."""
        text = self.failed_after.strip()
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
        return {
            "name": self.name,
            "url": self.url,
            "is_enabled": self.is_enabled,
            "failed_after": number if self.failed else None,
            "recovered": self.recovered,
            "missed": self.missed,
            "paused": self.paused,
            "budget": self.budget,
        }


@bp.get("")
@administration
def index() -> ResponseReturnValue:
    """Show the channels and the newest of the log."""
    return _page()


@bp.post("")
@administration
def create() -> ResponseReturnValue:
    """Make a channel."""
    draft = _sent(request.form)
    unless_refused(draft, lambda: doors.create(draft.raw(), by=principal().name))
    if draft.problems:
        return _page(draft), 422
    flash(translated("channel_created", {"name": draft.name}), "done")
    return redirect(url_for("notices.index"), 303)


@bp.get("/<int:channel_id>")
@administration
def edit(channel_id: int) -> ResponseReturnValue:
    """The form of a channel as it stands; its address is not in it."""
    row = notices.channel(channel_id)
    draft = Draft(
        name=row.name,
        is_enabled=row.is_enabled,
        failed=row.failed_after is not None,
        failed_after=str(row.failed_after or 1),
        recovered=row.recovered,
        missed=row.missed,
        paused=row.paused,
        budget=row.budget,
    )
    return _form(row, draft)


@bp.post("/<int:channel_id>")
@administration
def save(channel_id: int) -> ResponseReturnValue:
    """Change a channel; an empty address stays as it is."""
    draft, row = _sent(request.form), notices.channel(channel_id)
    unless_refused(draft, lambda: doors.change(channel_id, draft.raw(), by=principal().name))
    if draft.problems:
        return _form(row, draft), 422
    flash(translated("channel_changed", {"name": draft.name}), "done")
    return redirect(url_for("notices.index"), 303)


@bp.post("/<int:channel_id>/test")
@administration
def test(channel_id: int) -> ResponseReturnValue:
    """Send a test, and show what the service said."""
    sent = doors.test(channel_id)
    if is_fragment():
        return render_template("settings/_channel_told.html", sent=sent, channel_id=channel_id)
    return _page(told={channel_id: sent})


@bp.get("/<int:channel_id>/ask")
@administration
def ask(channel_id: int) -> ResponseReturnValue:
    """Ask once before a channel is deleted."""
    template = "settings/_channel_ask.html" if is_fragment() else "settings/channel_ask.html"
    return render_template(template, channel=notices.channel(channel_id))


@bp.post("/<int:channel_id>/delete")
@administration
def delete(channel_id: int) -> ResponseReturnValue:
    """Delete a channel with its log."""
    name = verbs.remove(channel_id, by=principal().name, now=clock.now())
    flash(translated("channel_deleted", {"name": name}), "done")
    return redirect(url_for("notices.index"), 303)


@bp.post("/log/<int:delivery_id>/send")
@administration
def send(delivery_id: int) -> ResponseReturnValue:
    """Send a notice again."""
    deliveries.again(delivery_id, by=principal().name, now=clock.now())
    flash(translated("sent_again", {}), "done")
    return redirect(url_for("notices.index", _anchor="log"), 303)


def _sent(form: MultiDict[str, str]) -> Draft:
    return Draft(
        name=form.get("name", "").strip(),
        url=form.get("url", "").strip(),
        is_enabled="is_enabled" in form,
        failed="failed" in form,
        failed_after=form.get("failed_after", ""),
        recovered="recovered" in form,
        missed="missed" in form,
        paused="paused" in form,
        budget="budget" in form,
    )


def _form(row: Any, draft: Draft) -> str:
    return render_template("settings/channel.html", active="settings", channel=row, draft=draft)


def _page(draft: Draft | None = None, told: dict[int, Any] | None = None) -> str:
    rows = notices.channels()
    state = request.args.get("state")
    wanted = Wanted(number("channel"), state if state in STATES else None)
    return render_template(
        "settings/notices.html",
        active="settings",
        rows=rows,
        newest=notices.newest([row.channel_id for row in rows]),
        waiting=notices.waiting(),
        draft=draft or Draft(),
        told=told or {},
        wanted=wanted,
        most=verbs.MOST,
        log=notices.log(wanted, below=number("below"), limit=LOGGED),
        paged=number("below") is not None,
    )
