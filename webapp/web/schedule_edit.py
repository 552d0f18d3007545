"""The form of a schedule: offered, read back while somebody types, and saved."""

from __future__ import annotations

from typing import Any

from babel.dates import get_day_names
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext
from sqlalchemy import Row

from webapp import clock
from webapp.doors import schedules as door
from webapp.doors.principal import principal
from webapp.queries import flows, schedules, timetable
from webapp.web import presets, schedule_form, schedule_words
from webapp.web.filters import ordinal
from webapp.web.forms import unless_refused
from webapp.web.fragments import is_fragment
from webapp.web.schedule_form import Draft
from webapp.web.schedule_preview import preview as read_back
from webapp.web.schedules import bp
from webapp.web.zones import names as zone_names
from webapp.web.zones import reader_zone


@bp.get("/~new")
def new() -> ResponseReturnValue:
    """The form for a flow that has none yet, with a choice of flows unless one is named."""
    flow_id = request.args.get("flow")
    if flow_id and flows.is_scheduled(flow_id):
        return redirect(url_for(".edit", flow_id=flow_id), 303)
    return _page(schedule_form.fresh(clock.machine_zone()), _flow(flow_id))


@bp.post("/~preview")
def preview() -> ResponseReturnValue:
    """Read back what is typed: the form again, with what it means and what is wrong with it."""
    draft, existing = schedule_form.sent(request.form), request.form.get("existing")
    flow = _flow(existing or (draft["flow_id"] if request.form.get("fixed") else None))
    if not is_fragment():
        return _page(draft, flow, existing=bool(existing))
    return render_template("schedules/_form.html", **_shown(draft, flow, bool(existing)))


@bp.post("")
def create() -> ResponseReturnValue:
    """Give a flow its schedule, or show the form again with what is wrong."""
    draft = schedule_form.sent(request.form)
    flow_id, raw = draft["flow_id"], draft.raw()
    if not flow_id:
        draft.problems["flow_id"] = gettext("Choose the flow that is to run.")
    if draft.problems or not _saved(draft, lambda: door.create(flow_id, raw, by=_by())):
        flow = _flow(flow_id if request.form.get("fixed") else None)
        return _page(draft, flow), 422
    flash(gettext("The schedule is made."), "done")
    return redirect(url_for(".show", flow_id=flow_id), 303)


@bp.get("/<flow_id>/edit")
def edit(flow_id: str) -> ResponseReturnValue:
    """The form of a schedule as it stands."""
    row = schedules.find(flow_id)
    return _page(schedule_form.of(row), row, existing=True)


@bp.post("/<flow_id>")
def save(flow_id: str) -> ResponseReturnValue:
    """Change a schedule, or show the form again with what is wrong."""
    draft, row = schedule_form.sent(request.form), schedules.find(flow_id)
    raw, version = draft.raw(), draft["version"]
    seen = int(version) if version.isascii() and version.isdecimal() else row.version
    if draft.problems or not _saved(
        draft, lambda: door.change(flow_id, raw, by=_by(), version=seen)
    ):
        draft.typed["version"] = str(row.version)  # who saves again has been told
        return _page(draft, row, existing=True), 422
    flash(gettext("The schedule is saved."), "done")
    return redirect(url_for(".show", flow_id=flow_id), 303)


def _saved(draft: Draft, verb: Any) -> bool:
    """Whether the verb did it; a refusal that the form can show is in it then."""
    unless_refused(draft, verb)
    return not draft.problems and draft.refusal is None


def _by() -> str:
    return principal().name


def _flow(flow_id: str | None) -> Row[Any] | None:
    return timetable.flow(flow_id) if flow_id else None


def _page(draft: Draft, flow: Row[Any] | None, *, existing: bool = False) -> str:
    shown = _shown(draft, flow, existing)
    return render_template("schedules/form.html", active="schedules", zones=zone_names(), **shown)


def _shown(draft: Draft, flow: Row[Any] | None, existing: bool) -> dict[str, Any]:
    choices = [] if flow else timetable.without_schedule()
    days = get_day_names("wide", locale=get_locale())
    return {
        "draft": draft,
        "seen": read_back(draft, clock.now()),
        "flow": flow,
        "existing": existing,
        "flows": [(row.flow_id, row.name) for row in choices[: timetable.CHOICES]],
        "more_flows": len(choices) > timetable.CHOICES,
        "machine_zone": clock.machine_zone(),
        "your_zone": str(reader_zone()),
        "weekdays": [(str((day + 1) % 7), days[day]) for day in range(7)],
        "monthdays": [
            *((str(day), ordinal(day)) for day in range(1, 32)),
            (presets.LAST_DAY, gettext("last day of the month")),
        ],
        "overlaps": [(k, gettext(word)) for k, word in schedule_words.OVERLAP_CHOICES.items()],
        "catch_ups": [(k, gettext(word)) for k, word in schedule_words.CATCH_UP_CHOICES.items()],
    }
