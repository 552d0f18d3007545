"""Servers that stand for what lies outside this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.llm.anthropic_server import anthropic_server
from tests.llm.openai_server import OpenAIServer, openai_server
from tests.llm.talking import Talk, profile

__all__ = ["anthropic_server", "openai_server"]


@pytest.fixture
def talk(openai_server: OpenAIServer, tmp_path: Path) -> Talk:
    """A run against a pretended model, not begun yet."""
    return Talk(tmp_path, profile(openai_server.url))
