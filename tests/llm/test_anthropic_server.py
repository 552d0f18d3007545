"""Anthropic's own SDK understands the server that stands for it."""

from __future__ import annotations

import json
import threading
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.llm.anthropic_server import AnthropicServer
from tests.llm.replies import broken_json, call, calls, cut, fail, say, slow

ASK: Any = {
    "model": "tiny-1",
    "max_tokens": 2048,
    "messages": [{"role": "user", "content": "Well?"}],
}
CALLED = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "x"}


def client(server: AnthropicServer, key: str = "right", retries: int = 0) -> Anthropic:
    return Anthropic(base_url=server.url, api_key=key, max_retries=retries, timeout=30)


def streamed(server: AnthropicServer) -> Any:
    """The answer as the SDK puts it together from a stream."""
    with client(server) as asking, asking.messages.stream(**ASK) as stream:
        return stream.get_final_message()


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, anthropic.AuthenticationError, "authentication_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_an_error_has_its_status_its_words_and_its_kind(
    anthropic_server: AnthropicServer, status: int, error: type[Any], kind: str
) -> None:
    anthropic_server.script(fail(status, "Not today.", retry_after=7))

    with client(anthropic_server) as asking, pytest.raises(error, match=r"Not today\.") as raised:
        asking.messages.create(**ASK)

    assert raised.value.body["error"] == {"type": kind, "message": "Not today."}
    assert raised.value.response.headers["retry-after"] == "7"


def test_a_wrong_key_is_refused_and_takes_no_reply() -> None:
    with AnthropicServer(say("hello"), key="right") as server:
        asking = client(server, "wrong")
        with asking, pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            asking.messages.create(**ASK)
        with client(server) as asking:
            answer = asking.messages.create(**ASK)

    assert answer.content[0].to_dict()["text"] == "hello"
    assert len(server.questions) == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"messages": [{"role": "assistant", "content": [CALLED]}]}, "without `tool_result`"),
        ({"messages": [{"role": "user", "content": [RESULT]}]}, "unexpected `tool_use_id`"),
        ({"messages": [{"role": "user", "content": ""}]}, "must be non-empty"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "must be greater than"),
        ({"tools": [{"name": "a.b", "input_schema": {}}]}, "should match pattern"),
        ({"tools": [{"name": "a", "input_schema": {}}] * 2}, "must be unique"),
    ],
)
def test_a_question_that_anthropic_would_not_take_is_refused(
    anthropic_server: AnthropicServer, change: dict[str, Any], complaint: str
) -> None:
    with (
        client(anthropic_server) as asking,
        pytest.raises(anthropic.BadRequestError, match=complaint),
    ):
        asking.messages.create(**{**ASK, **change})

    assert not anthropic_server.questions


@pytest.mark.parametrize("stream", [False, True])
def test_broken_json_and_a_cut_connection_are_errors(
    anthropic_server: AnthropicServer, stream: bool
) -> None:
    anthropic_server.script(broken_json(), cut())

    with client(anthropic_server) as asking:
        with pytest.raises(json.JSONDecodeError):
            list(asking.messages.create(**ASK, stream=stream))
        # The SDK passes on what happens to a stream as it comes.
        with pytest.raises(httpx2.RemoteProtocolError if stream else anthropic.APIConnectionError):
            list(asking.messages.create(**ASK, stream=stream))


def test_an_answer_comes_whole_and_as_a_stream_with_its_thoughts(
    anthropic_server: AnthropicServer,
) -> None:
    anthropic_server.script(say("A word, or two.", reasoning="Let me see.").with_usage(100, 20))

    with client(anthropic_server) as asking:
        whole = asking.messages.create(**ASK)

    for answer in (whole, streamed(anthropic_server)):
        thought, text = answer.content
        assert (thought.type, thought.thinking) == ("thinking", "Let me see.")
        assert thought.signature
        assert text.text == "A word, or two."
        assert answer.stop_reason == "end_turn"
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (100, 20)


def test_tool_calls_come_whole_and_as_a_stream(anthropic_server: AnthropicServer) -> None:
    both = calls(call("look", {"at": "the sea"}), call("wave", id="mine"), text="Moment.")
    anthropic_server.script(both)

    with client(anthropic_server) as asking:
        whole = asking.messages.create(**ASK)

    for number, answer in enumerate([whole, streamed(anthropic_server)], start=1):
        text, look, wave = answer.content
        assert answer.stop_reason == "tool_use"
        assert text.text == "Moment."
        assert (look.id, look.name, look.input) == (f"toolu_{number}_0", "look", {"at": "the sea"})
        assert (wave.id, wave.input) == ("mine", {})


def test_models_are_listed(anthropic_server: AnthropicServer) -> None:
    with client(anthropic_server) as asking:
        assert [model.id for model in asking.models.list()] == ["tiny-1", "large-2"]


def test_who_hangs_up_on_a_slow_answer_is_noticed(anthropic_server: AnthropicServer) -> None:
    late = slow(say("never"), midway=True)
    anthropic_server.script(late)

    with client(anthropic_server) as asking:
        stream = asking.messages.create(**ASK, stream=True)
        next(iter(stream))
        assert not late.hung_up.is_set()
        stream.close()

    assert late.hung_up.wait(30)


def test_a_slow_answer_waits_for_its_release(anthropic_server: AnthropicServer) -> None:
    release = threading.Event()
    late = slow(say("late, but here"), release)
    anthropic_server.script(late)
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(streamed(anthropic_server)))

    asking.start()
    assert late.begun.wait(30)
    release.set()
    asking.join(30)

    assert answers[0].content[0].text == "late, but here"
