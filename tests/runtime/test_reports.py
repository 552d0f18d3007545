"""What an attempt writes to reports/ is its report, and what was there before is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import ScriptedAgent
from webapp.agents.protocol import AgentFailed, Console, Work
from webapp.config import Settings
from webapp.queries import tasks
from webapp.runtime.context import Context
from webapp.runtime.worker import LaneWorker
from webapp.services.submissions import Submitted


@pytest.fixture
def ride(
    context: Context, agent: ScriptedAgent, submit: Callable[..., Submitted], stored: Any
) -> Callable[..., Any]:
    """Run a task that does this in its workspace; its row afterwards."""

    def run(script: Callable[[Path], None], **fields: Any) -> Any:
        def work(work: Work, console: Console) -> None:
            script(work.workspace_dir)

        agent.scripts["nothing"] = work
        submitted = submit(session_id="s", **fields)
        assert LaneWorker(context, "main").run_one()
        return stored(submitted.task_id)

    return run


def report(name: str, text: str = "x") -> Callable[[Path], None]:
    """A script that writes one file."""

    def write(workspace: Path) -> None:
        path = workspace / "reports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write


def reports(context: Context, task: Any, number: int = 1) -> list[str]:
    """The paths of the reports of an attempt, in order."""
    attempts = context.call(tasks.attempts, task.task_id)
    return [found["path"] for found in attempts[number - 1].reports or []]


def test_a_task_that_writes_none_has_none(context: Context, ride: Callable[..., Any]) -> None:
    ride(report("index.html"))

    later = ride(lambda workspace: (workspace / "index.html").write_text("not in reports/"))

    assert later.report_path is None
    assert reports(context, later) == []


def test_links_pipes_and_directories_are_no_reports(
    context: Context, ride: Callable[..., Any], tmp_path: Path
) -> None:
    def script(workspace: Path) -> None:
        (workspace / "reports/deep").mkdir(parents=True)
        (workspace / "reports/index.html").symlink_to("/etc/passwd")
        (workspace / "reports/out").symlink_to("/etc")
        os.mkfifo(workspace / "reports/report.md")

    assert ride(script).report_path is None


def test_reports_that_are_a_link_to_elsewhere_are_not_looked_at(
    ride: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("x")

    assert ride(lambda workspace: (workspace / "reports").symlink_to(tmp_path)).report_path is None


def test_of_several_the_index_or_the_report_comes_first(
    context: Context, ride: Callable[..., Any], settings: Settings
) -> None:
    def script(workspace: Path) -> None:
        for name in ("z.png", "notes.md", "deep/index.html", "report.txt"):
            report(name)(workspace)

    task = ride(script)

    assert task.report_path == str(settings.data / "workspaces/s/reports/report.txt")
    assert reports(context, task) == [
        "reports/report.txt",
        "reports/deep/index.html",
        "reports/notes.md",
        "reports/z.png",
    ]


def test_what_was_changed_counts_and_what_was_left_alone_does_not(
    context: Context, ride: Callable[..., Any]
) -> None:
    def both(workspace: Path) -> None:
        report("a.md")(workspace)
        report("b.md")(workspace)

    ride(both)

    assert reports(context, ride(report("b.md", "changed"))) == ["reports/b.md"]


def test_a_report_of_a_failed_attempt_is_its_own(
    context: Context, ride: Callable[..., Any]
) -> None:
    def fail(workspace: Path) -> None:
        report("report.md", "why it failed")(workspace)
        raise AgentFailed("no")

    task = ride(fail)

    assert task.status == "failed"
    assert task.report_path.endswith("reports/report.md")
    assert reports(context, task) == ["reports/report.md"]
