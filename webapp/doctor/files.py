"""Output and workspaces that belong to nothing in the database. They are moved, never deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

from webapp.doctor import Check, Look, Subject
from webapp.domain.policies import workspace_name
from webapp.queries import checks

YOUNG = timedelta(hours=1)
"""What was changed a moment ago may be just being made."""
AT_ONCE = 500
NAMES = 20_000
"""Names of workspaces that are held in memory at once."""


def _lost_output(look: Look) -> Iterator[Subject]:
    for names in _batched(_old(look, look.settings.data / "output"), AT_ONCE):
        known = look.call(checks.known_tasks, names)
        for name in names:
            if name not in known:
                yield Subject(name, look.settings.data / "output" / name)


def _lost_workspaces(look: Look) -> Iterator[Subject]:
    place = look.settings.data / "workspaces"
    for names in _batched(_old(look, place), NAMES):
        for name in sorted(set(names) - set(_workspaces_of_sessions(look, set(names)))):
            yield Subject(name, place / name)


def _workspaces_of_sessions(look: Look, names: set[str]) -> Iterator[str]:
    after = ""
    while ids := look.call(checks.session_ids, after):
        yield from names.intersection(map(workspace_name, ids))
        after = ids[-1]


def _batched(names: Iterator[str], size: int) -> Iterator[list[str]]:
    while batch := list(islice(names, size)):
        yield batch


def _old(look: Look, place: Path) -> Iterator[str]:
    """The names in a directory that nobody is just making, read as they come."""
    if not place.is_dir():
        return
    youngest = (look.now - YOUNG).timestamp()
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue  # the trash: the ticker empties it
            if entry.stat(follow_symlinks=False).st_mtime < youngest:
                yield entry.name


def _set_aside(look: Look, path: Path) -> bool:
    """Move it to where a person may look at it; false if it cannot be moved."""
    lost = look.settings.data / "lost" / path.parent.name
    try:
        lost.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = lost / path.name
        if target.exists():
            target = lost / f"{path.name}.{look.now:%Y%m%dT%H%M%S}"
        path.rename(target)
    except OSError:
        return False
    return True


CHECKS = (
    Check("found_lost_output", "mend_lost_files", _lost_output, _set_aside),
    Check("found_lost_workspaces", "mend_lost_files", _lost_workspaces, _set_aside),
)
