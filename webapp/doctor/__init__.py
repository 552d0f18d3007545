"""The doctor: finds what disagrees, says it in sentences, and mends what can be mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, ParamSpec, TypeVar

from flask import Flask

from webapp.config import Settings
from webapp.domain.messages import sentence
from webapp.queries.runs import ActiveRun

P = ParamSpec("P")
T = TypeVar("T")

SHOWN = 5
"""How many of the things that are wrong in the same way are named."""


class Subject(NamedTuple):
    """One thing that is wrong: how it is called, and by what it is found again."""

    label: str
    key: Any


@dataclass(frozen=True)
class Look:
    """What a check is given."""

    app: Flask
    settings: Settings
    now: datetime
    lives: Callable[[ActiveRun], bool]
    """Whether the runner that has an attempt is alive."""
    rescue: Callable[[ActiveRun], bool]
    """Fails a task that nobody runs, and ends its processes."""
    thorough: bool = False

    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask or do something in a context of its own: no snapshot is held between two."""
        with self.app.app_context():
            return verb(*args, **kwargs)


@dataclass(frozen=True)
class Check:
    """One way in which things may disagree. ``found`` and ``mend`` are codes of messages."""

    found: str
    mend: str
    find: Callable[[Look], Iterator[Subject]]
    repair: Callable[[Look, Any], bool] | None = None
    """Mends one subject; false if there was nothing to mend any more, or it could not be done."""
    quick: bool = False
    """Whether a page may wait for it: milliseconds, or a second for a million tasks."""


@dataclass
class Finding:
    """What a check found, and what became of it."""

    found: str
    mend: str
    repairable: bool
    count: int = 0
    repaired: int = 0
    examples: list[str] = field(default_factory=list)
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """What the sentence is filled with."""
        more = "" if self.count <= len(self.examples) else ", …"
        return {**self.params, "count": self.count, "examples": ", ".join(self.examples) + more}

    @property
    def left(self) -> int:
        """How much of it is still so."""
        return self.count - self.repaired

    @property
    def says(self) -> str:
        """The finding as an English sentence."""
        return sentence(self.found, self.values)

    @property
    def remedy(self) -> str:
        """What a repair does about it, or what a person can."""
        return sentence(self.mend, {})


def examine(look: Look, checks: Sequence[Check], *, repair: bool) -> Iterator[Finding]:
    """Every finding, as it is made. What is found is mended at once if ``repair``.

    Nothing grows with what is found: subjects are read a page at a time, and only the first few
    are named.
    """
    for check in checks:
        finding = Finding(check.found, check.mend, check.repair is not None)
        for subject in check.find(look):
            finding.count += 1
            if len(finding.examples) < SHOWN:
                finding.examples.append(subject.label)
            if repair and check.repair is not None:
                finding.repaired += check.repair(look, subject.key)
        if finding.count:
            yield finding
