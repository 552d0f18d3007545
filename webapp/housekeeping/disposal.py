"""Removes deleted sessions: database, output and workspace, each in pieces that hold up nobody.

Whatever happens in between, a session that was marked is gone for everybody, and what is left of
it is found by its mark, or lies in the trash: every step may be done twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from webapp import clock
from webapp.housekeeping.pace import Pace
from webapp.ports import ports
from webapp.queries import sessions
from webapp.services import sessions as verbs

log = structlog.get_logger(__name__)

PATIENCE_S = 2.0
"""How long whoever deletes is kept waiting; the ticker does the rest."""

Enough = Callable[[], bool]


def delete(session_id: str, *, by: str) -> None:
    """Delete a session with everything in it; raises what forbids that."""
    verbs.condemn(session_id, by=by, now=clock.now())
    until = clock.monotonic() + PATIENCE_S
    remove_deleted(lambda: clock.monotonic() >= until)


def remove_deleted(enough: Enough) -> bool:
    """Go on with what was deleted until ``enough()``; true when nothing is left of it."""

    def pause(seconds: float) -> bool:
        if not enough():
            time.sleep(seconds)
        return enough()

    pace = Pace(pause)
    return all(_remove(session_id, pace) for session_id in sessions.deleted()) and (
        ports().trash.empty(enough)
    )


def _remove(session_id: str, pace: Pace) -> bool:
    try:
        verbs.set_aside(session_id, ports().trash.take)
    except OSError as error:
        log.error("workspace not removed", session_id=session_id, error=str(error))
    return _repeat(lambda: _remove_tasks(session_id, pace), pace) and _repeat(
        lambda: pace.take(lambda: verbs.drop_rest(session_id, pace.size)), pace
    )


def _remove_tasks(session_id: str, pace: Pace) -> bool:
    """Remove a few tasks with their output; true when there are no more."""
    wanted = pace.size
    task_ids = sessions.some_tasks(session_id, wanted)
    for task_id in task_ids:
        ports().output.delete(task_id)
    if task_ids:
        pace.take(lambda: verbs.drop_tasks(task_ids))
    return len(task_ids) < wanted


def _repeat(step: Callable[[], bool], pace: Pace) -> bool:
    """Take a step until it is the last one, or time to end; others have their turn in between."""
    while not step():
        if pace.rest():
            return False
    return True
