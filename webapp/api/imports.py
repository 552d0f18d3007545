"""Flows and schedules as a file: brought in, all or none, and written."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, stream_with_context
from flask.typing import ResponseReturnValue
from pydantic import Field, StrictBool, StrictStr

from webapp import clock
from webapp.api.bodies import Answer, Body, answers
from webapp.domain.bundles import Problem
from webapp.domain.errors import Invalid
from webapp.domain.messages import sentence
from webapp.doors import exports, imports
from webapp.doors.imports import Choice, Report
from webapp.doors.principal import principal
from webapp.services.imports import Done

bp = APIBlueprint("api_imports", __name__, url_prefix="/api", tag="Flows")

YAML = "application/yaml"


class ImportBody(Body):
    """A file, and how it is to be taken."""

    text: StrictStr = Field(description="A file of flows (YAML), or a crontab.")
    format: Literal["yaml", "crontab"] | None = Field(None, description="Found out if left out.")
    dry_run: StrictBool = Field(False, description="Only say what would be done.")
    existing: Literal["refuse", "replace", "rename"] = Field(
        "refuse", description="What is done with a flow whose name there is already."
    )
    timezone: StrictStr | None = Field(
        None, description="The zone of rules that name none; the machine's if left out."
    )
    lane: StrictStr | None = Field(
        None, description="The lane of all flows; if left out the file's, of a crontab one each."
    )


class ImportedFlow(Answer):
    """A flow that is stored, or would be; its schedule is switched off."""

    line: int
    name: str
    action: Literal["create", "replace"]
    flow_id: str | None
    lane: str
    cron_expression: str | None
    timezone: str | None
    notes: list[str]


class LineSaid(Answer):
    """What is said of a line of the file."""

    line: int
    field: str | None
    reason: str


class ImportAnswer(Answer):
    """``success``: it is done, or could be. ``problems``: why not; nothing is stored then."""

    success: bool
    dry_run: bool
    message: str
    format: Literal["yaml", "crontab"]
    flows: list[ImportedFlow]
    lanes: list[str]
    notes: list[LineSaid]
    problems: list[LineSaid]


class ExportQuery(Body):
    """Which flows."""

    flow_id: list[str] = Field([], description="Repeated: only these.", max_length=1000)


@bp.post("/import")
@bp.input(ImportBody)
@bp.doc(responses=answers(ImportAnswer, refusals=(400, 415)))
def bring_in(json_data: ImportBody) -> ResponseReturnValue:
    """Store the flows and schedules of a file, switched off: all, or none if one cannot be."""
    choice = Choice(
        kind=json_data.format,
        existing=json_data.existing,
        timezone=json_data.timezone,
        lane=json_data.lane,
    )
    dry_run = json_data.dry_run
    report = imports.bring_in(json_data.text, choice, dry_run=dry_run, by=principal().name)
    shown = _shown(report, dry_run)
    if report.problems and not dry_run:
        first = report.problems[0]
        raise Invalid("import_refused", extra=shown, line=first.line, reason=first.reason)
    return shown


def _described() -> dict[int, Any]:
    return answers(None, refusals=(400,), kind=YAML)


@bp.get("/export")
@bp.input(ExportQuery, location="query")
@bp.doc(responses=_described())
def export(query_data: ExportQuery) -> ResponseReturnValue:
    """Download flows with their schedules as a file of YAML, without their secrets."""
    now = clock.now()
    pieces = stream_with_context(exports.written(query_data.flow_id, now))
    answer = Response(pieces, content_type=f"{YAML}; charset=utf-8")
    name = f"lineup-flows-{now:%Y-%m-%d}.yaml"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _shown(report: Report, dry_run: bool) -> dict[str, Any]:
    code = "import_problems" if report.problems else "import_would" if dry_run else "import_done"
    said = {"problems": len(report.problems), "flows": len(report.outcome.done)}
    if said["problems" if report.problems else "flows"] == 1:
        code += "_one"
    return {
        "success": not report.problems,
        "dry_run": dry_run,
        "message": sentence(code, said),
        "format": report.kind,
        "flows": [_flow(done, dry_run or bool(report.problems)) for done in report.outcome.done],
        "lanes": report.outcome.lanes,
        "notes": [_said(note) for note in report.notes],
        "problems": [_said(problem) for problem in report.problems],
    }


def _flow(done: Done, only_would: bool) -> dict[str, Any]:
    return {
        "line": done.line,
        "name": done.name,
        "action": done.action,
        "flow_id": None if only_would and done.action == "create" else done.flow_id,
        "lane": done.lane,
        "cron_expression": done.terms.cron_expression if done.terms else None,
        "timezone": done.terms.timezone if done.terms else None,
        "notes": done.notes,
    }


def _said(problem: Problem) -> dict[str, Any]:
    return {"line": problem.line, "field": problem.field, "reason": problem.reason}
