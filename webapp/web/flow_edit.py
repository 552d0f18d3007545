"""Making a flow, from nothing or from a finished task, and changing one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import Row

from webapp.domain.policies import MAIN_LANE
from webapp.doors import flows as doors
from webapp.doors.principal import principal
from webapp.ports import ports
from webapp.queries import board, flows, tasks
from webapp.web.composer import earlier_values
from webapp.web.filters import headline
from webapp.web.flow_form import FlowForm, values_of
from webapp.web.forms import unless_refused

bp = Blueprint("edit", __name__)

EMPTY = {"lane": MAIN_LANE, "stdin": "none"}
"""A flow may run when nobody is there to type."""
LONGEST_NAME = 60


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The empty form, or one that does what a task did."""
    task_id = request.args.get("task")
    return _page(_form(_of_task(task_id) if task_id else EMPTY))


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Store a flow, or say what is wrong with it."""
    form, by = _form(EMPTY), principal().name
    if _only_rows() or not form.validate():
        return _page(form), 200 if _only_rows() else 422
    raw = form.raw()
    of_task = form.of_task.data
    flow_id = unless_refused(
        form,
        lambda: doors.of_task(of_task, raw, by=by) if of_task else doors.create(raw, by=by),
    )
    if flow_id is None:
        return _page(form), 422
    flash(gettext("The flow is saved. Run it now, or give it a schedule."), "done")
    return redirect(url_for("flows.show", flow_id=flow_id), 303)


@bp.get("/<flow_id>/edit")
def change(flow_id: str) -> ResponseReturnValue:
    """The form with a flow in it."""
    row = flows.find(flow_id)
    return _page(_form(values_of(row)), row)


@bp.post("/<flow_id>/edit")
def save(flow_id: str) -> ResponseReturnValue:
    """Change a flow, or say what is wrong."""
    row = flows.find(flow_id)
    form, by = _form(values_of(row)), principal().name
    if _only_rows() or not form.validate():
        return _page(form, row), 200 if _only_rows() else 422

    def change_it() -> bool:
        doors.change(flow_id, form.raw(), by=by)
        return True

    if not unless_refused(form, change_it):
        return _page(form, row), 422
    flash(gettext("The flow is saved. Runs that are in the lineup stay as they are."), "done")
    return redirect(url_for("flows.show", flow_id=flow_id), 303)


def _form(values: dict[str, Any]) -> FlowForm:
    return FlowForm(board.board(), ports().agents.names(), values)


def _only_rows() -> bool:
    """Whether the form came for one more row, or one fewer, and not to be saved."""
    return bool({"add", "drop"} & request.form.keys())


def _page(form: FlowForm, row: Row[Any] | None = None) -> str:
    return render_template("flows/form.html", active="flows", form=form, flow=row)


def _of_task(task_id: str) -> dict[str, Any]:
    """A task's fields without what is its own: its session and its files stay with it."""
    values = earlier_values(task_id)
    own = ("session_id", "upload_file_ids", "rerun_of")
    kept = {name: value for name, value in values.items() if name not in own}
    first = headline(tasks.find(task_id).task_description)[:LONGEST_NAME]
    return {**kept, "name": first, "stdin": "none", "of_task": task_id}
