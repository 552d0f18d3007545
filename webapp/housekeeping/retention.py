"""Removes what is older than it is to be kept: a little at a time, with a breath in between.

What goes is asked for oldest first, a page at a time; each page is a transaction of some
milliseconds, after which everybody else has twice as long (webapp/housekeeping/pace.py).
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
from webapp.files.sizes import size_of
from webapp.files.trash import Trash
from webapp.housekeeping.pace import LARGEST, Pace, Pause
from webapp.ports import ports
from webapp.queries import retention as old
from webapp.services import retention as verbs

log = structlog.get_logger(__name__)

MIB = 1024 * 1024
REST = timedelta(hours=1)
"""Files of a session at rest for less than this stay, however much room they take."""


@dataclass(frozen=True)
class Rules:
    """What is kept, as moments and numbers; None where there is no bound."""

    tasks_before: datetime | None
    tasks: int | None
    output_before: datetime | None
    output_bytes: int | None
    workspaces_before: datetime | None
    workspaces_bytes: int | None
    rested_before: datetime
    audit_before: datetime | None
    notices_before: datetime | None
    occurrences_before: datetime | None

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
            settings.keep_workspaces_mb * MIB or None,
            now - REST,
            before(settings.keep_audit_days),
            before(settings.keep_notices_days),
            before(settings.keep_occurrences_days),
        )


@dataclass
class Pass:
    """One round of removing, or with ``dry`` of counting what would go."""

    rules: Rules
    data: Path
    holder: str
    pace: Pace
    dry: bool = False
    removed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._output = Trash(self.data / "output")
        self._workspaces = ports().trash

    def run(self) -> None:
        """All that the rules let go, in the order in which it depends on each other."""
        self._tasks()
        self._outputs()
        self._idle_workspaces()
        self._sessions()
        self._lines("audit_lines", self.rules.audit_before, old.audited, verbs.trim_audit)
        self._lines("notices", self.rules.notices_before, old.told, verbs.trim_notices)
        due = self.rules.occurrences_before
        self._lines("occurrences", due, old.occurred, verbs.trim_occurrences)
        if not self.dry:
            self._output.empty(self._enough)
            self._workspaces.empty(self._enough)

    def _tasks(self) -> None:
        rules, excess = self.rules, 0
        if rules.tasks is not None:
            excess = max(0, old.finals() - rules.tasks)
        for rows in self._finished():
            going = []
            for row in rows:
                if excess > 0 or _before(row.completed_at, rules.tasks_before):
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
            self._output.empty(self._enough)

    def _outputs(self) -> None:
        rules = self.rules
        excess = 0
        if rules.output_bytes is not None:
            excess = self._measured(self.data / "output") - rules.output_bytes
        elif rules.output_before is None:
            return
        for rows in self._finished():
            going = {}
            for row in rows:
                if not (excess > 0 or _before(row.completed_at, rules.output_before)):
                    continue
                directory = self.data / "output" / row.task_id
                if row.output_removed_at is None and directory.is_dir():
                    going[row.task_id] = self._measured(directory)
                    excess -= going[row.task_id]
            if going:
                excess += self._drop_output(going)
            elif not (excess > 0 or _before(rows[-1].completed_at, rules.output_before)):
                return

    def _drop_output(self, sizes: dict[str, int]) -> int:
        """Returns the bytes that stayed, since their sessions are at work."""
        if self.dry:
            gone = sorted(set(sizes) - old.with_open_tasks(list(sizes)))
        else:
            gone = self._do(verbs.drop_output, list(sizes), clock.now(), self._take_output)
            self._output.empty(self._enough)
        freed = sum(sizes[task_id] for task_id in gone)
        self.removed["outputs"] += len(gone)
        self.removed["output_bytes"] += freed
        return sum(sizes.values()) - freed

    def _idle_workspaces(self) -> None:
        """Those that are too old, and of too much the oldest at rest."""
        rules, excess, after = self.rules, 0, None
        if rules.workspaces_bytes is not None:
            excess = self._measured(self.data / "workspaces") - rules.workspaces_bytes
        while not self.pace.ending:
            bound = rules.rested_before if excess > 0 else rules.workspaces_before
            rows = [] if bound is None else old.idle_workspaces(after, bound, LARGEST)
            if not rows:
                return
            after = (rows[-1].last_activity, rows[-1].session_id)
            for row in rows:
                if not (excess > 0 or _before(row.last_activity, rules.workspaces_before)):
                    return
                if os.path.lexists(row.workspace_dir) and not self.pace.ending:
                    excess -= self._drop_workspace(row)

    def _drop_workspace(self, row: Any) -> int:
        """Returns the bytes that it freed."""
        freed = self._measured(Path(row.workspace_dir))
        if self.pace.ending:
            return 0
        if not self.dry:
            now, take = clock.now(), self._workspaces.take
            try:
                gone = self._do(verbs.drop_workspace, row.session_id, row.last_activity, now, take)
            except OSError as error:
                log.error("workspace not removed", session_id=row.session_id, error=str(error))
                return 0
            self._workspaces.empty(self._enough)
            if not gone:
                return 0
        self.removed["workspaces"] += 1
        self.removed["workspace_bytes"] += freed
        return freed

    def _sessions(self) -> None:
        before = self.rules.tasks_before
        if before is None:
            return
        if self.dry:
            self.removed["sessions"] += old.empty_sessions(before)
            return
        while not self.pace.ending:
            gone = self._do(verbs.condemn_empty, before, clock.now(), self.pace.size)
            self.removed["sessions"] += gone
            if not gone:
                return

    def _lines(
        self,
        name: str,
        before: datetime | None,
        count: Callable[[datetime], int],
        trim: Callable[..., int],
    ) -> None:
        if before is None:
            return
        if self.dry:
            self.removed[name] += count(before)
            return
        while not self.pace.ending:
            gone = self._do(trim, before, clock.now(), self.pace.size)
            self.removed[name] += gone
            if not gone:
                return

    def _finished(self) -> Iterator[Any]:
        """Pages of final tasks, oldest end first, none of them twice."""
        after = None
        while not self.pace.ending:
            rows = old.finished(after, LARGEST if self.dry else self.pace.size)
            if not rows:
                return
            after = (rows[-1].completed_at, rows[-1].seq)
            yield rows

    def _do(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        """One transaction, and a rest after it."""
        done = self.pace.take(lambda: verb(self.holder, *arguments))
        self.pace.rest()
        return done

    def _measured(self, directory: Path) -> int:
        return size_of(directory, self.pace.breathe)

    def _enough(self) -> bool:
        return self.pace.ending

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
    made = Pass(Rules.of(settings, now), settings.data, holder, Pace(pause))
    used = None
    try:
        made.run()
        used = None if made.pace.ending else usage(settings.data, made.pace.breathe)
    finally:
        removed = {name: count for name, count in made.removed.items() if count}
        verbs.give_turn_back(holder, clock.now(), removed=removed, used=used)
        if removed:
            log.info("retention removed", **removed)
    return True


def plan(settings: Settings) -> dict[str, int]:
    """What a pass would remove now, in numbers."""
    at_once = Pace(lambda _seconds: False)
    made = Pass(Rules.of(settings, clock.now()), settings.data, "", at_once, dry=True)
    made.run()
    return {name: count for name, count in made.removed.items() if count}


def usage(data: Path, breathe: Callable[[], bool] = lambda: False) -> dict[str, int]:
    """Bytes of what is stored."""
    return {
        "database": old.database_size(),
        "output": size_of(data / "output", breathe),
        "workspaces": size_of(data / "workspaces", breathe),
    }


def _before(at: datetime, bound: datetime | None) -> bool:
    return bound is not None and at < bound
