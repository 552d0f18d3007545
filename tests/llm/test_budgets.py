"""What a run may spend, and what becomes of one that spends more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call
from tests.llm.talking import Talk
from webapp.agents.protocol import AgentFailed


def failure(talk: Talk, **settings: Any) -> AgentFailed:
    with pytest.raises(AgentFailed) as raised:
        talk.start(**settings).result()
    return raised.value


def test_a_budget_of_the_day_is_looked_at_before_each_request(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    talk.ledger.allowed = 1
    openai_server.script(call("list_files", {}))
    assert failure(talk).message == "day_budget_requests"
    assert len(openai_server.questions) == 1
