"""Flows and schedules on their way in: what a file says, line by line, before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_TEXT = 500_000
MAX_FLOWS = 1_000


@dataclass(frozen=True)
class Problem:
    """Why a file cannot be taken: the line, the field if it is one's fault, and the reason."""

    line: int
    reason: str
    field: str | None = None


@dataclass
class Entry:
    """A flow, and its schedule if it has one, with fields as the API takes them."""

    line: int
    flow: dict[str, Any]
    schedule: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    """What is different from what the file says, in sentences."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where a field stands; ``schedule.`` and its name for one of the schedule."""

    def line_of(self, name: str) -> int:
        """The line of a field, or of the whole where it was not said."""
        return self.lines.get(name, self.lines.get(name.partition(".")[0], self.line))


@dataclass
class Bundle:
    """Everything that a file says."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    """What of the file, beside its flows, is not taken over, and why."""
