"""A conversation with a model: its steps, its refusals, its budgets and its memory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.agents.recording import until
from tests.llm.anthropic_server import AnthropicServer
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import broken_json, call, calls, cut, fail, say, slow
from tests.llm.talking import KEY, Talk, profile
from webapp.agents.protocol import AgentFailed


def failure(talk: Talk, **settings: Any) -> AgentFailed:
    with pytest.raises(AgentFailed) as raised:
        talk.start(**settings).result()
    return raised.value


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (
            fail(401, "Incorrect API key provided", "invalid_api_key"),
            "llm_key_refused",
            "Incorrect",
        ),
        (fail(404, "No such model"), "llm_not_found", "No such model"),
        (fail(400, "Too many cooks"), "llm_rejected", "Too many cooks"),
        (broken_json(), "llm_bad_answer", "Failed to decode response as JSON"),
    ],
)
def test_a_refusal_of_the_provider_fails_the_task_at_once_in_its_own_words(
    openai_server: OpenAIServer, talk: Talk, reply: Any, code: str, words: str
) -> None:
    openai_server.script(reply)

    error = failure(talk)

    assert error.message == code
    assert words in error.params["words"]
    assert len(openai_server.questions) == 1
    assert error.text is None, "no result stands in for a failure"


@pytest.mark.parametrize("trouble", [fail(500, "Oops"), fail(429, "Slow down"), cut()])
def test_a_passing_trouble_is_told_and_tried_again(
    openai_server: OpenAIServer, talk: Talk, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.agents.llm.patience.FIRST_REST_S", 0.01)
    openai_server.script(trouble, say("All is well."))

    result = talk.start().result()

    assert result.text == "All is well."
    assert "llm_retry" in talk.console.codes()


def test_a_trouble_that_does_not_pass_fails_the_task(
    openai_server: OpenAIServer, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.agents.llm.patience.FIRST_REST_S", 0.01)
    openai_server.script(fail(500, "Out of order"))

    error = failure(talk)

    assert error.message == "llm_server_error"
    assert "Out of order" in error.params["words"]
    assert talk.console.codes().count("llm_retry") == 3


def test_a_profile_without_the_key_that_is_needed_fails_the_task(talk: Talk) -> None:
    talk.profile |= {"provider": "openai", "api_key": None}
    assert failure(talk).message == "llm_no_key"


def test_a_provider_that_asks_to_be_left_alone_for_long_fails_the_task(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(fail(429, "Come back tomorrow", retry_after=86_400))
    assert failure(talk).message == "llm_rate_limited"


def test_a_model_that_is_too_slow_fails_the_task(openai_server: OpenAIServer, talk: Talk) -> None:
    late = slow(say("late"))
    openai_server.script(late)
    talk.profile["request_timeout_s"] = 0.3

    error = failure(talk)

    assert error.message == "llm_too_slow"
    assert error.params["seconds"] == "0.3"
    until(late.hung_up.is_set)


def test_steps_tools_and_result_are_told_with_their_tokens(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(
        call("write_file", {"path": "reports/r.md", "content": "# Hello"}).with_usage(100, 20),
        say("Done.", reasoning="That was easy.").with_usage(150, 3),
    )

    result = talk.start("Write a report.").result()

    assert result.text == "Done."
    assert (talk.workspace / "reports/r.md").read_text() == "# Hello"
    assert [code for code in talk.console.codes() if code != "llm_began"] == [
        *("llm_asked_tools", "llm_call", "llm_result"),
        *("llm_thought", "llm_turn"),
    ]
    asked = talk.console.params("llm_asked_tools")
    assert (asked["input_tokens"], asked["output_tokens"], asked["step"]) == (100, 20, 1)
    made = talk.console.params("llm_call")
    assert json.loads(made["arguments"]) == {"path": "reports/r.md", "content": "# Hello"}
    assert talk.console.params("llm_result")["call"] == made["call"]
    assert talk.console.params("llm_thought")["text"] == "That was easy."
    assert [(one.input_tokens, one.output_tokens) for one in talk.ledger.spent] == [
        (100, 20),
        (150, 3),
    ]
    assert talk.console.text == "Done.\n"


def test_how_long_a_turn_and_a_tool_took_is_told(
    openai_server: OpenAIServer, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.agents.llm.patience.FIRST_REST_S", 0.3)
    monkeypatch.setattr("webapp.agents.llm.patience.JITTER", 0.0)
    busy = fail(429, "Slow down")
    openai_server.script(busy, call("list_files", {}), busy, say("Done."))

    talk.start().result()

    assert talk.console.params("llm_asked_tools")["seconds"] >= 0.3
    assert talk.console.params("llm_turn")["seconds"] >= 0.3
    assert 0 <= talk.console.params("llm_result")["seconds"] < 30


def test_no_key_is_told_or_kept(openai_server: OpenAIServer, talk: Talk) -> None:
    openai_server.script(
        call("write_file", {"path": "a", "content": KEY}), say(f"Your key is {KEY}.")
    )
    result = talk.start().result()
    assert result.text == "Your key is •••."
    assert talk.console.text == "Your key is •••.\n"
    assert KEY not in json.dumps(talk.console.said)


@pytest.mark.parametrize(
    ("tool", "args", "words"),
    [
        ("read_file", {"path": "/etc/passwd"}, "not a path inside the workspace"),
        ("read_file", {"path": "../x"}, "not a path inside the workspace"),
        ("read_file", {"path": "link/passwd"}, "link"),
        ("write_file", {"path": "link/x", "content": "x"}, "link"),
        ("list_files", {"path": ".."}, "not a path inside the workspace"),
        ("search_files", {"text": "root", "path": "link"}, "link"),
        ("read_file", {"path": "pipe"}, "no file"),
        ("read_file", {"path": "nothing"}, "No such file"),
    ],
)
def test_nothing_outside_the_workspace_is_reached(
    openai_server: OpenAIServer, talk: Talk, tool: str, args: dict[str, Any], words: str
) -> None:
    (talk.workspace / "link").symlink_to("/etc")
    os.mkfifo(talk.workspace / "pipe")
    openai_server.script(call(tool, args), say("I could not."))

    assert talk.start().result().text == "I could not."

    (told,) = talk.results("llm_tool_failed")
    assert words in told


def test_a_tool_that_fails_again_and_again_fails_the_task_with_its_reason(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("read_file", {"path": "nothing"}))

    error = failure(talk)

    assert error.message == "llm_tool_gave_up"
    assert error.params["tool"] == "read_file"
    assert "No such file" in error.params["why"]


def test_a_tool_that_does_not_exist_is_told_to_the_model(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("teleport", {}), say("Then I walk."))
    assert talk.start().result().text == "Then I walk."


def test_arguments_that_are_no_json_are_told_to_the_model(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("read_file", '{"path": '), say("I see."))
    assert talk.start().result().text == "I see."


def test_several_calls_of_one_turn_are_all_told(openai_server: OpenAIServer, talk: Talk) -> None:
    (talk.workspace / "a").write_text("first")
    (talk.workspace / "b").write_text("second")
    openai_server.script(
        calls(call("read_file", {"path": "a"}), call("read_file", {"path": "b"})), say("Read.")
    )
    talk.start().result()
    assert sorted(talk.results()) == ["first", "second"]


def test_an_answer_that_was_cut_short_says_so(openai_server: OpenAIServer, talk: Talk) -> None:
    openai_server.script(say("Once upon a", ended="length"))
    talk.start().result()
    assert "llm_answer_cut" in talk.console.codes()


def test_the_task_may_add_instructions_and_forbid_files(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(say("Oui."))
    talk.start(instructions="Answer in French.", workspace_tools=False).result()
    assert "Answer in French." in json.dumps(openai_server.messages())
    assert not openai_server.tools()


def test_claude_is_asked_in_its_own_protocol(
    anthropic_server: AnthropicServer, tmp_path: Path
) -> None:
    one = Talk(tmp_path, profile(anthropic_server.url, provider="anthropic"))
    anthropic_server.script(
        call("write_file", {"path": "x", "content": "y"}).with_usage(30, 4), say("Written.")
    )

    assert one.start().result().text == "Written."

    assert (tmp_path / "x").read_text() == "y"
    assert one.ledger.spent[0].input_tokens == 30


def test_the_offline_model_makes_real_calls_and_says_that_it_is_a_demonstration(
    tmp_path: Path,
) -> None:
    config = {"delay_s": 0}
    given = {"provider": "offline", "model": "demo", "base_url": None, "api_key": None}
    one = Talk(tmp_path, {"profile_name": "demo", "provider_config": config, **given})

    result = one.start("Say hello.").result()

    assert "demonstration" in (result.text or "")
    assert "llm_demonstration" in one.console.codes()
    assert "Say hello." in (tmp_path / "reports/demonstration.md").read_text()
    assert all(spent.cost == 0.0 for spent in one.ledger.spent)
