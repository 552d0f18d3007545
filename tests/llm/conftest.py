"""Servers that stand for what lies outside this machine."""

from __future__ import annotations

from tests.llm.anthropic_server import anthropic_server
from tests.llm.openai_server import openai_server

__all__ = ["anthropic_server", "openai_server"]
