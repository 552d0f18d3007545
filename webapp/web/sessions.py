"""The list of sessions, and the pages of one: conversation, tasks, details."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import Row

from webapp import clock
from webapp.doors import receiving
from webapp.doors.principal import principal
from webapp.files import listing
from webapp.housekeeping import disposal
from webapp.queries import board, history, sessions
from webapp.queries.history import Filter
from webapp.queries.sessions import Page, Place
from webapp.web import conversation
from webapp.web.composer import composer, go_on_with, hand_in, place_of
from webapp.web.forms import ComposerForm
from webapp.web.fragments import is_fragment, number, unchanged, version_of

bp = Blueprint("sessions", __name__, url_prefix="/sessions")

MAX_SEARCH = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@bp.get("")
def index() -> ResponseReturnValue:
    """All sessions, last active first, or what is before or after a cursor."""
    q = request.args.get("q", "").strip()[:MAX_SEARCH]
    before, after = _place("before"), _place("after")
    found = sessions.page(q, before=before, after=after)
    return render_template("sessions/index.html", active="sessions", **_listed(found, q))


@bp.get("/~rows")
def rows() -> ResponseReturnValue:
    """The lines of a page that is being looked at, as they are now, and how many came since."""
    version = version_of(board.version())
    if unchanged(version):
        return "", 204
    q, top = request.args.get("q", ""), _place("top")
    shown = request.args.get("shown", "").split()[: sessions.PAGE]
    there = sessions.these(shown)
    found = Page([there[session_id] for session_id in shown if session_id in there])
    fresh = sessions.newer_than(q, top, shown) if top else 0
    listed = _listed(found, q) | {"version": version, "fresh": fresh, "top": _cursor(top)}
    return render_template("sessions/_rows.html", **listed)


@bp.get("/<session:session_id>")
def show(session_id: str) -> ResponseReturnValue:
    """The conversation: its end, or an earlier part; and how it can go on."""
    row, before = sessions.find(session_id), number("before")
    if before is None:
        return _conversation(row, _composer(row))
    part = conversation.before(session_id, min(before, row.activity_count))
    if is_fragment():
        earlier = {"work": row, "part": part, "before": before, "now": clock.now()}
        return render_template("sessions/_earlier.html", **earlier)
    return page(row, "conversation", part=part, before=before)


@bp.post("/<session:session_id>/tasks")
@receiving.takes_files
def go_on(session_id: str) -> ResponseReturnValue:
    """Take what the composer holds into this session, or show it again with what is wrong."""
    row = sessions.find(session_id)
    form = _composer(row)
    form.session_id.data = session_id
    submitted = hand_in(form)
    if submitted is None:
        if not is_fragment():
            return _conversation(row, form), 422
        world = board.board()
        return render_template("_partials/composer.html", form=form, world=world), 422
    if not is_fragment():
        return redirect(url_for(".show", session_id=session_id), 303)
    fresh = _composer(row, fresh=True, **go_on_with(form))
    page = render_template(
        "_partials/composer.html",
        form=fresh,
        world=board.board(),
        submitted=submitted,
        place=place_of(submitted),
    )
    return page, {"HX-Trigger": "refresh"}


@bp.get("/<session:session_id>/tasks")
def tasks(session_id: str) -> ResponseReturnValue:
    """The session's tasks, newest first."""
    return page(sessions.find(session_id), "tasks")


@bp.get("/<session:session_id>/details")
def details(session_id: str) -> ResponseReturnValue:
    """What is stored of it, and how a script gets at it."""
    row = sessions.find(session_id)
    api = url_for("api_activity.one_session", session_id=session_id, _external=True)
    submit = url_for("api_tasks.submit", _external=True)
    return page(row, "details", api=api, submit=submit)


@bp.get("/<session:session_id>/live")
def live(session_id: str) -> ResponseReturnValue:
    """What a page of the session shows of its tasks; 204 if it has not changed."""
    tab = request.args.get("tab", "")
    pulse = sessions.pulse(session_id)
    if unchanged(_version(pulse, tab)):
        return "", 204
    row = sessions.find(session_id)
    return render_template("sessions/_answer.html", **_seen(row, tab), world=board.board())


@bp.get("/<session:session_id>/ask/delete")
def ask(session_id: str) -> ResponseReturnValue:
    """Ask once, and name what goes."""
    row = sessions.find(session_id)
    template = "sessions/_ask.html" if is_fragment() else "sessions/ask.html"
    found = listing.look(Path(row.workspace_dir))
    return render_template(
        template,
        active="sessions",
        work=row,
        open=sessions.pulse(session_id).open,
        files=len(found.files),
        size=sum(file.size for file in found.files),
        cut=found.cut,
    )


@bp.post("/<session:session_id>/delete")
def delete(session_id: str) -> ResponseReturnValue:
    """Delete a session whose tasks are all finished."""
    disposal.delete(session_id, by=principal().name)
    flash(gettext("The session is deleted, with its tasks and its workspace."), "done")
    return redirect(url_for(".index"), 303)


def _conversation(row: Row[Any], form: ComposerForm) -> str:
    return page(row, "conversation", form=form, world=board.board())


def _composer(row: Row[Any], *, fresh: bool = False, **values: Any) -> ComposerForm:
    values = {"agent": sessions.newest_agent(row.session_id), **values}
    values["session_id"] = row.session_id
    form = composer(board.board(), values, fresh=fresh)
    form.continues = row.session_id
    return form


def page(row: Row[Any], tab: str, **more: Any) -> str:
    """The page of a session, with one of its tabs."""
    return render_template("sessions/show.html", active="sessions", **{**_seen(row, tab), **more})


def _seen(row: Row[Any], tab: str) -> dict[str, Any]:
    """Everything that the head of a session's page shows, and what of its tab changes."""
    session_id = row.session_id
    pulse = sessions.pulse(session_id)
    seen = {
        "work": row,
        "tab": tab,
        "open": pulse.open,
        "standing": pulse.riding or row.status,
        "version": _version(pulse, tab),
        "before": None,
        "now": clock.now(),
    }
    if tab == "conversation":
        since = number("since")
        seen["part"] = conversation.newest(session_id, row.activity_count, since=since)
        seen["since"] = seen["part"].first if since is None else since
        seen["waiting"], seen["waiting_count"] = sessions.waiting(session_id)
    elif tab == "tasks":
        wanted = Filter(session_id=session_id)
        before, after = number("before"), number("after")
        seen["found"] = history.page(wanted, before=before, after=after)
        seen["first"] = before is None and after is None
        seen["cursor"] = {"before": before, "after": after}
    return seen


def _version(pulse: Row[Any], tab: str) -> str:
    changes = pulse.task_count, pulse.activity_count, pulse.status, pulse.active, pulse.taken
    return version_of(*changes, (pulse.last_activity - EPOCH) // MICROSECOND, tab)


def _listed(found: Page, q: str) -> dict[str, Any]:
    first = "before" not in request.args and "after" not in request.args
    top = sessions.place(found.rows[0]) if found.rows else Place(EPOCH, "-")
    return {
        "found": found,
        "rows": found.rows,
        "q": q,
        "first": first,
        "top": _cursor(top) if first else None,
        "cursor": _cursor,
        "version": version_of(board.version()),
        "fresh": 0,
    }


def _cursor(at: Place | None) -> str | None:
    """A place in the list as addresses have it."""
    return None if at is None else f"{(at.last_activity - EPOCH) // MICROSECOND}~{at.session_id}"


def _place(name: str) -> Place | None:
    """A place in the list from the address; what is none counts as not given."""
    moment, _, session_id = request.args.get(name, "").partition("~")
    if not (moment.isascii() and moment.isdecimal() and len(moment) < 18 and session_id):
        return None
    return Place(EPOCH + int(moment) * MICROSECOND, session_id[:64])
