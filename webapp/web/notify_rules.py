"""What `flows/_notify.html` shows: a flow's own rules, and the channels they may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webapp.domain.notices import YES_OR_NO
from webapp.queries import notices


@dataclass(frozen=True)
class Rules:
    """The rules as the form has them; read back by ``doors.notices.rules_of_form``."""

    choice: str
    """``all`` (as for all flows), ``off`` or ``own``."""
    names: Sequence[str]
    """Every channel there is."""
    every: bool = True
    channels: Sequence[str] = ()
    failed: bool = True
    failed_after: Any = 1
    told: Mapping[str, bool] = field(default_factory=dict)
    """Whether it is told of ``recovered``, ``missed``, ``paused`` and ``budget``."""
    problem: str | None = None


def rules(stored: Mapping[str, Any] | None, problem: str | None = None) -> Rules:
    """How a flow's ``notify`` stands in its form, as stored or as it was sent."""
    names = sorted(notices.names())
    given = stored or {}
    told = {name: bool(given.get(name, True)) for name in YES_OR_NO}
    after = given.get("failed_after", 1)
    return Rules(
        choice="all" if not given else "off" if given.get("off") else "own",
        names=names,
        every="channels" not in given,
        channels=given.get("channels", ()),
        failed=after is not None,
        failed_after=1 if after is None else after,
        told=told,
        problem=problem,
    )
