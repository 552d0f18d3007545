"""Many tasks at once: asked about by name, done one by one, and told what became of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import Row

from webapp.domain.errors import Invalid
from webapp.domain.policies import MAX_REASON
from webapp.domain.task_state import FINAL
from webapp.doors import bulk
from webapp.doors.bulk import Fate, Result
from webapp.doors.intake import refused, text_field
from webapp.doors.principal import principal
from webapp.queries import history, many
from webapp.queries.many import MOST
from webapp.web.addresses import is_local_path
from webapp.web.filters import said
from webapp.web.fragments import is_fragment
from webapp.web.task_list import filters_of

bp = Blueprint("bulk", __name__, url_prefix="/bulk")


@bp.post("/ask")
def ask() -> ResponseReturnValue:
    """Ask once, and say what goes and what stays as it is."""
    operation, (rows, more) = _operation(), _chosen()
    goes = [row for row in rows if _fits(operation, row.status)]
    stays = Counter(row.status for row in rows if not _fits(operation, row.status))
    return render_template(
        "tasks/_bulk_ask.html" if is_fragment() else "tasks/bulk_ask.html",
        active="tasks",
        operation=operation,
        goes=goes,
        stays=stays,
        unfinished=sum(row.status not in FINAL for row in goes),
        more=more,
        back=_back(),
    )


@bp.post("")
def act() -> ResponseReturnValue:
    """Do it, and tell what became of each."""
    operation, task_ids = _operation(), _task_ids()
    reason = request.form.get("reason", "").strip() or None
    if reason is not None:
        reason = text_field("reason", reason, MAX_REASON)
    key = request.form.get("idempotency_key") or None
    by = principal().name
    result = bulk.act(operation, task_ids, by=by, reason=reason, key=key)
    return render_template(
        "tasks/_bulk_result.html" if is_fragment() else "tasks/bulk_result.html",
        active="tasks",
        result=result,
        reasons=_reasons(result),
        back=_back(),
    )


def _operation() -> str:
    operation = request.form.get("operation", "")
    if operation not in bulk.OPERATIONS:
        raise Invalid.field("operation", gettext("there is no such operation"))
    return operation


def _task_ids() -> list[str]:
    task_ids = list(dict.fromkeys(request.form.getlist("task")))
    if not task_ids:
        raise Invalid.field("task", gettext("select at least one task"))
    if len(task_ids) > MOST:
        raise Invalid.field("task", gettext("at most %(most)s at once", most=f"{MOST:,}"))
    return task_ids


def _chosen() -> tuple[Sequence[Row[Any]], bool]:
    """The tasks that were ticked, or the newest that match; and whether there are more."""
    if request.form.get("scope") != "match":
        return many.named(_task_ids()), False
    asked = filters_of(request.form)
    if asked.problems:
        raise refused(asked.problems)
    if not asked:
        raise Invalid.field("scope", gettext("choose a filter first, so that not everything goes"))
    found = history.page(asked.wanted, limit=MOST)
    return found.rows, found.older is not None or found.searched_to is not None


def _fits(operation: str, status: str) -> bool:
    """Whether such a task can be meant; its verb decides once more when it is done."""
    return operation == "rerun" or (status in FINAL) == (operation == "delete")


def _reasons(result: Result) -> list[tuple[str, list[tuple[Fate, str | None]]]]:
    """Why tasks were refused, and which, each with its first line if it is still there."""
    names = {row.task_id: row.headline for row in many.named([f.task_id for f in result.refused])}
    found = defaultdict(list)
    for fate in result.refused:
        found[said(fate.code, fate.params, fate.message)].append((fate, names.get(fate.task_id)))
    return list(found.items())


def _back() -> str:
    back = request.form.get("back", "")
    return back if is_local_path(back) else ""
