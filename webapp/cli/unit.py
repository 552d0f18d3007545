"""The systemd unit that runs ``lineup serve``, with everything quoted as systemd reads it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from webapp.sources import ROOT

MADE_BY = "# Made by `lineup service install`; `lineup service uninstall` removes it."
TIDYING_S = 30
"""Beyond the graces, what a server may take to write down how its tasks ended."""


class Unwritable(ValueError):
    """A value that no unit file can hold."""


@dataclass(frozen=True)
class Unit:
    """What a unit says."""

    command: Sequence[str]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_s: int = 60
    user: str | None = None
    """Who it runs as; None for a unit of a user's own manager."""

    def text(self) -> str:
        """The file; raises Unwritable."""
        settings = [f"Environment={_quoted(f'{n}={v}')}" for n, v in self.environment.items()]
        lines = [
            MADE_BY,
            "[Unit]",
            "Description=Lineup, a control room for agents and jobs",
            *(["Wants=network-online.target", "After=network-online.target"] if self.user else []),
            "",
            "[Service]",
            "Type=exec",
            *([f"User={self.user}"] if self.user else []),
            f"ExecStart={_command(self.command)}",
            f"WorkingDirectory={_plain(str(self.directory))}",
            *settings,
            "Restart=on-failure",
            "RestartSec=5",
            "# Lineup ends its tasks itself; what is left after that is killed.",
            "KillMode=mixed",
            f"TimeoutStopSec={self.stop_s}",
            "# A task that takes all the memory is killed alone, not Lineup with all others.",
            "OOMPolicy=continue",
            "UMask=0077",
            "",
            "[Install]",
            f"WantedBy={'multi-user.target' if self.user else 'default.target'}",
        ]
        return "\n".join(lines) + "\n"


def how_to_serve(data: Path) -> tuple[list[str], Path]:
    """The command that serves with this very program, and the directory it needs to be in."""
    script = Path(sys.executable).with_name("lineup")
    if (ROOT / "pyproject.toml").is_file() or not script.is_file():
        place = ROOT if (ROOT / "pyproject.toml").is_file() else data
        return [sys.executable, "-m", "webapp.cli", "serve"], place
    return [str(script), "serve"], data


def patience_s(*graces_s: float) -> int:
    """How long systemd waits for the end before it kills."""
    return math.ceil(sum(graces_s)) + TIDYING_S


def _command(words: Sequence[str]) -> str:
    """Quoted; a ``$`` means itself, which the colon says even of the program's own path."""
    colon = ":" if any("$" in word for word in words) else ""
    first, *rest = words
    return " ".join([colon + _quoted(first), *map(_quoted, rest)])


def _quoted(text: str) -> str:
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(text: str) -> str:
    """What is not unquoted but still has its specifiers replaced."""
    if any(ord(letter) < 32 for letter in text):
        raise Unwritable(f"{text!r} holds a line break or another control character")
    return text.replace("%", "%%")
