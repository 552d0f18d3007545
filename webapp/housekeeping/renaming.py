"""Brings the finished tasks of a renamed lane to its new name, in pieces that hold up nobody.

Until that is done the history of the lane is read under both names; a kill in between loses
nothing, for the row of the old name says where its tasks belong.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from webapp import clock
from webapp.housekeeping.pace import Pace
from webapp.ports import ports
from webapp.queries import lanes
from webapp.services import lanes as verbs

PATIENCE_S = 1.0
"""How long whoever renames is kept waiting; the ticker does the rest."""


def rename(name: str, new: str, *, by: str) -> None:
    """Call a lane otherwise; raises what forbids that."""
    verbs.rename(name, new, by=by, now=clock.now())
    ports().wake.lane(new)
    until = clock.monotonic() + PATIENCE_S
    move_on(lambda: clock.monotonic() >= until)


def move_on(enough: Callable[[], bool]) -> bool:
    """Go on moving until ``enough()``; true when nothing is left to move."""

    def pause(seconds: float) -> bool:
        if not enough():
            time.sleep(seconds)
        return enough()

    pace = Pace(pause)
    if not all(_move(name, pace) for name in lanes.renamed()):
        return False
    for name in lanes.emptied():
        verbs.forget(name)
    return True


def _move(name: str, pace: Pace) -> bool:
    """False if it is time to end."""
    while not pace.take(lambda: verbs.move_finished(name, pace.size, clock.now())):
        if pace.rest():
            return False
    return True
