"""The composer as it is offered: which agents and lanes there are, and an earlier task to edit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import request, url_for
from flask_babel import gettext
from sqlalchemy import Row
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # stubs lag behind

from webapp import clock
from webapp.domain.lanes import DRAINING, PAUSED
from webapp.domain.policies import MAIN_LANE, MAX_TASK_FILES, PRIORITIES
from webapp.domain.scopes import Scope
from webapp.domain.secrets import masked
from webapp.domain.task_state import Status
from webapp.doors import receiving, steering
from webapp.doors.intake import again, check_session_id, intake, promise, unsealed
from webapp.doors.principal import principal
from webapp.doors.profiles import demonstration
from webapp.ports import ports
from webapp.queries import files, pages, tasks
from webapp.queries.board import Board
from webapp.services import submissions
from webapp.services.submissions import Submitted
from webapp.web.agent_fields import field_values
from webapp.web.durations import written
from webapp.web.forms import ComposerForm, unless_refused
from webapp.web.llm_fields import LLM


def composer(
    world: Board, values: Mapping[str, Any] | None = None, *, fresh: bool = False
) -> ComposerForm:
    """The form: with what was sent, or with ``values``, or empty if it is to be ``fresh``."""
    values = values or {}
    form = ComposerForm(
        None if fresh else request.form or None,  # an empty one would uncheck every box
        data={"lane": MAIN_LANE, **values},
        agents=ports().agents.names(),
        lanes=lane_choices(world),
    )
    form.upload_file_ids = (
        request.form.getlist("upload_file_ids")[:MAX_TASK_FILES]
        if request.form and not fresh
        else list(values.get("upload_file_ids", ()))
    )
    return form


def offline_address(form: ComposerForm) -> str:
    """Where a form asks for the demonstration, and comes back with what was typed; or nowhere."""
    if not form.no_profile or not may_try_offline():
        return ""
    return url_for("now.use_offline", session_id=form.continues)


def place_of(submitted: Submitted) -> int | None:
    """Where in line it waits, the active one being first; None if it is under way."""
    row = tasks.find(submitted.task_id)
    return pages.place(row) if row.status == Status.PENDING else None


def may_try_offline() -> bool:
    """Whether whoever looks may have the demonstration made."""
    return LLM in ports().agents.names() and principal().scope is Scope.ADMIN


def go_on_with(form: ComposerForm) -> dict[str, Any]:
    """What the next task probably has, too: a text for a model must not become a command."""
    return {"agent": form.agent.data, "llm_profile_name": form.llm_profile_name.data}


def use_offline(form: ComposerForm) -> None:
    """Choose the demonstration, which is made if it is not there; what was typed stays."""
    name = demonstration.there(by=principal().name)
    attach(form)
    form.agent.data, form.llm_profile_name.data = LLM, name
    form.offer_models([LLM])


def lane_choices(world: Board) -> list[SelectChoice]:
    """The lanes to choose from, each with what is to be known of it."""
    words = {PAUSED: gettext("paused"), DRAINING: gettext("draining, takes nothing new")}
    return [
        SelectChoice(lane.name, f"{lane.name} ({words[lane.state]})" if lane.state in words else "")
        for lane in world.lanes
    ]


def earlier_values(task_id: str) -> dict[str, Any]:
    """The fields of an earlier task, for the composer; what may be secret stays masked."""
    row = tasks.find(task_id)
    return {
        **task_values(row),
        "waiting_timeout_s": written(tasks.waiting_timeout_s(row)),
        "rerun_of": task_id,
        "upload_file_ids": [file["file_id"] for file in row.upload_files or ()],
    }


def task_values(row: Any) -> dict[str, Any]:
    """The fields that a task and a flow have alike; secrets are masked."""
    words = {number: word for word, number in PRIORITIES.items()}
    return {
        "task_description": row.task_description,
        "agent": row.agent,
        "session_id": row.session_id,
        "lane": row.lane,
        "priority": words.get(row.priority, str(row.priority)),
        "timeout_s": written(row.timeout_s),
        "silence_timeout_s": written(row.silence_timeout_s),
        "max_retries": row.max_retries,
        "retry_delay_s": written(row.retry_delay_s),
        "rerun_interrupted": row.rerun_interrupted,
        **field_values(masked(row.agent_settings)),
    }


def hand_in(form: ComposerForm) -> Submitted | None:
    """Submit what the form holds; None if it says now what is wrong with it."""
    submitted = unless_refused(form, lambda: _submit(form)) if form.validate() else None
    if submitted is None:
        form.renew_key()
    return submitted


def attached(form: ComposerForm) -> list[Row[Any]]:
    """The uploads that the form holds and that are there."""
    return files.some(form.upload_file_ids)


def attach(form: ComposerForm) -> None:
    """Store the files that came with the form: they stay attached, should it be refused."""
    session_id = (form.session_id.data or "").strip() or None
    if session_id is not None:
        session_id = check_session_id(session_id)
    elif form.upload_file_ids:
        session_id = next((row.session_id for row in attached(form)), None)
    stored = receiving.store(session_id)
    if stored is not None:
        form.upload_file_ids += [row["file_id"] for row in stored.files]
        form.session_id.data = stored.session_id


def _submit(form: ComposerForm) -> Submitted:
    earlier, by = form.rerun_of.data, principal().name
    body = json.dumps([earlier, form.raw(), receiving.sent_names()], sort_keys=True).encode()
    promised = promise("compose", form.idempotency_key.data, body)
    if promised is not None and (before := submissions.kept(promised, by=by, now=clock.now())):
        return before  # its files are stored already
    attach(form)
    raw = form.raw()
    submission = again(earlier, raw) if earlier else intake(unsealed(raw))
    return steering.submit(submission, by=by, promise=promised)


def upload_limits() -> dict[str, int]:
    """What may be uploaded at once, for forms that tell before they send."""
    settings = ports().settings
    return {
        "file_mb": settings.upload_file_mb,
        "total_mb": settings.upload_total_mb,
        "files": settings.upload_files,
    }
