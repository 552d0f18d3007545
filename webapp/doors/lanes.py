"""What both doors do to lanes: a verb, and the wake that has to follow it."""

from __future__ import annotations

from typing import Any

from webapp import clock
from webapp.domain.errors import Invalid
from webapp.domain.policies import LANE_NAME
from webapp.ports import ports
from webapp.services import lanes

MEANS = {"pause": "paused", "resume": "resumed", "drain": "drained", "open": "opened"}
"""Every verb that turns a lane's state, and the word of its message."""


def new_name(value: str) -> str:
    """A name that a lane may be given; raises Invalid."""
    if not LANE_NAME.fullmatch(value):
        reason = (
            "must be 1 to 64 of the characters A-Z a-z 0-9 _ . -, beginning with none of . and -"
        )
        raise Invalid.field("name", reason)
    return value


def create(name: str, *, by: str) -> None:
    """Make a lane, and have somebody work in it at once."""
    lanes.create(new_name(name), by=by, now=clock.now())
    ports().wake.lane(name)


def turn(name: str, verb: str, reason: str | None, *, by: str) -> str:
    """Pause, resume, drain or open a lane; returns the code of what is said then."""
    turns: dict[str, Any] = {"pause": lanes.pause, "drain": lanes.drain}
    if verb in turns:
        turns[verb](name, reason, by=by, now=clock.now())
    else:
        {"resume": lanes.resume, "open": lanes.reopen}[verb](name, by=by, now=clock.now())
    ports().wake.lane(name)
    return f"lane_{MEANS[verb]}_done"
