"""The list of schedules, the switch of each, and the page of one: its ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from webapp import clock
from webapp.domain.schedules.fates import FATES
from webapp.doors import schedules as door
from webapp.doors.principal import principal
from webapp.queries import board, schedules, timetable
from webapp.queries.by_name import PAGE
from webapp.queries.schedules import Wanted
from webapp.queries.timetable import STATES, Filter
from webapp.web import schedule_words
from webapp.web.addresses import is_local_path
from webapp.web.fragments import is_fragment, unchanged, version_of
from webapp.web.refusals import translated
from webapp.web.schedule_form import zone_of
from webapp.web.schedule_lines import lines

bp = Blueprint("schedules", __name__, url_prefix="/schedules")

MAX_SEARCH = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the newest due time of a ledger in which there is none."""


@bp.get("")
def index() -> ResponseReturnValue:
    """All schedules by the names of their flows, or those that are looked for."""
    state = request.args.get("state", "")
    wanted = Filter(
        q=request.args.get("q", "").strip()[:MAX_SEARCH], state=state if state in STATES else ""
    )
    before, after = (request.args.get(name) for name in ("before", "after"))
    found = timetable.page(wanted, before=before, after=after)
    first = before is None and after is None
    return render_template(
        "schedules/index.html",
        active="schedules",
        wanted=wanted,
        found=found,
        first=first,
        anything=bool(found.rows or wanted or not first) or timetable.is_any(),
        lines=lines(found.rows, clock.now()),
        version=_version(found.rows),
    )


@bp.get("/~rows")
def rows() -> ResponseReturnValue:
    """The lines that are being looked at, as they are now; 204 if they have not changed."""
    shown = [part for part in request.args.get("shown", "").split() if _is_number(part)]
    found = timetable.some([int(part) for part in shown[:PAGE]])
    version = _version(found)
    if unchanged(version):
        return "", 204
    return render_template("schedules/_rows.html", lines=lines(found, clock.now()), version=version)


@bp.post("/<flow_id>/switch")
def switch(flow_id: str) -> ResponseReturnValue:
    """Switch it on, which ends a pause that failures caused, or off."""
    door.switch(flow_id, request.form.get("on") == "1", by=principal().name)
    if not is_fragment():
        back = request.form.get("back", "")
        own = url_for(".show", flow_id=flow_id)
        return redirect(back if is_local_path(back) else own, 303)
    (line,) = lines([schedules.find(flow_id)], clock.now())
    template = "schedules/_row.html" if request.form.get("shown") == "row" else _HEAD
    return render_template(template, line=line)


@bp.get("/<flow_id>")
def show(flow_id: str) -> ResponseReturnValue:
    """One schedule: when it runs, and what became of each due time."""
    row = schedules.find(flow_id)
    fate, before, after = request.args.get("fate"), _moment("before"), _moment("after")
    wanted = Wanted(flow_id, fate if fate in FATES else None)
    found = schedules.occurrences(wanted, before=before, after=after)
    first, newest = before is None and after is None, timetable.newest_due(row.id) or EPOCH
    ids = [event.task_id for event in found.rows if event.task_id]
    return render_template(
        "schedules/show.html",
        active="schedules",
        found=found,
        fate=wanted.fate,
        first=first,
        tasks=timetable.tasks(ids),
        FATES=schedule_words.FATES,
        written=lambda at: schedule_words.written(at, zone_of(row.timezone)),
        cursor=lambda at: at.isoformat(),
        **_standing(row, newest, newest if first else None),
    )


@bp.get("/<flow_id>/~standing")
def standing(flow_id: str) -> ResponseReturnValue:
    """The head of a schedule's page; 204 if it has not changed."""
    row = schedules.find(flow_id)
    newest = timetable.newest_due(row.id) or EPOCH
    if unchanged(_version([row], newest)):
        return "", 204
    return render_template("schedules/_standing.html", **_standing(row, newest, _moment("top")))


@bp.get("/<flow_id>/ask/delete")
def ask(flow_id: str) -> ResponseReturnValue:
    """Ask once, and say what goes."""
    template = "schedules/_ask.html" if is_fragment() else "schedules/ask.html"
    return render_template(template, active="schedules", row=schedules.find(flow_id))


@bp.post("/<flow_id>/delete")
def delete(flow_id: str) -> ResponseReturnValue:
    """Remove a schedule with its ledger; its flow stays."""
    name = door.remove(flow_id, by=principal().name)
    flash(translated("schedule_removed", {"name": name}), "done")
    return redirect(url_for(".index"), 303)


_HEAD = "schedules/_head.html"


def _standing(row: Row[Any], newest: datetime, top: datetime | None) -> dict[str, Any]:
    """The head of a page whose ledger was read down from ``top``, if that is its newest part."""
    (line,) = lines([row], clock.now())
    return {
        "line": line,
        "top": None if top is None else top.isoformat(),
        "fresh": top is not None and newest != top,
        "version": _version([row], newest),
    }


def _version(found: Sequence[Row[Any]], newest: datetime | None = None) -> str:
    """What changes with all that lines show: the schedules, their flows, and anything that ran."""
    shown = [(row.id, row.version, row.next_execution_at, row.paused_at, row.name) for row in found]
    return version_of(board.version(), f"{crc32(repr((shown, newest)).encode()):x}")


def _moment(name: str) -> datetime | None:
    """A due time from the address; what is none counts as not given."""
    try:
        found = datetime.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
