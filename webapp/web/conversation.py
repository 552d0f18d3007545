"""A session's log as a conversation: which part of it a page holds, and whose turn each line is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from webapp.queries import pages, sessions
from webapp.queries.pages import Said
from webapp.web import steps
from webapp.web.filters import headline

STEP = 100
"""A page begins at a multiple of this: lines do not leave it one by one while more come."""
MOST = 500
"""Lines beyond which a page that stays open lets go of the oldest."""


@dataclass
class Turn:
    """Lines in a row that are about one task; None if that was deleted."""

    key: str
    task_id: str
    task: Row[Any] | None
    lines: list[Said] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """Turns from index ``first`` on. ``gap``: a page that is open shows none from there to it."""

    turns: list[Turn]
    first: int
    gap: int | None = None

    @property
    def older(self) -> int | None:
        """Where what is before this part ends."""
        return self.first or None


def newest(session_id: str, total: int, *, since: int | None = None) -> Part:
    """The end of a conversation, or of one whose page holds it from ``since`` on."""
    begin = max(0, (total - 1) // STEP * STEP - STEP)
    first, gap = begin, None
    if since is not None and since <= begin:
        first = since if total - since <= MOST else begin
        gap = since if first > since else None
    return Part(_turns(session_id, first, total), first, gap)


def before(session_id: str, end: int) -> Part:
    """What was before index ``end``, back to a round number."""
    first = max(0, (end - 1) // STEP * STEP - STEP)
    return Part(_turns(session_id, first, end, f"e{end}-"), first)


def _turns(session_id: str, first: int, end: int, prefix: str = "") -> list[Turn]:
    found = sessions.conversation(session_id, first, end)
    turns: list[Turn] = []
    seen: Counter[str] = Counter()
    for line in steps.folded([pages.entry(entry) for entry in found.entries]):
        if not turns or turns[-1].task_id != line.task_id:
            seen[line.task_id] += 1
            key = f"{prefix}{line.task_id}-{seen[line.task_id]}"
            turns.append(Turn(key, line.task_id, found.tasks.get(line.task_id)))
        turns[-1].lines.append(line)
    for turn in turns:
        turn.lines = _without_the_heading(turn.lines, turn.task)
    return turns


def _without_the_heading(lines: Sequence[Said], task: Row[Any] | None) -> list[Said]:
    """The lines but the request that is the heading already, word for word."""
    if task is None:
        return list(lines)
    return [
        line
        for line in lines
        if line.status != "request" or line.text.strip() != headline(task.headline)
    ]
