"""By what a process that claims tasks is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """A runner. On its own host boot id, pid and start time tell it from every other process."""

    runner_id: str
    host: str
    boot_id: str
    pid: int
    pid_started: float
    """In the unit of this system's table of processes, where no turn of the clock moves it."""
