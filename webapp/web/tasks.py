"""The pages of one task: activity, output, result, details; and the door to the list of all."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import Row

from webapp import clock
from webapp.domain.errors import Invalid
from webapp.domain.task_state import FINAL, Status
from webapp.ports import ports
from webapp.queries import board, conversations, flows, pages, tasks
from webapp.web import markdown, model_facts, steps, task_actions, task_bulk, task_list, task_output
from webapp.web.fragments import number, unchanged, version_of
from webapp.web.parts import Reader

bp = Blueprint("tasks", __name__, url_prefix="/tasks")
bp.register_blueprint(task_actions.bp)
bp.register_blueprint(task_output.bp)
bp.register_blueprint(task_bulk.bp)
bp.add_url_rule("", "index", task_list.index)
bp.add_url_rule("/rows", "rows", task_list.rows)

LAST_LINES = 8
MAX_FILTER = 200


@bp.get("/<task_id>")
def show(task_id: str) -> ResponseReturnValue:
    """What happened: the transcript."""
    return page(tasks.find(task_id), "activity")


@bp.get("/<task_id>/output")
def output(task_id: str) -> ResponseReturnValue:
    """What the task's process printed: the end of it, or the part around one line."""
    row = tasks.find(task_id)
    attempt = number("attempt") or int(row.attempt)
    if attempt > row.attempt:
        raise Invalid.field("attempt", f"there was no attempt {attempt}")
    reader = Reader(ports().output, task_id, attempt)
    at, wanted = number("at"), request.args.get("q", "")[:MAX_FILTER].strip()
    before = number("before")
    if before is not None:
        part = reader.before(before)
    else:
        part = reader.tail() if at is None else reader.around(at)
    return page(
        row,
        "output",
        part=part,
        attempt=attempt,
        q=wanted,
        found=reader.search(wanted) if wanted else None,
        live=attempt == row.attempt and row.status not in FINAL,
        at=at,
    )


@bp.get("/<task_id>/result")
def result(task_id: str) -> ResponseReturnValue:
    """What came of it, in the task's own words."""
    row = tasks.find(task_id)
    text = row.task_result or ""
    return page(row, "result", result=markdown.render_result(text), shown=markdown.LIMIT)


@bp.get("/<task_id>/details")
def details(task_id: str) -> ResponseReturnValue:
    """Every stored field, and every attempt."""
    row = tasks.find(task_id)
    used = conversations.usage(task_id)
    return page(
        row,
        "details",
        fields={**tasks.as_json(row), **({"usage": used} if used else {})},
        used=used,
        attempts=tasks.attempts(task_id)[-pages.ENTRIES :],
        api=url_for("api_tasks.show", task_id=task_id, _external=True),
    )


@bp.get("/<task_id>/live")
def live(task_id: str) -> ResponseReturnValue:
    """The head of a task's page and its transcript; 204 if they have not changed."""
    tab = "activity" if request.args.get("tab") == "activity" else "other"
    standing = pages.standing(task_id)
    version = _version(task_id, standing, tab)
    if unchanged(version):
        return "", 204
    return fragment(task_id, tab)


def fragment(task_id: str, tab: str) -> str:
    """The polled part of a task's page."""
    row = tasks.find(task_id)
    return render_template("tasks/_live.html", **_seen(row, tab))


def page(row: Row[Any], tab: str, **more: Any) -> str:
    """The page of a task, with one of its tabs."""
    return render_template("tasks/show.html", active="tasks", **_seen(row, tab), **more)


def _seen(row: Row[Any], tab: str) -> dict[str, Any]:
    """Everything that the head of a task's page shows, and the transcript where it is open."""
    version = _version(row.task_id, row, tab)  # first: what is printed meanwhile makes another
    final = row.status in FINAL
    before = number("before") if tab == "activity" else None
    said, older = pages.transcript(row.task_id, before=before) if tab == "activity" else ([], None)
    said = steps.folded(said)
    runs = row.status in (Status.RUNNING, Status.PAUSED)
    attempt = pages.attempt(row.task_id, row.attempt) if row.attempt else None
    paused = board.paused_at(row.task_id) if row.status == Status.PAUSED else None
    reader = Reader(ports().output, row.task_id, row.attempt)
    return {
        "task": row,
        "tab": tab,
        "final": final,
        "runs": runs,
        "since": attempt.started_at if attempt is not None else None,
        "until": paused or row.completed_at,
        "exit_code": attempt.exit_code if attempt is not None else None,
        **_flow(row),
        "hold": pages.hold(row.lane) if row.status == Status.PENDING else None,
        "place": pages.place(row) if row.status == Status.PENDING else None,
        "said_lines": said,
        "older": older,
        "before": before,
        "lines": reader.last_lines(LAST_LINES) if row.attempt and tab == "activity" else [],
        "mute": ports().agents.refuses(row.agent, "instruct", row.agent_settings),
        "endless": ports().agents.refuses(row.agent, "end_input", row.agent_settings),
        "facts": model_facts.of_task(row, attempt),
        "waits": model_facts.waits(row),
        "version": version,
        "now": clock.now(),
    }


def _flow(row: Row[Any]) -> dict[str, Any]:
    """The flow that a task is a run of, by its name of now or of then; and what began it."""
    if row.flow_id is None:
        return {}
    told = row.task_metadata or {}
    name = flows.names([row.flow_id]).get(row.flow_id)
    triggers = {
        "schedule": gettext("by its schedule"),
        "hook": gettext("by its web hook"),
        "hand": gettext("by hand"),
    }
    return {
        "flow_name": name or told.get("flow_name") or row.flow_id,
        "flow_there": name is not None,
        "trigger": triggers.get(told.get("trigger", "")),
    }


def _version(task_id: str, standing: Any, tab: str) -> str:
    """What the polled part shows changes with the task, its place in line, and its output."""
    if standing.status == Status.PENDING:
        waits = model_facts.waits(standing)
        lane = pages.lane_version(standing.lane)
        return version_of(standing.version, "w", lane, waits[0] if waits else "")
    size = 0
    if tab == "activity" and standing.status not in FINAL:
        size = Reader(ports().output, task_id, standing.attempt).size
    return version_of(standing.version, standing.status, size)
