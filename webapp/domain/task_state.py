"""The life of a task: its states, and the only moves between them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from webapp.domain.errors import IllegalMove


class Status(StrEnum):
    """Where a task stands; the database, the API and the pages use these very words."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


class Move(NamedTuple):
    """From which states a move may start, and where it ends."""

    sources: frozenset[Status]
    target: Status


def _move(target: Status, *sources: Status) -> Move:
    return Move(frozenset(sources), target)


ACTIVE = frozenset({Status.RUNNING, Status.PAUSED})
FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.STOPPED})
OPEN = frozenset(Status) - FINAL

MOVES = {
    "claim": _move(Status.RUNNING, Status.PENDING),
    "cancel": _move(Status.STOPPED, Status.PENDING),
    "give_up": _move(Status.FAILED, Status.PENDING),
    "pause": _move(Status.PAUSED, Status.RUNNING),
    "resume": _move(Status.RUNNING, Status.PAUSED),
    "complete": _move(Status.COMPLETED, *ACTIVE),
    "fail": _move(Status.FAILED, *ACTIVE),
    "stop": _move(Status.STOPPED, *ACTIVE),
    "retry": _move(Status.PENDING, *ACTIVE),
}


def after(status: Status, move: str) -> Status:
    """The state that ``move`` leads to from ``status``; raises IllegalMove if it may not."""
    sources, target = MOVES[move]
    if status not in sources:
        raise IllegalMove(move=move, status=str(status))
    return target
