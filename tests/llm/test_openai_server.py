"""OpenAI's own SDK understands the server that stands for it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState

from tests.agents.serving import Asked
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import broken_json, call, calls, cut, fail, say, slow

ASK: Any = {"model": "tiny-1", "messages": [{"role": "user", "content": "Well?"}]}
CALLED = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]


def client(server: OpenAIServer, key: str = "sk-right-one", retries: int = 0) -> OpenAI:
    return OpenAI(base_url=server.url, api_key=key, max_retries=retries, timeout=30)


def streamed(server: OpenAIServer) -> Any:
    """The answer as the SDK puts it together from a stream."""
    state = ChatCompletionStreamState()
    options: Any = {"include_usage": True}
    with client(server) as asking:
        for chunk in asking.chat.completions.create(**ASK, stream=True, stream_options=options):
            state.handle_chunk(chunk)
    return state.get_final_completion()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_an_error_has_its_status_its_words_and_its_code(
    openai_server: OpenAIServer, status: int, error: type[openai.APIStatusError]
) -> None:
    openai_server.script(fail(status, "Not today.", "closed", retry_after=7))

    with client(openai_server) as asking, pytest.raises(error, match=r"Not today\.") as raised:
        asking.chat.completions.create(**ASK)

    assert raised.value.code == "closed"
    assert raised.value.response.headers["retry-after"] == "7"


def test_a_wrong_key_is_refused_and_takes_no_reply() -> None:
    with OpenAIServer(say("hello"), key="sk-right-one") as server:
        with client(server, "sk-wrong") as asking:
            with pytest.raises(openai.AuthenticationError, match=r"provided: sk-\*\*\*ong"):
                asking.chat.completions.create(**ASK)
            with pytest.raises(openai.AuthenticationError):
                asking.models.list()
        with client(server) as asking:
            answer = asking.chat.completions.create(**ASK)

    assert answer.choices[0].message.content == "hello"
    assert len(server.questions) == 1


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([{"role": "assistant", "tool_calls": CALLED}], "did not have response messages: c1"),
        ([{"role": "tool", "tool_call_id": "c1", "content": "x"}], "a preceding message"),
        ([], "empty array"),
    ],
)
def test_a_conversation_that_openai_would_not_take_is_refused(
    openai_server: OpenAIServer, messages: Any, complaint: str
) -> None:
    with (
        client(openai_server) as asking,
        pytest.raises(openai.BadRequestError, match=complaint),
    ):
        asking.chat.completions.create(model="tiny-1", messages=messages)

    assert complaint in openai_server.refused[0].message


@pytest.mark.parametrize("stream", [False, True])
def test_broken_json_and_a_cut_connection_are_errors(
    openai_server: OpenAIServer, stream: bool
) -> None:
    openai_server.script(broken_json(), cut())

    with client(openai_server) as asking:
        with pytest.raises(json.JSONDecodeError):
            list(asking.chat.completions.create(**ASK, stream=stream))
        with pytest.raises(openai.APIConnectionError):
            list(asking.chat.completions.create(**ASK, stream=stream))


def test_an_answer_comes_whole_and_as_a_stream_and_the_last_one_stays(
    openai_server: OpenAIServer,
) -> None:
    openai_server.script(say("A word, or two.", reasoning="Let me see.").with_usage(100, 20))

    with client(openai_server) as asking:
        whole = asking.chat.completions.create(**ASK)
    pieces = streamed(openai_server)

    for answer in (whole, pieces):
        assert answer.choices[0].message.content == "A word, or two."
        assert answer.choices[0].message.reasoning_content == "Let me see."
        assert answer.choices[0].finish_reason == "stop"
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (100, 20)


def test_tool_calls_come_whole_and_as_a_stream(openai_server: OpenAIServer) -> None:
    both = calls(call("look", {"at": "the sea"}), call("wave", id="mine"), text="Moment.")
    openai_server.script(both)

    with client(openai_server) as asking:
        whole = asking.chat.completions.create(**ASK)

    for number, answer in enumerate([whole, streamed(openai_server)], start=1):
        assert answer.choices[0].finish_reason == "tool_calls"
        assert answer.choices[0].message.content == "Moment."
        look, wave = answer.choices[0].message.tool_calls
        assert (look.id, look.function.name) == (f"call_{number}_0", "look")
        assert json.loads(look.function.arguments) == {"at": "the sea"}
        assert (wave.id, wave.function.arguments) == ("mine", "{}")


def test_arguments_may_be_broken_too(openai_server: OpenAIServer) -> None:
    openai_server.script(call("look", '{"at": '))

    with client(openai_server) as asking:
        (made,) = asking.chat.completions.create(**ASK).choices[0].message.tool_calls or []

    assert made.type == "function"
    assert made.function.arguments == '{"at": '


def test_a_reply_may_depend_on_the_question_which_is_kept(openai_server: OpenAIServer) -> None:
    def echo(asked: Asked) -> Any:
        return say(f"You said {asked.json['messages'][-1]['content']}")

    openai_server.script(echo)
    with client(openai_server) as asking:
        answer = asking.chat.completions.create(**ASK)

    assert answer.choices[0].message.content == "You said Well?"
    assert openai_server.messages() == ASK["messages"]
    assert openai_server.body(0)["model"] == "tiny-1"
    assert openai_server.questions[0].path == "/v1/chat/completions"
    assert openai_server.questions[0].headers["authorization"] == "Bearer sk-right-one"


def test_models_are_listed(openai_server: OpenAIServer) -> None:
    with client(openai_server) as asking:
        assert [model.id for model in asking.models.list()] == ["tiny-1", "large-2"]
        openai_server.models = fail(500, "Lost the list.")
        with pytest.raises(openai.InternalServerError, match="Lost the list"):
            asking.models.list()


@pytest.mark.parametrize("midway", [False, True])
def test_a_slow_answer_waits_for_its_release(openai_server: OpenAIServer, midway: bool) -> None:
    release = threading.Event()
    late = slow(say("late, but here"), release, midway=midway)
    openai_server.script(late)
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(streamed(openai_server)))

    asking.start()
    assert late.begun.wait(30)
    assert not answers
    release.set()
    asking.join(30)

    assert answers[0].choices[0].message.content == "late, but here"
    assert not late.hung_up.is_set()


def test_who_hangs_up_on_a_slow_answer_is_noticed(openai_server: OpenAIServer) -> None:
    late = slow(say("never"), midway=True)
    openai_server.script(late)

    with client(openai_server) as asking:
        stream = asking.chat.completions.create(**ASK, stream=True)
        next(iter(stream))
        assert not late.hung_up.is_set()
        stream.close()

    assert late.hung_up.wait(30)


def test_the_sdk_tries_again_after_a_429(openai_server: OpenAIServer) -> None:
    openai_server.script(fail(429, "Slower.", retry_after=0.01), say("hello"))

    with client(openai_server, retries=1) as asking:
        assert asking.chat.completions.create(**ASK).choices[0].message.content == "hello"

    assert len(openai_server.questions) == 2


def test_it_runs_as_a_process_with_a_script_from_a_file(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    told = [
        {"fail": 401, "message": "No.", "code": "invalid_api_key"},
        {"calls": [["look", {"at": "it"}], ["wave"]], "usage": [7, 3]},
        {"say": "done", "reasoning": "so"},
    ]
    script.write_text(json.dumps(told))
    command = [sys.executable, "-m", "tests.llm.openai_server", "0", str(script)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        with OpenAI(base_url=address, api_key="any", max_retries=0) as asking:
            with pytest.raises(openai.AuthenticationError):
                asking.chat.completions.create(**ASK)
            called = asking.chat.completions.create(**ASK)
            done = asking.chat.completions.create(**ASK)
        process.kill()

    assert [one.function.name for one in called.choices[0].message.tool_calls or []] == [  # type: ignore[union-attr]
        "look",
        "wave",
    ]
    assert called.usage
    assert called.usage.total_tokens == 10
    assert done.choices[0].message.content == "done"
