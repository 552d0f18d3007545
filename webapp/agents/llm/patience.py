"""A model as a run asks it: heard while it speaks, bounded in time, asked again if that helps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from webapp.agents.hiding import Hiding
from webapp.agents.llm import failures
from webapp.agents.llm.messages import MESSAGES
from webapp.agents.llm.texts import arguments, storable
from webapp.agents.protocol import CHARACTERS_A_TOKEN, AgentFailed, Console

TRIES = 4
FIRST_REST_S = 1.0
LONGEST_ASKED_REST_S = 120.0
"""A provider that asks to be left alone for longer fails the run: the lane is not held up."""
JITTER = 0.25
ESTIMATED_OF = 50
"""Messages by which the size of a request is estimated that was not told."""


@dataclass(frozen=True)
class Terms:
    """How a run asks its model."""

    timeout_s: float
    streams: bool
    secrets: Sequence[str]
    rest: Callable[[float], Awaitable[None]]
    """Waits between two tries."""
    allowed: Callable[[], Awaitable[None]]
    """Raises AgentFailed where a budget allows no further try."""
    lost: Callable[[RequestUsage], None]
    """Takes what was used for an answer that did not come to its end."""


class PatientModel(WrapperModel):
    """Passes requests on. What the model says goes to the console's output as it comes."""

    def __init__(self, wrapped: Model, console: Console, terms: Terms) -> None:
        super().__init__(wrapped)
        self._console, self._terms = console, terms
        self._hiding = Hiding(terms.secrets)

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        number, timeout_s = 0, self._terms.timeout_s
        while True:
            number += 1
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._once(messages, model_settings, model_request_parameters)
            except TimeoutError:
                raise AgentFailed("llm_too_slow", seconds=f"{timeout_s:g}") from None
            except Exception as error:
                code, params = failures.explained(error, self._terms.secrets)
                rest_s = _rest_after(error, number)
                if rest_s is None:
                    raise AgentFailed(code, **params) from error
                why = {**failures.MESSAGES, **MESSAGES}[code] % params
                self._console.say("llm_retry", why=why, seconds=f"{rest_s:.1f}")
            await self._terms.rest(rest_s)
            await self._terms.allowed()

    async def _once(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask once; of an answer that does not come to its end is counted what is known."""
        if not self._terms.streams:
            response = await self.wrapped.request(messages, settings, parameters)
            self._print(response.text or "")
        else:
            said, usage = 0, RequestUsage()
            try:
                async with self.wrapped.request_stream(messages, settings, parameters) as stream:
                    async for event in stream:
                        text = _spoken(event)
                        self._print(text)
                        said, usage = said + len(text), stream.usage
                    response = stream.get()
            except BaseException:
                if said or usage.has_values():
                    self._terms.lost(_estimated(usage, said, messages))
                raise
        if response.text:
            self._console.write(self._hiding.finish() + b"\n")
        return _fit(response)

    def _print(self, text: str) -> None:
        if text and (safe := self._hiding.feed(text.encode("utf-8", "replace"))):
            self._console.write(safe)


def _fit(response: ModelResponse) -> ModelResponse:
    """The answer with texts that can be stored."""
    for part in response.parts:
        if isinstance(part, TextPart | ThinkingPart):
            part.content = storable(part.content)
        elif isinstance(part, ToolCallPart):
            part.tool_name = storable(part.tool_name)
            part.args = arguments(part.args)
    return response


def _estimated(usage: RequestUsage, said: int, messages: list[ModelMessage]) -> RequestUsage:
    """What an interrupted answer used: as far as it was told, else by the length of the texts."""
    asked = len(ModelMessagesTypeAdapter.dump_json(messages[-ESTIMATED_OF:]))
    return RequestUsage(
        input_tokens=usage.input_tokens or asked // CHARACTERS_A_TOKEN,
        output_tokens=max(usage.output_tokens, said // CHARACTERS_A_TOKEN),
    )


def _spoken(event: Any) -> str:
    """What of an event is said aloud: text, and neither thoughts nor calls of tools."""
    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""


def _rest_after(error: BaseException, number: int) -> float | None:
    """Seconds until the next try; None if there is none."""
    if number >= TRIES or not failures.may_repeat(error):
        return None
    own: float = FIRST_REST_S * 2 ** (number - 1) * (1 - JITTER * random.random())
    asked = failures.retry_after_s(error)
    if asked is not None and asked > LONGEST_ASKED_REST_S:
        return None
    return max(own, asked or 0.0)
