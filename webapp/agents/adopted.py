"""Collects what ended after this process had adopted it: the table of processes has an end."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil


class Adopted:
    """What a command left behind comes down to this process, and stays a zombie once it ended.

    What was begun here on purpose is in our session, or is collected by whoever began it. So only
    what lay there at the last look and still does is nobody's.
    """

    def __init__(self) -> None:
        self._seen: set[psutil.Process] = set()

    def collect(self) -> int:
        """Collect what is nobody's; returns how many there were."""
        found = _uncollected()
        nobodys = found & self._seen
        for process in nobodys:
            with suppress(ChildProcessError):  # collected just now
                os.waitpid(process.pid, os.WNOHANG)
        self._seen = found - nobodys
        return len(nobodys)


def _uncollected() -> set[psutil.Process]:
    own, found = os.getsid(0), set()
    for child in psutil.Process().children():
        with suppress(psutil.Error, OSError):  # collected just now
            if child.status() == psutil.STATUS_ZOMBIE and os.getsid(child.pid) != own:
                found.add(child)
    return found
