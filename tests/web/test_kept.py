"""What pages say of what retention removed, and of what is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from apiflask import APIFlask

from tests.web.conftest import Browser
from webapp import clock
from webapp.config import Settings
from webapp.domain.outcome import completed
from webapp.housekeeping import retention
from webapp.runtime.context import Context
from webapp.services import claims
from webapp.services.news import News
from webapp.services.submissions import Submitted


def test_pages_say_what_was_removed_and_when(
    app: APIFlask,
    context: Context,
    settings: Settings,
    submit: Callable[..., Submitted],
    browser: Browser,
) -> None:
    then = clock.now() - timedelta(days=40)
    task = submit("work", now=then)
    run = context.call(claims.claim_next, "main", context.identity.runner_id, then)
    assert run is not None
    context.output.writer(task.task_id, 1).append(b"printed")
    Path(task.workspace_dir).mkdir(parents=True)
    context.call(claims.conclude, run, completed("ok"), News(), then, next_for=None)
    assert "for ever" in browser.get("/settings/health").text
    rules = settings.model_copy(update={"keep_output_days": 30, "keep_workspaces_days": 30})
    assert context.call(retention.run, "tests", rules, lambda _s: False)

    output = browser.get(f"/tasks/{task.task_id}/output").text
    health = browser.get("/settings/health").text
    session = browser.get(f"/sessions/{task.session_id}/details").text

    assert "Its output was removed on" in output
    assert "It printed nothing." not in output
    assert "its files were removed after their time:" in session
    assert "1 outputs" in health
    assert "1 workspaces" in health
    assert "Disk used" in health
