"""What is answered to whoever hands something in: a task by its fields, or a run of a flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from flask import request

from webapp import clock
from webapp.api.bodies import Answer
from webapp.domain.messages import sentence
from webapp.doors.intake import promise
from webapp.doors.principal import principal
from webapp.services import submissions
from webapp.services.submissions import Promise, Submitted


class SubmitAnswer(Answer):
    """The task is stored."""

    success: Literal[True]
    task_id: str
    session_id: str
    status: Literal["submitted"]
    message: str
    llm_profile: str | None
    workspace_dir: str


def answered(
    route: str, submit: Callable[[Promise | None], Submitted], *, beside: str = ""
) -> dict[str, Any]:
    """Answer as before if this was asked before, even where it could not be asked again.

    What is said ``beside`` the body counts as part of it.
    """
    by, now = principal().name, clock.now()
    sent = request.get_data() + beside.encode()
    promised = promise(route, request.headers.get("Idempotency-Key"), sent)
    submitted = submissions.kept(promised, by=by, now=now) if promised is not None else None
    if submitted is None:
        submitted = submit(promised)
    code = "submitted_waiting" if submitted.waiting else "submitted"
    if submitted.frozen is not None:
        code = "submitted_frozen"
    said = sentence(code, {"waiting": submitted.waiting, "reason": submitted.frozen})
    return {
        "success": True,
        "task_id": submitted.task_id,
        "session_id": submitted.session_id,
        "status": "submitted",
        "message": said,
        "llm_profile": submitted.llm_profile,
        "workspace_dir": submitted.workspace_dir,
    }
