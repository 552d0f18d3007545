"""Removes what is older than it is to be kept: a little at a time, with a breath in between.

What goes is asked for oldest first, a page at a time; each page is a transaction of a few
milliseconds, after which everybody else has twice as long.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from webapp import clock
from webapp.config import Settings
from webapp.files.trash import Trash
from webapp.ports import ports
from webapp.queries import retention as old
from webapp.services import retention as verbs

log = structlog.get_logger(__name__)

MIB = 1024 * 1024
SMALLEST, LARGEST = 50, 500
SHORT_S = 0.025
"""How long a transaction should take: pages become smaller or larger to hold it."""
BREATH_S = 0.02
LONGEST_BREATH_S = 0.25

Pause = Callable[[float], bool]
"""Waits so many seconds; true if it is time to end."""


@dataclass(frozen=True)
class Rules:
    """What is kept, as moments and numbers; None where there is no bound."""

    tasks_before: datetime | None
    tasks: int | None
    output_before: datetime | None
    output_bytes: int | None
    workspaces_before: datetime | None
    audit_before: datetime | None

    @classmethod
    def of(cls, settings: Settings, now: datetime) -> Rules:
        """What the settings say; 0 there means no bound."""

        def before(days: int) -> datetime | None:
            return now - timedelta(days=min(days, 36_500)) if days else None

        return cls(
            before(settings.keep_tasks_days),
            settings.keep_tasks or None,
            before(settings.keep_output_days),
            settings.keep_output_mb * MIB or None,
            before(settings.keep_workspaces_days),
            before(settings.keep_audit_days),
        )


@dataclass
class Pass:
    """One round of removing, or with ``dry`` of counting what would go."""

    rules: Rules
    data: Path
    holder: str
    pause: Pause
    dry: bool = False
    removed: Counter[str] = field(default_factory=Counter)
    _size: float = SMALLEST
    _ending: bool = False

    def __post_init__(self) -> None:
        self._output = Trash(self.data / "output")
        self._workspaces = ports().trash

    def run(self) -> None:
        """All that the rules let go, in the order in which it depends on each other."""
        self._tasks()
        self._outputs()
        self._idle_workspaces()
        self._sessions()
        self._audit()
        if not self.dry:
            self._output.empty(lambda: self._ending)
            self._workspaces.empty(lambda: self._ending)

    def _tasks(self) -> None:
        rules, excess = self.rules, 0
        if rules.tasks is not None:
            excess = max(0, old.finals() - rules.tasks)
        for rows in self._finished():
            going = []
            for row in rows:
                if excess > 0 or _older(row, rules.tasks_before):
                    going.append(row.task_id)
                    excess -= 1
            if not going:
                return
            if self.dry:
                kept = old.with_open_tasks(going)
                self.removed["tasks"] += len(going) - len(kept)
                excess += len(kept)
                continue
            gone = self._do(verbs.drop_tasks, going, clock.now(), self._take_output)
            self.removed["tasks"] += gone
            excess += len(going) - gone
            self._output.empty(lambda: self._ending)

    def _outputs(self) -> None:
        rules = self.rules
        excess = 0
        if rules.output_bytes is not None:
            excess = size_of(self.data / "output") - rules.output_bytes
        elif rules.output_before is None:
            return
        for rows in self._finished():
            going = {}
            for row in rows:
                if not (excess > 0 or _older(row, rules.output_before)):
                    continue
                directory = self.data / "output" / row.task_id
                if row.output_removed_at is None and directory.is_dir():
                    going[row.task_id] = size_of(directory)
                    excess -= going[row.task_id]
            if going:
                excess += self._drop_output(going)
            elif not (excess > 0 or _older(rows[-1], rules.output_before)):
                return

    def _drop_output(self, sizes: dict[str, int]) -> int:
        """Returns the bytes that stayed, since their sessions are at work."""
        if self.dry:
            gone = sorted(set(sizes) - old.with_open_tasks(list(sizes)))
        else:
            gone = self._do(verbs.drop_output, list(sizes), clock.now(), self._take_output)
            self._output.empty(lambda: self._ending)
        freed = sum(sizes[task_id] for task_id in gone)
        self.removed["outputs"] += len(gone)
        self.removed["output_bytes"] += freed
        return sum(sizes.values()) - freed

    def _idle_workspaces(self) -> None:
        before, after = self.rules.workspaces_before, ""
        while before is not None and not self._ending:
            rows = old.idle_workspaces(before, after, LARGEST)
            if not rows:
                return
            after = rows[-1].session_id
            for row in rows:
                if not os.path.lexists(row.workspace_dir) or self._ending:
                    continue
                if self.dry:
                    self.removed["workspaces"] += 1
                    continue
                now, take = clock.now(), self._workspaces.take
                gone = self._do(verbs.drop_workspace, row.session_id, before, now, take)
                self.removed["workspaces"] += gone
                self._workspaces.empty(lambda: self._ending)

    def _sessions(self) -> None:
        before = self.rules.tasks_before
        if before is None:
            return
        if self.dry:
            self.removed["sessions"] += old.empty_sessions(before)
            return
        while not self._ending:
            gone = self._do(verbs.condemn_empty, before, clock.now(), int(self._size))
            self.removed["sessions"] += gone
            if not gone:
                return

    def _audit(self) -> None:
        before = self.rules.audit_before
        if before is None:
            return
        if self.dry:
            self.removed["audit_lines"] += old.audited(before)
            return
        while not self._ending:
            gone = self._do(verbs.trim_audit, before, clock.now(), int(self._size))
            self.removed["audit_lines"] += gone
            if not gone:
                return

    def _finished(self) -> Iterator[Any]:
        """Pages of final tasks, oldest end first, none of them twice."""
        after = None
        while not self._ending:
            rows = old.finished(after, LARGEST if self.dry else int(self._size))
            if not rows:
                return
            after = (rows[-1].completed_at, rows[-1].seq)
            yield rows

    def _do(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        """One transaction, and a breath after it; the next is as large as this one was quick."""
        began = clock.monotonic()
        done = verb(self.holder, *arguments)
        took = clock.monotonic() - began
        self._size = min(LARGEST, max(SMALLEST, self._size * min(1.5, max(0.5, SHORT_S / took))))
        self._ending = self.pause(min(LONGEST_BREATH_S, max(BREATH_S, 2 * took)))
        return done

    def _take_output(self, task_id: str) -> None:
        self._output.take(self.data / "output" / task_id)


def run(holder: str, settings: Settings, pause: Pause, *, every: timedelta | None = None) -> bool:
    """Have one pass, if no other process has one; false if one had, or lately did.

    Needs an application context. ``every``: not if the last one ended less than this ago.
    """
    now = clock.now()
    since = None if every is None else now - every
    if not verbs.take_turn(holder, now, unless_since=since):
        return False
    made = Pass(Rules.of(settings, now), settings.data, holder, pause)
    used = None
    try:
        made.run()
        used = usage(settings.data)
    finally:
        removed = {name: count for name, count in made.removed.items() if count}
        verbs.give_turn_back(holder, clock.now(), removed=removed, used=used)
        if removed:
            log.info("retention removed", **removed)
    return True


def plan(settings: Settings) -> dict[str, int]:
    """What a pass would remove now, in numbers."""
    made = Pass(Rules.of(settings, clock.now()), settings.data, "", lambda _s: False, dry=True)
    made.run()
    return {name: count for name, count in made.removed.items() if count}


def usage(data: Path) -> dict[str, int]:
    """Bytes of what is stored."""
    return {
        "database": old.database_size(),
        "output": size_of(data / "output"),
        "workspaces": size_of(data / "workspaces"),
    }


def size_of(directory: Path) -> int:
    """Bytes of all files below a directory; no link is followed."""
    total, left = 0, [str(directory)]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:  # gone meanwhile, or not ours to read
            continue
    return total


def _older(row: Any, before: datetime | None) -> bool:
    return before is not None and row.completed_at < before
