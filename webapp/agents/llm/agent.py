"""The llm agent as the lineup knows it: its settings, its messages, and how a run begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.agents.llm import failures
from webapp.agents.llm.messages import MESSAGES
from webapp.agents.llm.settings import LlmSettings, check
from webapp.agents.protocol import Console, Limits, Result, Work


class LlmAgent:
    """Keeps no state of a run, so that one serves all of them."""

    name = "llm"
    messages: Mapping[str, str] = {**failures.MESSAGES, **MESSAGES}
    secrets = ("mcp_server_config.mcpServers.*.env", "mcp_server_config.mcpServers.*.headers")
    uses_model = True

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def validate(self, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        return check(settings).as_dict()

    def refuses(self, verb: str, settings: Mapping[str, Any]) -> str | None:
        return "llm_no_input" if verb == "end_input" else None

    def run(self, work: Work, console: Console) -> Result:
        from webapp.agents.llm.run import LlmRun  # takes seconds to import

        return LlmRun(work, console, LlmSettings(**work.settings), self._limits).carry_out()
