"""A task's output in parts, for a page that follows it, goes back in it, or searches it."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.domain.errors import Invalid
from webapp.domain.task_state import FINAL
from webapp.ports import ports
from webapp.queries import tasks
from webapp.web.ansi import Pen
from webapp.web.parts import Reader

bp = Blueprint("parts", __name__)


@bp.get("/<task_id>/output/part")
def part(task_id: str) -> ResponseReturnValue:
    """The lines before an offset, or those that came since another; 204 if none did."""
    standing = tasks.standing(task_id)
    attempt = _number("attempt") or 0
    reader = Reader(ports().output, task_id, attempt)
    ended = tasks.attempt_ended(task_id, attempt)
    if ended is None and attempt:
        raise Invalid.field("attempt", f"there was no attempt {attempt}")
    over = standing.status in FINAL or ended is True
    before = _number("before")
    if before is not None:
        return render_template("tasks/_part.html", part=reader.before(before), live=not over)
    have, start = _number("have"), _number("from")
    if start is None:
        found = reader.tail()
    else:
        if have is not None and not over and reader.size == have:
            return "", 204
        pen = Pen.parse(request.args.get("pen", ""))
        follow = request.args.get("follow") == "1"
        found = reader.since(start, _number("line"), pen, follow=follow)
    return render_template("tasks/_part.html", part=found, live=not over or found.end < found.size)


def _number(name: str) -> int | None:
    text = request.args.get(name)
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Invalid.field(name, "must be a whole number")
    return int(text)
