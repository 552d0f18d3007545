"""The shell agent: does a task by running its description as a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.agents.protocol import Console, Limits, Result, Work
from webapp.agents.shell.messages import MESSAGES
from webapp.agents.shell.run import ShellRun
from webapp.agents.shell.settings import ShellSettings, check


class ShellAgent:
    """Keeps no state of a run, so that one serves all of them."""

    name = "shell"
    messages: Mapping[str, str] = MESSAGES
    secrets = ("secret_env",)

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def validate(self, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        return check(settings, by_hand=by_hand).as_dict()

    def refuses(self, verb: str, settings: Mapping[str, Any]) -> str | None:
        takes_input = settings.get("stdin") == "open"
        return "shell_no_input" if verb in {"instruct", "end_input"} and not takes_input else None

    def run(self, work: Work, console: Console) -> Result:
        return ShellRun(work, console, ShellSettings(**work.settings), self._limits).carry_out()
