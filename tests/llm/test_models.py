"""The models of pydantic-ai understand both servers, and say in their words what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError, RunCancelled
from pydantic_ai.messages import ModelRequest, ModelResponse, UserPromptPart
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from tests.llm.anthropic_server import AnthropicServer
from tests.llm.model_server import ModelServer
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import Slow, broken_json, call, calls, cut, fail, say, slow
from tests.looping import carried_out


@dataclass
class Side:
    """A server, and the model of pydantic-ai that asks it."""

    server: ModelServer
    make: Callable[[str], Model]

    def agent(self, **how: Any) -> Agent:
        """An agent with two tools, that never tries again."""
        made: Agent = Agent(self.make(self.server.url), model_settings={"max_retries": 0}, **how)

        @made.tool_plain
        def look(at: str) -> str:
            return f"{at} is calm"

        @made.tool_plain
        def wave() -> str:
            return "waved"

        return made

    def run(self, **how: Any) -> Any:
        """What becomes of a short conversation."""
        return carried_out(self._run(**how))

    async def _run(self, **how: Any) -> Any:
        return await self.agent().run("Well?", **how)


def openai_model(url: str) -> Model:
    return OpenAIChatModel("tiny-1", provider=OpenAIProvider(base_url=url, api_key="sk-1"))


def anthropic_model(url: str) -> Model:
    return AnthropicModel("tiny-1", provider=AnthropicProvider(base_url=url, api_key="sk-1"))


@pytest.fixture(params=["openai", "anthropic"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Each of both."""
    is_openai = request.param == "openai"
    with OpenAIServer() if is_openai else AnthropicServer() as server:
        yield Side(server, openai_model if is_openai else anthropic_model)


@pytest.mark.parametrize("status", [401, 429, 500])
def test_an_error_carries_its_status_and_the_words_of_the_provider(side: Side, status: int) -> None:
    side.server.script(fail(status, "Not today."))

    with pytest.raises(ModelHTTPError, match=r"Not today\.") as raised:
        side.run()

    assert raised.value.status_code == status
    assert len(side.server.questions) == 1


@pytest.mark.parametrize("reply", [broken_json(), cut()], ids=["broken", "cut"])
def test_an_answer_that_cannot_be_read_is_an_error_of_the_model(side: Side, reply: Any) -> None:
    side.server.script(reply)

    with pytest.raises(ModelAPIError):
        side.run()


@pytest.mark.parametrize("reply", [broken_json(), cut()], ids=["broken", "cut"])
def test_a_stream_that_cannot_be_read_is_an_error_too(side: Side, reply: Any) -> None:
    side.server.script(reply)

    with pytest.raises(ModelAPIError):
        carried_out(streamed(side))


async def streamed(side: Side) -> tuple[str, list[ModelResponse]]:
    """The text, word by word put together, and every answer of the model."""
    async with side.agent().run_stream("Well?") as run:
        words = [word async for word in run.stream_text(delta=True, debounce_by=None)]
        answers = [m for m in run.all_messages() if isinstance(m, ModelResponse)]
    assert len(words) > 1
    return "".join(words), answers


def test_tools_are_called_and_their_results_go_back(side: Side) -> None:
    side.server.script(
        calls(call("look", {"at": "The sea"}), call("wave"), text="Moment.", reasoning="Hm."),
        say("It is calm, and I waved.").with_usage(30, 9),
    )

    result = side.run()

    assert result.output == "It is calm, and I waved."
    assert result.usage.requests == 2
    assert (result.usage.input_tokens, result.usage.output_tokens) == (42, 14)
    first = next(m for m in result.all_messages() if isinstance(m, ModelResponse))
    assert [part.part_kind for part in first.parts] == [
        *("thinking", "text", "tool-call", "tool-call")
    ]
    assert first.thinking == "Hm."
    assert set(side.server.tools()) == {"look", "wave"}
    assert "The sea is calm" in str(side.server.messages())
    assert not side.server.refused


def test_a_stream_brings_words_thoughts_and_tokens(side: Side) -> None:
    side.server.script(say("It is all calm.", reasoning="Hm.").with_usage(30, 9))

    text, (answer,) = carried_out(streamed(side))

    assert text == answer.text == "It is all calm."
    assert answer.thinking == "Hm."
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (30, 9)


def test_a_stream_may_call_tools_first(side: Side) -> None:
    side.server.script(call("look", {"at": "The sea"}), say("It is calm."))

    text, answers = carried_out(streamed(side))

    assert text == "It is calm."
    assert answers[0].tool_calls[0].args_as_dict() == {"at": "The sea"}


def test_a_dangling_tool_call_is_not_taken(side: Side) -> None:
    """What pydantic-ai sends of it is its business; a server that took anything would not tell."""
    side.server.script(call("look", {"at": "The sea"}, id="lost"))
    asked = ModelRequest(parts=[UserPromptPart("Well?")])
    model = side.make(side.server.url)

    async def twice() -> None:
        answer = await model_request(model, [asked])
        await model_request(model, [asked, answer, asked], model_settings={"max_retries": 0})

    with pytest.raises(ModelHTTPError, match="lost"):
        carried_out(twice())
    assert side.server.refused


@pytest.mark.parametrize("midway", [False, True])
def test_a_cancelled_run_hangs_up(side: Side, midway: bool) -> None:
    late = slow(say("never"), midway=midway)
    side.server.script(late)

    with pytest.raises(RunCancelled):
        carried_out(cancelled(side, late))

    assert late.hung_up.wait(30)


async def cancelled(side: Side, late: Slow) -> None:
    """Begin a run, and cancel it while the model keeps it waiting."""
    async with side.agent().iter("Well?") as run:

        async def cancel() -> None:
            await asyncio.to_thread(late.begun.wait, 30)
            run.cancel()

        cancelling = asyncio.create_task(cancel())
        async for _node in run:
            pass
        await cancelling


def test_a_slow_answer_is_waited_for(side: Side) -> None:
    late = slow(say("late, but here"))
    side.server.script(late)

    async def run() -> Any:
        going = asyncio.create_task(side.agent().run("Well?"))
        await asyncio.to_thread(late.begun.wait, 30)
        late.release.set()
        return await going

    assert carried_out(run()).output == "late, but here"
