"""What surrounds a list of tasks: what there is to filter by, how long is usual, where text is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy import func, select

from webapp.db import db
from webapp.domain.policies import SEARCHED_CHARACTERS
from webapp.domain.task_state import Status
from webapp.models import Task
from webapp.queries import lanes

_tasks = Task.__table__

LOOKED_AT = 300
"""Completed tasks that tell what is usual, however many there were."""
ENOUGH = 3
BEFORE, AFTER = 16, 80

_RECENT = (
    select(_tasks.c.agent, _tasks.c.flow_id, _tasks.c.started_at, _tasks.c.completed_at)
    .where(_tasks.c.status == Status.COMPLETED)
    .order_by(_tasks.c.seq.desc())
    .limit(LOOKED_AT)
)
# compared with the empty text, for which both databases use the index
_FLOWS = select(_tasks.c.seq).where(_tasks.c.flow_id > "").limit(1)
_PROFILES = select(_tasks.c.seq).where(_tasks.c.llm_profile_name > "").limit(1)


@dataclass(frozen=True)
class Offers:
    """What a reader can choose from."""

    lanes: list[str]
    flows: bool
    profiles: bool


def offers() -> Offers:
    """The lanes, and whether any task came from a flow or used a profile."""
    flows, profiles = (db.session.execute(query).first() for query in (_FLOWS, _PROFILES))
    return Offers(lanes.ever(), flows is not None, profiles is not None)


def usual() -> dict[tuple[str, str | None], float]:
    """Seconds that the newest completed tasks of an agent and flow took, in the middle."""
    took = defaultdict(list)
    for agent, flow, started, completed in db.session.execute(_RECENT):
        if started is not None and completed is not None:
            took[agent, flow].append((completed - started).total_seconds())
    return {key: median(seconds) for key, seconds in took.items() if len(seconds) >= ENOUGH}


def excerpts(task_ids: Sequence[str], text: str) -> dict[str, str]:
    """What stands around the first occurrence of a text in each of these descriptions."""
    if not task_ids:
        return {}
    beginning = func.substr(_tasks.c.task_description, 1, SEARCHED_CHARACTERS)
    query = select(_tasks.c.task_id, beginning).where(_tasks.c.task_id.in_(task_ids))
    wanted, found = re.compile(re.escape(text), re.IGNORECASE), {}
    for task_id, description in db.session.execute(query):
        if (match := wanted.search(description)) is not None:
            start = max(0, match.start() - BEFORE)
            found[task_id] = description[start : match.end() + AFTER]
    return found
