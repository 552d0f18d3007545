"""Closes the tasks whose runner is dead, and ends the processes it left behind."""

from __future__ import annotations

from datetime import timedelta

import structlog

from webapp.agents import processes
from webapp.domain.outcome import Outcome
from webapp.queries import runs
from webapp.runtime.context import Context, is_alive
from webapp.services import claims

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
"""How long a runner of another host may be silent before it counts as dead."""


def rescue_the_dead(context: Context) -> int:
    """Fail every active task that no living process runs; returns how many there were.

    A sibling's healthy run is never touched: on this host a runner is asked for by boot, pid and
    start time, on another by its heartbeat.
    """
    rescued = 0
    for run in context.call(runs.active_runs):
        if run.runner is not None and _lives(context, run):
            continue
        ended = processes.end_run(f"{run.task_id}.{run.attempt}", context.settings.stop_grace_s)
        code = "interrupted" if run.runner is not None else "interrupted_unknown"
        outcome = Outcome("fail", code=code, may_retry=False)
        if context.call(claims.rescue, run.task_id, run.attempt, outcome, context.now()):
            rescued += 1
            log.warning("task interrupted", task_id=run.task_id, processes_ended=ended)
    return rescued


def _lives(context: Context, run: runs.ActiveRun) -> bool:
    assert run.runner is not None
    if run.runner.runner_id == context.identity.runner_id:
        return True
    alive = is_alive(run.runner)
    if alive is None:
        return run.heartbeat_at is not None and context.now() - run.heartbeat_at < LEASE
    return alive
