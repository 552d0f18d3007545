"""What is due is given its fate before something changes that decides it."""

from __future__ import annotations

from datetime import datetime

from webapp.ports import ports
from webapp.services.firing import rounds
from webapp.services.firing.writing import Terms
from webapp.services.submissions import Bounds


def settle(now: datetime, *, flow_id: str | None = None) -> None:
    """Fire what is due as things are, of all schedules or one flow's: nothing is lost by a change.

    The clockwork does the same, but perhaps a moment too late.
    """
    allowed = Bounds(ports().settings.max_scheduled, ports().workspaces)
    terms = Terms(allowed, frozenset(ports().agents.names()))
    fired = rounds.fire_due(now, terms, flow_id=flow_id)
    for lane in sorted(fired.lanes):
        ports().wake.lane(lane)
    for task_id in fired.stopped:
        ports().wake.task(task_id)
