"""A conversation is paused, stopped and told more while it goes on."""

from __future__ import annotations

import json
import threading

from tests.agents.recording import until
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say, slow
from tests.llm.talking import Talk
from webapp.agents.protocol import Instruction


def test_a_stop_cancels_the_request_in_flight(openai_server: OpenAIServer, talk: Talk) -> None:
    answer = slow(say("too late"))
    openai_server.script(answer)
    run = talk.start()
    until(answer.begun.is_set)

    run.controls.stop(5.0)

    assert run.result().text is None
    until(answer.hung_up.is_set)


def test_a_pause_holds_before_the_next_step_and_a_resumption_goes_on(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    release = threading.Event()
    first = slow(call("list_files", {}), release)
    openai_server.script(first, say("Done."))
    run = talk.start()
    until(first.begun.is_set)

    run.controls.pause()
    release.set()
    until(lambda: talk.console.effects == ["paused"])
    assert len(openai_server.questions) == 1

    run.controls.resume()
    assert run.result().text == "Done."
    assert talk.console.effects == ["paused", "resumed"]


def test_an_instruction_reaches_the_model_before_its_next_step(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    release = threading.Event()
    first = slow(call("list_files", {}), release)
    openai_server.script(first, say("As you wish."))
    run = talk.start()
    until(first.begun.is_set)

    run.controls.instruct(Instruction("i1", "Be brief."))
    release.set()

    assert run.result().text == "As you wish."
    assert talk.console.receipts == [("i1", "delivered"), ("i1", "consumed")]
    assert "Be brief." in json.dumps(openai_server.messages(1))


def test_an_instruction_that_comes_with_the_last_answer_is_still_answered(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    release = threading.Event()
    last = slow(say("Finished."), release)
    openai_server.script(last, say("One thing more."))
    run = talk.start()
    until(last.begun.is_set)

    run.controls.instruct(Instruction("i1", "And the date?"))
    release.set()

    assert run.result().text == "One thing more."
    assert talk.console.receipts[-1] == ("i1", "consumed")


def test_an_instruction_that_nobody_asks_for_any_more_was_never_read(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    answer = slow(say("too late"))
    openai_server.script(answer)
    run = talk.start()
    until(answer.begun.is_set)
    run.controls.instruct(Instruction("i1", "Hurry."))
    run.controls.stop(5.0)
    run.result()
    assert talk.console.receipts == [("i1", "delivered"), ("i1", "never_read")]
