"""What people do to a task: controls, instructions, run again, delete; each asks where it must."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from webapp.domain.errors import NotFound
from webapp.domain.policies import MAX_INSTRUCTION, MAX_REASON
from webapp.doors import steering
from webapp.doors.intake import again, promise, text_field
from webapp.doors.principal import principal
from webapp.queries import board, tasks
from webapp.web.addresses import is_local_path, without_site
from webapp.web.fragments import is_fragment

bp = Blueprint("actions", __name__)

ASKED = ("pause", "stop", "delete")


@bp.get("/<task_id>/ask/<verb>")
def ask(task_id: str, verb: str) -> ResponseReturnValue:
    """Ask once before something that cannot be undone, or for the reason of a pause."""
    if verb not in ASKED:
        raise NotFound
    row = tasks.find(task_id)
    template = "tasks/_ask.html" if is_fragment() else "tasks/ask.html"
    asked = request.args.get("back", "")
    back = asked if is_local_path(asked) else ""
    return render_template(template, active="tasks", task=row, verb=verb, back=back)


@bp.post("/<task_id>/<any(pause, resume, stop):verb>")
def steer(task_id: str, verb: str) -> ResponseReturnValue:
    """Pause, resume or stop."""
    reason = request.form.get("reason", "").strip() or None
    if reason is not None:
        reason = text_field("reason", reason, MAX_REASON)
    steering.steer(verb, task_id, by=principal().name, reason=reason)
    return _shown_again(task_id)


@bp.post("/<task_id>/instructions")
def instruct(task_id: str) -> ResponseReturnValue:
    """Send a line to the task."""
    text = text_field("instruction", request.form.get("instruction", ""), MAX_INSTRUCTION)
    steering.instruct(task_id, text, by=principal().name)
    return _shown_again(task_id)


@bp.post("/<task_id>/end-input")
def end_input(task_id: str) -> ResponseReturnValue:
    """Tell the task that no more lines come."""
    steering.instruct(task_id, "", by=principal().name, kind="end_input")
    return _shown_again(task_id)


@bp.post("/<task_id>/rerun")
def rerun(task_id: str) -> ResponseReturnValue:
    """Run the same again: at once, or when its turn comes; once for two quick clicks."""
    key = request.form.get("idempotency_key") or None
    submission = again(task_id, {"when_busy": "queue"})
    promised = promise(f"again/{task_id}", key, b"")
    submitted = steering.submit(submission, by=principal().name, promise=promised)
    return redirect(url_for("tasks.show", task_id=submitted.task_id), 303)


@bp.post("/<task_id>/delete")
def delete(task_id: str) -> ResponseReturnValue:
    """Delete a finished task with its output."""
    steering.delete(task_id, by=principal().name)
    flash(gettext("The task and its output are deleted."), "done")
    return redirect(url_for("tasks.index"), 303)


def _shown_again(task_id: str) -> ResponseReturnValue:
    """The polled part of the page the click came from; that page itself without JavaScript."""
    if not is_fragment():
        back = request.form.get("back", "")
        if not is_local_path(back):
            back = url_for("tasks.show", task_id=task_id)
        return redirect(back, 303)
    from webapp.web import now
    from webapp.web import tasks as task_pages

    here = without_site(request.headers.get("HX-Current-URL", "")).partition("?")[0]
    own = url_for("tasks.show", task_id=task_id)
    if here == own or here.startswith(f"{own}/"):
        return task_pages.fragment(task_id, "activity" if here == own else "other")
    return now.board_fragment(board.board())
