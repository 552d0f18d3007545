"""What a later task of a session is told of what was said before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say
from tests.llm.talking import RecordingLedger, Talk
from webapp.agents.protocol import AgentFailed


def long_turn(server: OpenAIServer, talk: Talk, answer: str) -> list[Any]:
    """What is kept of a task whose tool gave back far more than a small bound allows."""
    (talk.workspace / "long").write_text("long " * 2_000)
    server.script(call("read_file", {"path": "long"}), say(answer))
    talk.start("What is it?").result()
    return talk.ledger.memory


def test_a_later_task_is_told_what_was_said_before(openai_server: OpenAIServer, talk: Talk) -> None:
    openai_server.script(say("Nice to meet you, Ada."))
    talk.start("I am Ada.").result()
    openai_server.script(say("Ada."))

    later = Talk(talk.workspace, talk.profile)
    later.start("Who am I?", memory=talk.ledger.memory).result()

    told = json.dumps(openai_server.messages())
    assert "I am Ada." in told
    assert "Nice to meet you" in told
    assert told.index("I am Ada.") < told.index("Who am I?")


def test_what_was_interrupted_is_remembered_without_loose_ends(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    ledger = RecordingLedger(allowed=1)
    talk.ledger = ledger
    openai_server.script(call("list_files", {}))
    with pytest.raises(AgentFailed):
        talk.start("First.").result()
    memory = ledger.memory[:2]  # as if the server had died before the tool answered

    openai_server.script(say("I go on."))
    later = Talk(talk.workspace, talk.profile)
    assert later.start("Second.", memory=memory).result().text == "I go on."

    assert "Interrupted" in json.dumps(openai_server.messages())


def test_the_oldest_is_forgotten_first_and_that_is_said(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    memory: list[Any] = []
    for number in range(4):
        openai_server.script(say(f"answer {number} " + "x" * 4000))
        one = Talk(talk.workspace, talk.profile)
        one.start(f"question {number}").result()
        memory += one.ledger.memory
    openai_server.script(say("Well."))

    talk.start("And now?", memory=memory, memory_tokens=4000).result()

    told = json.dumps(openai_server.messages())
    assert "question 3" in told
    assert "question 0" not in told
    assert talk.console.params("llm_forgot")["messages"] >= 2


def test_of_a_newest_turn_beyond_the_bound_what_was_asked_and_answered_is_told(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    memory = long_turn(openai_server, talk, "The answer is 42.")
    openai_server.script(say("Well."))

    later = Talk(talk.workspace, talk.profile)
    later.start("And now?", memory=memory, memory_tokens=1_000).result()

    told = json.dumps(openai_server.messages())
    assert told.index("What is it?") < told.index("The answer is 42.") < told.index("And now?")
    assert "tool_call" not in told
    assert later.console.params("llm_forgot_steps")["messages"] == 2
    assert later.console.params("llm_remembers")["messages"] == 2


def test_what_was_asked_is_told_alone_where_its_answer_does_not_fit(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    memory = long_turn(openai_server, talk, "x" * 8_000)
    openai_server.script(say("Well."))

    later = Talk(talk.workspace, talk.profile)
    later.start("And now?", memory=memory, memory_tokens=1_000).result()

    assert "What is it?" in json.dumps(openai_server.messages())
    assert later.console.params("llm_forgot_answer")["messages"] == 3


def test_where_nothing_fits_it_is_said_that_all_is_left_out(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    memory = long_turn(openai_server, talk, "The answer is 42.")
    openai_server.script(say("Well."))

    later = Talk(talk.workspace, talk.profile)
    later.start("And now?", memory=memory, memory_tokens=1).result()

    assert "What is it?" not in json.dumps(openai_server.messages())
    assert later.console.params("llm_forgot_all")["messages"] == 4
    assert "llm_remembers" not in later.console.codes()


def test_a_task_may_be_told_nothing_of_the_past(openai_server: OpenAIServer, talk: Talk) -> None:
    openai_server.script(say("One."))
    talk.start("First.").result()
    openai_server.script(say("Two."))
    later = Talk(talk.workspace, talk.profile)
    later.start("Second.", memory=talk.ledger.memory, memory_tokens=0).result()
    assert "First." not in json.dumps(openai_server.messages())


def test_what_is_kept_is_what_was_said_and_no_more(openai_server: OpenAIServer, talk: Talk) -> None:
    openai_server.script(call("list_files", {}), say("x"))
    talk.start().result()
    kept = json.dumps(talk.ledger.memory)
    assert "You carry out one task" not in kept
    assert "null" not in kept
    assert len(kept) < 2_000
