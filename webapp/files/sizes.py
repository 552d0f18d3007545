"""How much room directories take on disk, measured without holding up anybody."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from webapp.files.trash import NAME as TRASH

PIECE = 5_000
"""After so many files others have a turn."""
BLOCK = 512


def size_of(directory: Path, breathe: Callable[[], bool] = lambda: False) -> int:
    """Bytes of all files below a directory, those in its trash apart; no link is followed.

    Holes take no room. Every so many files ``breathe`` is called; where it says so, it ends early.
    """
    total, seen, left = 0, 0, [str(directory)]
    trash = str(directory / TRASH)
    while left:
        place = left.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    seen += 1
                    if seen % PIECE == 0 and breathe():
                        return total
                    if not entry.is_dir(follow_symlinks=False):
                        found = entry.stat(follow_symlinks=False)
                        total += min(found.st_size, found.st_blocks * BLOCK)
                    elif entry.path != trash:
                        left.append(entry.path)
        except OSError:  # gone meanwhile, or not ours to read
            continue
    return total
