"""An agent that does nothing, brought in as any plug-in is: by an entry point."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webapp.agents.protocol import Console, Limits, Result, Work

METADATA = "Metadata-Version: 2.1\nName: lineup-noop\nVersion: 1\n"
ENTRY_POINTS = "[lineup.agents]\nnoop = benchmarks.plugin:NoopAgent\n"


class NoopAgent:
    """Completes every task at once."""

    name = "noop"
    messages: Mapping[str, str] = {}

    def __init__(self, limits: Limits) -> None: ...

    def validate(self, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        """There is nothing to set."""
        return {}

    def refuses(self, verb: str, settings: Mapping[str, Any]) -> str | None:
        """Refuses nothing."""
        return None

    def run(self, work: Work, console: Console) -> Result:
        """Nothing."""
        return Result()


def install(site: Path) -> None:
    """Make a directory that, on PYTHONPATH, has this agent installed."""
    info = site / "lineup_noop-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
