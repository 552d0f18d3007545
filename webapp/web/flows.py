"""The list of flows, and the page of one: what it does, its runs, its schedule, its web hook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from webapp import clock
from webapp.domain import parameters
from webapp.domain.errors import NotFound
from webapp.domain.secrets import masked
from webapp.doors import flows as doors
from webapp.doors.intake import promise
from webapp.doors.principal import principal
from webapp.ports import ports
from webapp.queries import board, flow_list, flows, pages, timetable
from webapp.services import hooks
from webapp.web import flow_edit, model_facts, schedule_lines
from webapp.web.flow_run import RunForm
from webapp.web.forms import unless_refused
from webapp.web.fragments import is_fragment, unchanged, version_of
from webapp.web.last_runs import past_of
from webapp.web.refusals import translated

bp = Blueprint("flows", __name__, url_prefix="/flows")
bp.register_blueprint(flow_edit.bp)

MAX_SEARCH = 200
ASKED = ("delete", "replace-hook", "revoke-hook")


@bp.get("")
def index() -> ResponseReturnValue:
    """All flows by name, or those that are looked for."""
    q = request.args.get("q", "").strip()[:MAX_SEARCH]
    before, after = (request.args.get(name) for name in ("before", "after"))
    found = flow_list.page(q, before=before, after=after)
    return render_template(
        "flows/index.html",
        active="flows",
        q=q,
        found=found,
        first=before is None and after is None,
        **_lines(found.rows),
    )


@bp.get("/~rows")
def rows() -> ResponseReturnValue:
    """The lines that are being looked at, as they are now; 204 if they have not changed."""
    found = flow_list.some(request.args.get("shown", "").split())
    if unchanged(_version(found)):
        return "", 204
    return render_template("flows/_rows.html", **_lines(found))


@bp.get("/<flow_id>")
def show(flow_id: str) -> ResponseReturnValue:
    """A flow: run it, and see what became of its runs."""
    row = flows.find(flow_id)
    return _page(row, RunForm.of(row.parameters))


@bp.get("/<flow_id>/runs")
def runs(flow_id: str) -> ResponseReturnValue:
    """The runs on a flow's page; 204 if nothing has changed."""
    row = flows.find(flow_id)
    if unchanged(version_of(board.version())):
        return "", 204
    return render_template("flows/_runs.html", **_runs(row))


@bp.post("/<flow_id>/run")
def run(flow_id: str) -> ResponseReturnValue:
    """Run it now; what is wrong with a value is said beside its field."""
    row = flows.find(flow_id)
    form, by = RunForm.of(row.parameters), principal().name
    params = form.params()
    key = request.form.get("idempotency_key") or None
    promised = promise(f"flow/{flow_id}", key, repr(sorted(params.items())).encode())
    submitted = None
    if form.validate():
        submitted = unless_refused(
            form, lambda: doors.run(flow_id, params, by=by, promise=promised)
        )
    if submitted is None:
        return _page(row, form), 422
    return redirect(url_for("tasks.show", task_id=submitted.task_id), 303)


@bp.get("/<flow_id>/ask/<verb>")
def ask(flow_id: str, verb: str) -> ResponseReturnValue:
    """Ask once before something that cannot be undone, and say what goes."""
    if verb not in ASKED:
        raise NotFound
    template = "flows/_ask.html" if is_fragment() else "flows/ask.html"
    row, scheduled = flows.find(flow_id), flows.is_scheduled(flow_id)
    return render_template(template, active="flows", flow=row, verb=verb, scheduled=scheduled)


@bp.post("/<flow_id>/delete")
def delete(flow_id: str) -> ResponseReturnValue:
    """Delete a flow, with its schedule where that was said; its tasks stay."""
    cascade = request.form.get("with_schedule") == "1"
    still = doors.remove(flow_id, cascade=cascade, by=principal().name)
    code = "flow_deleted_open" if still else "flow_deleted_done"
    flash(translated(code, {"open": still}), "done")
    return redirect(url_for(".index"), 303)


@bp.post("/<flow_id>/clone")
def clone(flow_id: str) -> ResponseReturnValue:
    """Make a copy, and show its form: it is copied to be changed."""
    copied = doors.clone(flow_id, None, by=principal().name)
    return redirect(url_for(".edit.change", flow_id=copied), 303)


@bp.post("/<flow_id>/hook")
def make_hook(flow_id: str) -> ResponseReturnValue:
    """Make a web hook, instead of the one there may be, and show its address this once."""
    row = flows.find(flow_id)
    secret = hooks.replace(flow_id, by=principal().name, now=clock.now())
    address = doors.hook_address(secret)
    return render_template("flows/hook.html", active="flows", flow=row, address=address)


@bp.post("/<flow_id>/hook/revoke")
def revoke_hook(flow_id: str) -> ResponseReturnValue:
    """End a web hook."""
    hooks.revoke(flow_id, by=principal().name, now=clock.now())
    flash(translated("hook_revoked_done", {}), "done")
    return redirect(url_for(".show", flow_id=flow_id), 303)


def _page(row: Row[Any], form: RunForm) -> str:
    return render_template(
        "flows/show.html",
        active="flows",
        form=form,
        settings=_settings(row),
        hold=pages.hold(row.lane),
        known=row.agent in ports().agents.names(),
        spent=model_facts.of_flow(row),
        line=_schedule(row.flow_id),
        example=parameters.defaults(row.parameters),
        api=url_for("api_flows.run", flow_id=row.flow_id, _external=True),
        needed=parameters.missing(row.parameters),
        **_runs(row),
    )


def _schedule(flow_id: str) -> schedule_lines.Line | None:
    found = flow_list.schedules_of([flow_id])
    return schedule_lines.lines(found, clock.now())[0] if found else None


def _runs(row: Row[Any]) -> dict[str, Any]:
    found = flow_list.runs(row.flow_id)
    return {
        "flow": row,
        "runs": found[: flow_list.SHOWN],
        "more": len(found) > flow_list.SHOWN,
        "version": version_of(board.version()),
        "now": clock.now(),
    }


def _settings(row: Row[Any]) -> dict[str, Any]:
    """The agent's settings that say anything, secrets masked."""
    shown = masked(row.agent_settings)
    return {name: value for name, value in shown.items() if value not in (None, "", {}, [])}


def _lines(found: Sequence[Row[Any]]) -> dict[str, Any]:
    flow_ids, now = [row.flow_id for row in found], clock.now()
    past = timetable.last_runs(flow_ids)
    scheduled = schedule_lines.lines(flow_list.schedules_of(flow_ids), now, past)
    by_flow = {line.row.flow_id: line for line in scheduled}
    lines = [
        {"flow": row, "past": past_of(past.get(row.flow_id, [])), "line": by_flow.get(row.flow_id)}
        for row in found
    ]
    return {"lines": lines, "version": _version(found)}


def _version(found: Sequence[Row[Any]]) -> str:
    """What changes with all that the lines show: the flows, and anything that ran."""
    shown = [(row.flow_id, row.version, row.hook_ending) for row in found]
    return version_of(board.version(), f"{crc32(repr(shown).encode()):x}")
