"""What both doors do to tasks: a verb, and what has to follow it outside of the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from webapp import clock
from webapp.domain.errors import Conflict, NoSuchTask
from webapp.domain.task_state import FINAL, Status
from webapp.doors.due import settle
from webapp.doors.intake import bounds
from webapp.doors.models import asked_first
from webapp.ports import ports
from webapp.queries import lanes, tasks
from webapp.services import controls, submissions
from webapp.services import freeze as freezing
from webapp.services import tasks as task_verbs
from webapp.services.controls import Accepted
from webapp.services.submissions import Promise, Submission, Submitted

EFFECT_S = 1.0
"""How long a caller waits for the effect before it is told that it is under way."""
LOOK_S = 0.02


@dataclass(frozen=True)
class Effect:
    """What became of a control by the time the caller is answered."""

    task_id: str
    operation: str
    code: str
    control: str | None
    """``pausing`` or ``stopping`` if it is still under way."""


def submit(submission: Submission, *, by: str, promise: Promise | None = None) -> Submitted:
    """Take a task in, and wake its lane's worker; raises what the submission refuses."""
    asked_first(
        submission.agent,
        submission.agent_settings,
        lane=submission.lane,
        when_busy=submission.when_busy,
    )
    now = clock.now()
    submitted = submissions.submit(submission, by=by, bounds=bounds(), now=now, promise=promise)
    ports().wake.lane(submitted.lane)
    return submitted


def delete(task_id: str, *, by: str) -> None:
    """Delete a final task, and then its output."""
    task_verbs.delete(task_id, by=by, now=clock.now())
    ports().output.delete(task_id)


def thaw(*, by: str) -> None:
    """Let tasks begin again, at once; what fell due in the freeze is not caught up."""
    now = clock.now()
    settle(now)
    freezing.thaw(by=by, now=now)
    for lane in lanes.names():
        ports().wake.lane(lane)


def ask(operation: str, task_id: str, *, by: str, reason: str | None) -> Accepted:
    """Ask a task to pause, resume or stop; raises what the control refuses."""
    now = clock.now()
    if operation == "pause":
        refuses = ports().agents.refuses
        taken = controls.pause(task_id, by=by, reason=reason, now=now, refuses=refuses)
    elif operation == "resume":
        taken = controls.resume(task_id, by=by, reason=reason, now=now)
    else:
        taken = controls.stop(task_id, by=by, reason=reason, now=now)
    ports().wake.task(task_id)
    return taken


def steer(operation: str, task_id: str, *, by: str, reason: str | None) -> Effect:
    """Ask, and wait a moment for what was asked; raises what the control refuses.

    A run that ends instead of pausing was not paused: Conflict.
    """
    taken = ask(operation, task_id, by=by, reason=reason)
    done, row = _wait(task_id, _EFFECTS[operation], clock.monotonic() + EFFECT_S)
    if operation == "pause" and done and (row is None or row.status != Status.PAUSED):
        raise Conflict("ended_unpaused")
    code = f"{operation}_done" if done and taken.code == f"{operation}_taken" else taken.code
    return Effect(task_id, operation, code, tasks.control(row) if row is not None else None)


def reached(operation: str, task_id: str, deadline: float) -> bool:
    """Whether what was asked of a task has come true by then; waits for it."""
    return _wait(task_id, _EFFECTS[operation], deadline)[0]


def instruct(
    task_id: str, text: str, *, by: str, kind: str = "text", reason: str | None = None
) -> str:
    """Give a running task an instruction, or the end of its input; returns its id."""
    refuses = ports().agents.refuses
    instruction_id = controls.instruct(
        task_id, text, by=by, now=clock.now(), refuses=refuses, kind=kind, reason=reason
    )
    ports().wake.task(task_id)
    return instruction_id


def _wait(
    task_id: str, is_there: Callable[[Row[Any]], bool], deadline: float
) -> tuple[bool, Row[Any] | None]:
    while True:
        try:
            row = tasks.standing_now(task_id)
        except NoSuchTask:  # deleted right after it stopped
            return True, None
        if is_there(row):
            return True, row
        if clock.monotonic() >= deadline:
            return False, row
        time.sleep(LOOK_S)


_EFFECTS: dict[str, Callable[[Row[Any]], bool]] = {
    "pause": lambda row: row.status != Status.RUNNING,
    "resume": lambda row: row.status != Status.PAUSED and row.wish is None,
    "stop": lambda row: row.status in FINAL,
}
