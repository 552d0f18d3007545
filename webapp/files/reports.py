"""Which files in ``reports/`` of a workspace an attempt wrote, and which of them to show first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webapp.files import listing
from webapp.files.listing import Entry

REPORTS = "reports"
LOOKED_AT = 2_000
KEPT = 200
"""Files of one attempt that are remembered."""

_FIRST = re.compile(r"(index\.html?|report\.[a-z0-9]+)", re.IGNORECASE)
_SHOWABLE = re.compile(r".*\.(html?|md|markdown|txt)", re.IGNORECASE)

Stamps = Mapping[str, tuple[int, int, int]]


def stamps(workspace: Path) -> Stamps:
    """What there is before an attempt, each with what changes when the file does."""
    found = listing.look(workspace, below=REPORTS, limit=LOOKED_AT)
    return {entry.path: entry.stamp for entry in found.files}


def written(workspace: Path, before: Stamps) -> list[dict[str, Any]]:
    """What has been made or changed since, the one to show first at the beginning.

    That is ``index.html`` or ``report.*``, then what can be shown, then the newest.
    """
    found = listing.look(workspace, below=REPORTS, limit=LOOKED_AT)
    new = [entry for entry in found.files if before.get(entry.path) != entry.stamp]
    return [
        {"path": entry.path, "size": entry.size, "time_ns": str(entry.stamp[0])}
        for entry in sorted(new, key=_rank)[:KEPT]
        if listing.printable(entry.path) == entry.path  # others cannot be stored or asked for
    ]


def _rank(entry: Entry) -> tuple[bool, bool, int, int, str]:
    return (
        not _FIRST.fullmatch(entry.name),
        not _SHOWABLE.fullmatch(entry.name),
        entry.path.count("/"),
        -entry.stamp[0],
        entry.path,
    )
