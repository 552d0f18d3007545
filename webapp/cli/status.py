"""``lineup status``: what rides, how far it is, and how many wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from webapp import clock
from webapp.cli import options
from webapp.cli.options import show_json, talks
from webapp.cli.terminal import (
    coloured,
    lasted,
    local_time,
    on_terminal,
    one_line,
    seconds_between,
)

if TYPE_CHECKING:
    from webapp.cli.client import Server

LOOK_S = 1.0
CLEAR = "\x1b[H\x1b[2J\x1b[3J"
QUICK_S, PATIENCE_S = 2.0, 3600.0


@click.command()
@options.lane
@click.option("-w", "--watch", is_flag=True, help="Stay, and say it again when it changes.")
@options.as_json
@talks
def status(server: Server, lane: str | None, watch: bool, as_json: bool) -> None:
    """Say what is running and how many tasks wait.

    With --json: what /api/status answers; with a lane, /api/tasks/detailed-status.
    """
    said: object = None
    patience_s, timed = QUICK_S, on_terminal() or not watch
    while True:
        told = _ask(server, lane, patience_s, as_json=as_json, timed=timed)
        if _standing(told) != said:
            said = _standing(told)
            _tell(told, watch=watch)
        if not watch:
            return
        patience_s = PATIENCE_S
        time.sleep(LOOK_S)


def _standing(told: Any) -> Any:
    """What is said without what changes by itself."""
    if isinstance(told, dict):
        return {name: value for name, value in told.items() if name != "timestamp"}
    return told


def _ask(server: Server, lane: str | None, patience_s: float, *, as_json: bool, timed: bool) -> Any:
    """The API's answer, or lines for people; ``timed``: with how long it has been running."""
    if as_json and lane is None:
        return server.get("/api/status", patience_s=patience_s)
    active = server.get("/api/tasks/detailed-status", lane=lane, patience_s=patience_s)
    if as_json:
        return active
    counts = server.get("/api/status", patience_s=patience_s)["counts"]
    freeze = server.get("/api/freeze", patience_s=patience_s)
    lines = ["Nothing is running."]
    if active["has_active_task"]:
        lines = _active(active, timed=timed)
    if freeze["frozen"]:
        since, by = local_time(freeze["since"]), one_line(freeze["frozen_by"])
        lines.append(f"Frozen by {by} since {since}: {one_line(freeze['reason'])}")
    lines.append(_counted(counts))
    return lines


def _active(task: dict[str, Any], *, timed: bool) -> list[str]:
    took = lasted(seconds_between(task["start_time"], clock.now())) if timed else ""
    facts = (coloured(task["control"] or task["status"]), task["task_id"], took)
    lines = ["  ".join(filter(None, (*facts, one_line(task["task"]))))]
    progress = task["agent_status"]["progress"]
    far = [f"{progress['percent']:g} %"] if progress.get("percent") is not None else []
    if progress.get("steps"):
        far.append(f"step {progress.get('step')} of {progress['steps']}")
    if progress.get("message"):
        far.append(one_line(str(progress["message"])))
    if far:
        lines.append("  " + " · ".join(far))
    if task["pause_reason"]:
        lines.append(f"  paused: {one_line(task['pause_reason'])}")
    return lines


def _counted(counts: dict[str, int]) -> str:
    words = {"pending": "waiting"}
    return " · ".join(f"{count:,} {words.get(name, name)}" for name, count in counts.items())


def _tell(told: Any, *, watch: bool) -> None:
    if watch and on_terminal():
        click.echo(CLEAR, nl=False)
    if isinstance(told, list):
        click.echo("\n".join(told))
    else:
        show_json(told, line=watch)
