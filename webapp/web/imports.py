"""The page that takes in flows and schedules from a file: looked at first, then stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from webapp import clock
from webapp.domain.bundles import MAX_TEXT
from webapp.domain.errors import Invalid
from webapp.doors import imports as door
from webapp.doors import receiving
from webapp.doors.imports import Choice, Report
from webapp.doors.principal import principal
from webapp.web.zones import names as zone_names

bp = Blueprint("imports", __name__, url_prefix="/import")

EXISTING = ("refuse", "replace", "rename")


@dataclass
class Form:
    """What was typed and chosen, and what is wrong with it."""

    text: str = ""
    existing: str = "refuse"
    lane: str = ""
    timezone: str = ""
    problem: str | None = None
    """Of the form itself; what is wrong in the file is in the report."""

    def choice(self) -> Choice:
        """The same for the door."""
        existing: Any = self.existing if self.existing in EXISTING else "refuse"
        return Choice(
            existing=existing,
            lane=self.lane or None,
            timezone=self.timezone or clock.machine_zone(),
        )


@bp.get("")
def show() -> ResponseReturnValue:
    """Offer the form."""
    return _page(Form(timezone=clock.machine_zone()))


@bp.post("")
@receiving.takes_files
def take() -> ResponseReturnValue:
    """Say what a file would do, or do it; nothing is stored where anything is wrong."""
    form, by = _sent(), principal().name
    dry_run = "import" not in request.form
    try:
        report = door.bring_in(form.text, form.choice(), dry_run=dry_run, by=by)
    except Invalid as refusal:
        form.problem = str(refusal)
        return _page(form), 422
    if dry_run or report.problems:
        return _page(form, report), 422 if report.problems else 200
    count = len(report.outcome.done)
    said = ngettext(
        "%(num)s flow is imported. Its schedule is off.",
        "%(num)s flows are imported. Their schedules are off.",
        count,
    )
    flash(said, "done")
    scheduled = any(done.terms for done in report.outcome.done)
    return redirect(url_for("schedules.index" if scheduled else "flows.index"), 303)


def _sent() -> Form:
    given = {name: request.form.get(name, "").strip() for name in ("existing", "lane", "timezone")}
    form = Form(text=request.form.get("text", "").replace("\r\n", "\n"), **given)
    for file in request.files.getlist(receiving.FIELD):
        if file.filename:
            raw = file.stream.read(4 * MAX_TEXT + 4)
            form.text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    return form


def _page(form: Form, report: Report | None = None) -> str:
    return render_template(
        "imports/show.html", form=form, report=report, zones=zone_names(), most=MAX_TEXT
    )
