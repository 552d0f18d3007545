"""Closes the tasks whose runner is dead, and ends the processes it left behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog

from webapp.agents import processes
from webapp.domain.outcome import interrupted
from webapp.queries import runs
from webapp.runtime.context import Context, is_alive
from webapp.services import claims

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
"""How long a runner of another host may be silent before it counts as dead."""


def rescue_the_dead(context: Context) -> int:
    """Close every active task that no living process runs; returns how many there were.

    It fails, or is to be run again if it says so.
    A sibling's healthy run is never touched: on this host a runner is asked for by boot, pid and
    start time, on another by its heartbeat, as the clock of their database has it.
    """
    rescued = 0
    for run in context.call(runs.active_runs):
        if lives(context, run):
            continue
        rescued += rescue(context, run)
    return rescued


def rescue(context: Context, run: runs.ActiveRun) -> bool:
    """Close one active task and end its processes; false if it is not active any more."""
    code = "interrupted" if run.runner is not None else "interrupted_unknown"
    return _close(context, run.task_id, run.attempt, code)


class Dropped:
    """Finds runs that are this very process's, and that none of its workers has in hand.

    It must not happen. If it does, the task would be running for ever, so it is closed: at the
    second look, since at the first it may just have been claimed, or just be concluded.
    """

    def __init__(self, context: Context, held: Callable[[], set[tuple[str, int]]]) -> None:
        self._context, self._held = context, held
        self._suspects: set[tuple[str, int]] = set()

    def look(self) -> int:
        """Close what was without a worker at the last look and still is; returns how many."""
        own = self._context.identity.runner_id
        ours = {
            (run.task_id, run.attempt)
            for run in self._context.call(runs.active_runs)
            if run.runner is not None and run.runner.runner_id == own
        }
        dropped = ours - self._held()
        closed = sum(
            _close(self._context, *run, "interrupted_unknown") for run in dropped & self._suspects
        )
        self._suspects = dropped
        return closed


def _close(context: Context, task_id: str, attempt: int, code: str) -> bool:
    ended = processes.end_run(processes.run_mark(task_id, attempt), context.settings.stop_grace_s)
    closed = context.call(claims.rescue, task_id, attempt, interrupted(code), context.now())
    if closed:
        log.warning("task interrupted", task_id=task_id, processes_ended=ended)
    return closed


def lives(context: Context, run: runs.ActiveRun) -> bool:
    """Whether the runner that has this attempt is alive, as this process can tell."""
    if run.runner is None:
        return False
    if run.runner.runner_id == context.identity.runner_id:
        return True
    alive = is_alive(run.runner, context.identity)
    if alive is None:
        now = run.at or context.now()
        return run.heartbeat_at is not None and now - run.heartbeat_at < LEASE
    return alive
