"""What the rows of the database contradict, and which verb mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from webapp.doctor import Check, Look, Subject
from webapp.queries import checks, runs
from webapp.services import repairs


def _paged(
    page: Callable[[int], Sequence[Any]], subject: Callable[[Any], Subject]
) -> Callable[[Look], Iterator[Subject]]:
    """Read page after page; the first column of a row is where the next page begins."""

    def find(look: Look) -> Iterator[Subject]:
        after = 0
        while rows := look.call(page, after):
            yield from map(subject, rows)
            after = rows[-1][0]

    return find


def _dead_runs(look: Look) -> Iterator[Subject]:
    for run in look.call(runs.active_runs):
        if not look.lives(run):
            yield Subject(run.task_id, run)


def _lanes(look: Look) -> Iterator[Subject]:
    for name in look.call(checks.lanes_miscounted):
        yield Subject(name, name)


def _sessions(wrong: Callable[[Any], bool]) -> Callable[[Look], Iterator[Subject]]:
    def find(look: Look) -> Iterator[Subject]:
        after = ""
        while rows := look.call(checks.sessions, after):
            for row in rows:
                if wrong(row):
                    yield Subject(row.session_id, row.session_id)
            after = rows[-1].session_id

    return find


def _miscounted(row: Any) -> bool:
    said = (row.task_count, row.newest_task_id, row.status)
    return bool(said != (row.tasks, row.newest, row.newest_status))


def _has_holes(row: Any) -> bool:
    length = 0 if row.top is None else row.top + 1
    return not row.activity_count == row.entries == length


def _broken(look: Look) -> Iterator[Subject]:
    for line in look.call(checks.broken_pages, thorough=look.thorough):
        yield Subject(line, line)


CHECKS = (
    Check("found_broken_file", "mend_broken_file", _broken),
    Check(
        "found_misspelt",
        "mend_misspelt",
        _paged(checks.misspelt, lambda r: Subject(f"{r.task_id} ({r.status!r})", r.task_id)),
        lambda look, key: look.call(repairs.spell, key, look.now),
        quick=True,
    ),
    Check("found_dead_run", "mend_dead_run", _dead_runs, lambda look, run: look.rescue(run)),
    Check(
        "found_contradiction",
        "mend_contradiction",
        _paged(checks.contradictory, lambda r: Subject(f"{r.task_id} ({r.how})", r.task_id)),
        lambda look, key: look.call(repairs.straighten, key, look.now),
    ),
    Check(
        "found_open_attempts",
        "mend_open_attempts",
        _paged(checks.open_attempts, lambda r: Subject(f"{r.number} of {r.task_id}", r.id)),
        lambda look, key: look.call(repairs.close_attempt, key, look.now),
        quick=True,
    ),
    Check(
        "found_unread",
        "mend_unread",
        _paged(checks.unread_instructions, lambda r: Subject(r.instruction_id, r.instruction_id)),
        lambda look, key: look.call(repairs.never_read, key),
        quick=True,
    ),
    Check(
        "found_lane_counts",
        "mend_lane_counts",
        _lanes,
        lambda look, key: look.call(repairs.recount_lane, key, look.now),
        quick=True,
    ),
    Check(
        "found_session_counts",
        "mend_session_counts",
        _sessions(_miscounted),
        lambda look, key: look.call(repairs.recount_session, key, look.now),
    ),
    Check(
        "found_log_holes",
        "mend_log_holes",
        _sessions(_has_holes),
        lambda look, key: look.call(repairs.fill_log, key, look.now),
    ),
)
