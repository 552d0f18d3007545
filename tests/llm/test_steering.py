"""A conversation is paused, stopped and told more while it goes on."""

from __future__ import annotations

import json
import threading
from pathlib import Path

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


def test_the_offline_model_takes_up_an_instruction_and_goes_on_with_its_script(
    tmp_path: Path,
) -> None:
    given = {"provider": "offline", "model": "demo", "base_url": None, "api_key": None}
    config = {"delay_s": 0.2}
    one = Talk(tmp_path, {"profile_name": "demo", "provider_config": config, **given})
    run = one.start("Say hello.")
    run.controls.pause()
    until(lambda: one.console.effects == ["paused"])

    run.controls.instruct(Instruction("i1", "Mention the weather."))
    run.controls.resume()

    assert "I heard 1 instruction" in (run.result().text or "")
    assert "- Mention the weather." in (tmp_path / "reports/demonstration.md").read_text()
    asked = [params["tool"] for code, params in one.console.said if code == "llm_call"]
    assert asked.count("list_files") == 1
