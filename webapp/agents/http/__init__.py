"""The agent that makes one HTTP request, and keeps what is answered."""

from webapp.agents.http.agent import HttpAgent

__all__ = ["HttpAgent"]
