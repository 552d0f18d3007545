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


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"budget_requests": 2}, "llm_run_requests"),
        ({"budget_tokens": 30}, "llm_run_tokens"),
        ({"budget_cost": 0.00003}, "llm_run_cost"),
    ],
)
def test_a_run_over_its_budget_fails_with_its_own_reason(
    openai_server: OpenAIServer, talk: Talk, settings: dict[str, Any], code: str
) -> None:
    talk.profile |= {"input_price": 1.0, "output_price": 1.0}
    openai_server.script(call("list_files", {}))

    assert failure(talk, **settings).message == code

    assert len(openai_server.questions) == 2


def test_the_smaller_budget_of_task_and_profile_counts_and_is_warned_of_once(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    talk.profile["run_requests"] = 5
    openai_server.script(call("list_files", {}))
    assert failure(talk, budget_requests=1000).params["limit"] == "5"
    assert talk.console.codes().count("llm_near_requests") == 1


def test_a_limit_of_money_without_a_price_fails_the_run(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("list_files", {}))
    assert failure(talk, budget_cost=1.0).message == "llm_no_price"


def test_a_budget_of_the_day_is_looked_at_before_each_request(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    talk.ledger.allowed = 1
    openai_server.script(call("list_files", {}))
    assert failure(talk).message == "day_budget_requests"
    assert len(openai_server.questions) == 1
