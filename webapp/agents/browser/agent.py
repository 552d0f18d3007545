"""The browser agent as the lineup knows it: the llm agent, and what it says besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.agents.llm import LlmAgent
from webapp.agents.llm.settings import LlmSettings, check
from webapp.agents.protocol import Console, Result, Work

MESSAGES = {
    "browser_picture": "A picture of the page: %(file)s",
    "browser_no_picture": "There is no picture of the page: %(why)s",
    "browser_no_chromium": (
        "There is no browser to drive. Install Chromium so that the server finds it on its PATH "
        "(on Debian: apt install chromium), and run the task again."
    ),
    "browser_no_driver": (
        "What drives the browser is not there: neither playwright-mcp nor npx is on the server's "
        "PATH. Install Node.js 20 or newer with npm (on Debian: apt install npm)."
    ),
}
"""Codes to English text with ``%(name)s`` parameters."""


class BrowserAgent(LlmAgent):
    """Keeps no state of a run, so that one serves all of them."""

    name = "browser"
    messages: Mapping[str, str] = {**LlmAgent.messages, **MESSAGES}

    def validate(self, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        return check(settings, agent=self.name).as_dict()

    def run(self, work: Work, console: Console) -> Result:
        from webapp.agents.browser.run import BrowserRun  # takes seconds to import

        return BrowserRun(work, console, LlmSettings(**work.settings), self._limits).carry_out()
