"""What became of a run, whatever the agent did: one value that everything after follows from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """``move`` is complete, fail or stop; a failure has a code and params that say why."""

    move: str
    result: str | None = None
    exit_code: int | None = None
    code: str | None = None
    message: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    reports: Sequence[Mapping[str, Any]] = ()
    """The files in reports/ that the attempt wrote, the one to show first."""
    may_retry: bool = True
    """False where another attempt cannot help or was not asked for (abandoned)."""
    was_interrupted: bool = False
    """Whether it is to be run again if the task says so: it did not fail by itself."""


def interrupted(code: str) -> Outcome:
    """What ran it died, or was shut down: no failure of its own, so retries are not for it."""
    return Outcome("fail", code=code, may_retry=False, was_interrupted=True)


def completed(result: str | None, exit_code: int | None = None) -> Outcome:
    """The agent returned."""
    return Outcome("complete", result=result, exit_code=exit_code)


def stopped(result: str | None = None, exit_code: int | None = None) -> Outcome:
    """A person's stop was accepted before the agent returned."""
    return Outcome("stop", result=result, exit_code=exit_code)


def crashed(error: BaseException) -> Outcome:
    """The agent raised what it does not name, or said what cannot be stored."""
    said = f"{type(error).__name__}: {error}".encode("utf-8", "replace").decode()
    return Outcome("fail", code="crashed", params={"error": said})
