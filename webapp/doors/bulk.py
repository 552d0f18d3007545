"""One operation on many tasks: each by the verb a single one has, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from webapp import clock
from webapp.db import AWAY
from webapp.domain.errors import Refused
from webapp.domain.messages import sentence
from webapp.domain.task_state import Status
from webapp.doors import steering
from webapp.doors.intake import again, promise
from webapp.queries import many
from webapp.queries.many import MOST
from webapp.services import tasks as task_verbs

log = structlog.get_logger(__name__)

OPERATIONS = ("stop", "delete", "rerun")
PATIENCE_S = 6.0
"""Seconds after which no further task is begun, so that whoever asked is answered in time."""


@dataclass(frozen=True)
class Fate:
    """What became of one task: ``code`` and ``params`` say it in words."""

    task_id: str
    done: bool
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    new_task_id: str | None = None

    @property
    def message(self) -> str:
        return sentence(self.code, self.params)


@dataclass(frozen=True)
class Result:
    """What became of all of them. Those that are ``left`` were not begun."""

    operation: str
    fates: tuple[Fate, ...]
    left: tuple[str, ...] = ()

    @property
    def done(self) -> list[Fate]:
        return [fate for fate in self.fates if fate.done]

    @property
    def refused(self) -> list[Fate]:
        return [fate for fate in self.fates if not fate.done]


def act(
    operation: str,
    task_ids: Iterable[str],
    *,
    by: str,
    reason: str | None = None,
    key: str | None = None,
    patience_s: float = PATIENCE_S,
) -> Result:
    """Stop, delete or run again each of these tasks, in a transaction of its own.

    Others write in between, so a claim waits for one task at most. What a task's verb refuses is
    part of the result; ``key`` lets a repeated request run nothing a second time.
    """
    wanted = tuple(dict.fromkeys(task_ids))[:MOST]
    ordered = _ordered(operation, wanted)
    verb = _verb(operation, by, reason, key)
    task_verbs.note_many(operation, len(ordered), by=by, now=clock.now())
    fates: list[Fate] = []
    give_up = clock.monotonic() + patience_s
    for task_id in ordered:
        if fates and clock.monotonic() >= give_up:
            break
        try:
            fates.append(verb(task_id))
        except Refused as refusal:
            fates.append(Fate(task_id, False, refusal.code, refusal.params))
        except AWAY as error:
            if not any(fate.done for fate in fates):
                raise
            log.error("database away between tasks", error=str(error))  # what is done is told
            break
    if operation == "stop":
        with suppress(*AWAY):  # what was asked of them is told all the same
            fates = _awaited(fates)
    return Result(operation, tuple(fates), ordered[len(fates) :])


def _verb(operation: str, by: str, reason: str | None, key: str | None) -> Callable[[str], Fate]:
    def stop(task_id: str) -> Fate:
        return Fate(task_id, True, steering.ask("stop", task_id, by=by, reason=reason).code)

    def delete(task_id: str) -> Fate:
        steering.delete(task_id, by=by)
        return Fate(task_id, True, "task_deleted_done")

    def rerun(task_id: str) -> Fate:
        submission = again(task_id, {"when_busy": "queue"})
        promised = promise(f"bulk/{task_id}", key, b"")
        submitted = steering.submit(submission, by=by, promise=promised)
        return Fate(task_id, True, "submitted", new_task_id=submitted.task_id)

    return {"stop": stop, "delete": delete, "rerun": rerun}[operation]


def _ordered(operation: str, task_ids: Sequence[str]) -> tuple[str, ...]:
    """Waiting tasks are stopped first, or one would begin as soon as the active one ends.

    Tasks are run again in the order in which they first came.
    """
    if operation == "delete":
        return tuple(task_ids)
    known = {row.task_id: row for row in many.named(task_ids)}

    def place(task_id: str) -> tuple[bool, int]:
        row = known.get(task_id)
        if row is None:
            return True, 0
        return operation == "stop" and row.status != Status.PENDING, row.seq

    return tuple(sorted(task_ids, key=place))


def _awaited(fates: Sequence[Fate]) -> list[Fate]:
    """The fates once those that were asked to stop have had a moment for it, all the same one."""
    deadline = clock.monotonic() + steering.EFFECT_S
    return [
        Fate(fate.task_id, True, "stop_done")
        if fate.code == "stop_taken" and steering.reached("stop", fate.task_id, deadline)
        else fate
        for fate in fates
    ]
