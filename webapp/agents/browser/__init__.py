"""The browser agent: the llm agent with a real Chromium in its hands."""

from webapp.agents.browser.agent import BrowserAgent

__all__ = ["BrowserAgent"]
