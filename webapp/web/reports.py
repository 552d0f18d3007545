"""What an attempt wrote to reports/: shown where it can do no harm, or offered to be kept.

A page made by an agent is shown in a frame without an origin, under a policy of its own: its
scripts may draw charts, but reach neither this site nor any other, also when its address is opened
directly.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Row

from webapp.domain.errors import NotFound
from webapp.doors import sending
from webapp.files import beneath
from webapp.files.reports import REPORTS
from webapp.queries import files, tasks
from webapp.web import markdown
from webapp.web import tasks as task_pages
from webapp.web.fragments import number

bp = Blueprint("reports", __name__, url_prefix="/tasks")

READ = 512 * 1024
"""Bytes of a report that are shown as text or Markdown; the page says so if there is more."""
FRAMED = 20 * 1024 * 1024
FRAME = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
KINDS = {
    "page": r".*\.html?",
    "markdown": r".*\.(md|markdown)",
    "image": r".*\.(png|jpe?g|gif|webp|svg)",
    "text": r".*\.(txt|log|csv|tsv|json|jsonl|ya?ml|xml|toml|ini|diff|patch|py|sh|sql|css|js)",
}


@dataclass(frozen=True)
class Report:
    """The report that is looked at."""

    path: str
    name: str
    kind: str
    size: int
    text: str | Markup = ""
    cut: bool = False
    changed: bool = False
    """Somebody has written to it since its attempt."""
    missing: bool = False


@bp.get("/<task_id>/report")
def show(task_id: str) -> ResponseReturnValue:
    """The report of the latest attempt that wrote one, or of the one that is named."""
    row = tasks.find(task_id)
    attempts = [a for a in reversed(tasks.attempts(task_id)) if a.reports]
    wanted = number("attempt")
    chosen = next((a for a in attempts if wanted in (None, a.number)), None)
    report = None
    if chosen is not None:
        path = request.args.get("file") or chosen.reports[0]["path"]
        report = _read(row, chosen, path)
    return task_pages.page(row, "report", attempts=attempts, chosen=chosen, report=report)


@bp.get("/<task_id>/report/<int:attempt>/<path:name>")
def raw(task_id: str, attempt: int, name: str) -> ResponseReturnValue:
    """A file in reports/ as it is: a page or an image without any power, the rest to be saved."""
    row = tasks.find(task_id)
    if not any(a.number == attempt and a.reports for a in tasks.attempts(task_id)):
        raise NotFound("no_such_file")
    opened = _open(row, f"{REPORTS}/{name}")
    kind = kind_of(name)
    if kind == "page" and "download" not in request.args:
        return _framed(sending.respond(opened, name, kind="text/html", inline=FRAME))
    if kind == "image" and "download" not in request.args:
        return sending.respond(opened, name, inline=sending.HARMLESS)
    return sending.respond(opened, name)


def kind_of(name: str) -> str:
    """How a report of that name is shown; ``other`` is not."""
    for kind, pattern in KINDS.items():
        if re.fullmatch(pattern, name, re.IGNORECASE):
            return kind
    return "other"


def _framed(response: Response) -> Response:
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _open(row: Row[Any], path: str) -> int:
    parts = beneath.parts_of(path)
    if parts[0] != REPORTS:
        raise NotFound("no_such_file")
    return beneath.open_file(Path(files.workspace(row.session_id) or ""), parts)


def _read(row: Row[Any], attempt: Row[Any], path: str) -> Report:
    name, kind = path.removeprefix(f"{REPORTS}/"), kind_of(path)
    known = next((report for report in attempt.reports if report["path"] == path), None)
    try:
        opened = _open(row, path)
    except NotFound:
        if known is None:
            raise
        return Report(path, name, kind, known["size"], missing=True)
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(opened)
        data = file.read(READ) if kind in {"markdown", "text"} else b""
    text: str | Markup = data.decode("utf-8", "replace")
    cut = bool(data) and found.st_size > READ
    if kind == "markdown":
        cut = cut or len(text) > markdown.LIMIT
        text = markdown.render(str(text), _addresses(row.task_id, attempt.number, name))
    return Report(
        path,
        name,
        kind if kind != "page" or found.st_size <= FRAMED else "other",
        found.st_size,
        text,
        cut=cut,
        changed=known is not None and known["time_ns"] != str(found.st_mtime_ns),
    )


def _addresses(task_id: str, attempt: int, name: str) -> markdown.Siblings:
    """Where what a Markdown report names beside it is shown, or found as an image."""

    def page(path: str) -> str:
        return url_for(".show", task_id=task_id, attempt=attempt, file=f"{REPORTS}/{path}")

    def image(path: str) -> str:
        return url_for(".raw", task_id=task_id, attempt=attempt, name=path)

    return markdown.Siblings(name.rpartition("/")[0], page, image)
