"""Files that the database does not know, which are moved, never deleted; and files it lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path

from webapp.doctor import Check, Look, Subject
from webapp.domain.errors import Refused
from webapp.domain.policies import workspace_name
from webapp.queries import checks
from webapp.queries import files as queries
from webapp.services import files as verbs
from webapp.services import repairs

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


def _missing_files(look: Look) -> Iterator[Subject]:
    """Rows whose file is gone from a workspace that this machine has."""
    after, mine = 0, look.settings.data / "workspaces"
    alone = look.call(checks.is_sqlite)
    while rows := look.call(checks.stored_files, after):
        after = rows[-1].seq
        for row in rows:
            path = Path(row.file_path)
            workspace = path.parent.parent
            if workspace.parent != mine or os.path.lexists(path):
                continue
            # another machine of a shared database may have it; or it has just been deleted
            if (alone or workspace.is_dir()) and look.call(queries.is_stored, row.file_id):
                yield Subject(str(path), row.file_id)


def _forget(look: Look, file_id: str) -> bool:
    """Delete a row as people do; false if a task that is not over was given the file."""
    try:
        look.call(verbs.delete, file_id, by=repairs.BY, now=look.now)
    except Refused:
        return False
    return True


def _unknown_files(look: Look) -> Iterator[Subject]:
    """What lies among the uploads of a session at rest, and was not uploaded."""
    after, mine = "", look.settings.data / "workspaces"
    while rows := look.call(checks.workspaces_at_rest, after):
        after = rows[-1].session_id
        for row in rows:
            place = Path(row.workspace_dir, verbs.UPLOADS)
            if (
                place.parent.parent != mine
                or place.is_symlink()
                or not (names := sorted(_old(look, place)))
            ):
                continue
            known = look.call(checks.stored_names, row.session_id)
            for name in names:
                if name not in known:
                    yield Subject(str(place / name), place / name)


def _batched(names: Iterator[str], size: int) -> Iterator[list[str]]:
    while batch := list(islice(names, size)):
        yield batch


def _old(look: Look, place: Path) -> Iterator[str]:
    """The names in a directory that nobody is just making, read as they come."""
    youngest = (look.now - YOUNG).timestamp()
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue  # the trash: the ticker empties it
            with suppress(FileNotFoundError):  # gone meanwhile
                if entry.stat(follow_symlinks=False).st_mtime < youngest:
                    yield entry.name


def _set_aside(look: Look, path: Path) -> bool:
    """Move it to where a person may look at it; false if it cannot be moved."""
    lost = look.settings.data / "lost" / path.parent.relative_to(look.settings.data)
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
    Check("found_missing_files", "mend_missing_files", _missing_files, _forget),
    Check("found_unknown_files", "mend_lost_files", _unknown_files, _set_aside),
)
