"""Models and files that do what they should not: nothing crashes, leaks or grows."""

from __future__ import annotations

import json
import os

import pytest

from tests.agents.recording import descriptors
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, cut, say
from tests.llm.talking import Talk
from webapp.agents.llm import failures
from webapp.agents.llm.messages import MESSAGES
from webapp.agents.protocol import AgentFailed


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.agents.llm.patience.FIRST_REST_S", 0.01)


def test_no_code_says_two_things() -> None:
    assert not failures.MESSAGES.keys() & MESSAGES.keys()


def test_tries_that_break_off_count_and_are_held_to_the_budget(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    talk.ledger.allowed = 2
    openai_server.script(cut(say("half of an answer " * 50)))

    with pytest.raises(AgentFailed) as raised:
        talk.start().result()

    assert raised.value.message == "day_budget_requests"
    assert len(openai_server.questions) == 2
    assert len(talk.ledger.spent) == 2
    assert all(spent.output_tokens > 0 for spent in talk.ledger.spent)


def test_half_a_letter_in_an_answer_is_replaced_and_nothing_is_lost(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(
        call("write_file", '{"path": "x", "content": "half \\ud800 x"}'), say("half \ud800 \0 x")
    )
    result = talk.start().result()
    assert result.text == "half ? \N{REPLACEMENT CHARACTER} x"
    json.dumps(talk.console.said).encode()
    json.dumps(talk.ledger.memory).encode()


@pytest.mark.parametrize("tool", ["list_files", "search_files"])
def test_a_file_whose_name_is_no_text_is_listed_and_searched(
    openai_server: OpenAIServer, talk: Talk, tool: str
) -> None:
    path = os.fsencode(talk.workspace) + b"/caf\xe9.txt"
    with open(path, "w") as file:  # noqa: PTH123 - pathlib knows no such names
        file.write("needle")
    args = {"text": "needle"} if tool == "search_files" else {}
    openai_server.script(call(tool, args), say("Found."))

    assert talk.start().result().text == "Found."
    assert "caf" in talk.results()[0]


def test_a_directory_that_is_read_as_a_file_leaks_nothing(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    (talk.workspace / "inner").mkdir()
    read = call("read_file", {"path": "inner"})
    openai_server.script(read, call("list_files", {}), read, say("It is none."))
    talk.start().result()
    before = descriptors()
    openai_server.script(read, call("list_files", {}), read, say("It is none."))
    Talk(talk.workspace, talk.profile).start().result()
    assert descriptors() <= before


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        ("read_file", {"path": "a", "offset": 10**30}),
        ("read_file", {"path": "x" * 3_000_000}),
        ("write_file", {"path": "a/" * 1_500 + "f", "content": "deep"}),
        ("list_files", {"path": "a\0b"}),
    ],
)
def test_odd_arguments_are_refused_in_few_words_and_the_task_goes_on(
    openai_server: OpenAIServer, talk: Talk, tool: str, args: dict[str, object]
) -> None:
    (talk.workspace / "a").write_text("x") if tool == "read_file" else None
    openai_server.script(call(tool, args), call("search_files", {"text": "x"}), say("Well."))

    assert talk.start().result().text == "Well."
    assert all(len(told) < 5_000 for told in talk.results("llm_tool_failed"))


def test_a_tool_with_an_endless_name_is_told_in_few_words(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("x" * 100_000, {}), say("There is none."))
    talk.start().result()
    assert len(json.dumps(talk.console.said)) < 20_000
    assert len(json.dumps(talk.console.progressed)) < 5_000


def test_a_very_long_answer_is_a_bounded_result_and_whole_in_the_output(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    talk.profile["provider_config"] = {"stream": False}
    openai_server.script(say("word " * 400_000))
    result = talk.start().result()
    assert len(result.text or "") < 1_100_000
    assert len(talk.console.output) >= 2_000_000
