"""A model as a run asks it: heard while it speaks, bounded in time, asked again if that helps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from webapp.agents.hiding import Hiding
from webapp.agents.llm import failures
from webapp.agents.llm.messages import MESSAGES
from webapp.agents.protocol import AgentFailed, Console

TRIES = 4
FIRST_REST_S = 1.0
LONGEST_ASKED_REST_S = 120.0
"""A provider that asks to be left alone for longer fails the run: the lane is not held up."""
JITTER = 0.25


class PatientModel(WrapperModel):
    """Passes requests on. What the model says goes to the console's output as it comes."""

    def __init__(
        self,
        wrapped: Model,
        console: Console,
        *,
        rest: Callable[[float], Any],
        timeout_s: float,
        streams: bool,
        secrets: Sequence[str],
    ) -> None:
        super().__init__(wrapped)
        self._console, self._rest = console, rest
        self._timeout_s, self._streams, self._secrets = timeout_s, streams, secrets
        self._hiding = Hiding(secrets)

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        number = 0
        while True:
            number += 1
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._once(messages, model_settings, model_request_parameters)
            except TimeoutError:
                raise AgentFailed("llm_too_slow", seconds=f"{self._timeout_s:g}") from None
            except Exception as error:
                code, params = failures.explained(error, self._secrets)
                rest_s = _rest_after(error, number)
                if rest_s is None:
                    raise AgentFailed(code, **params) from error
                why = {**failures.MESSAGES, **MESSAGES}[code] % params
                self._console.say("llm_retry", why=why, seconds=f"{rest_s:.1f}")
            await self._rest(rest_s)

    async def _once(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> ModelResponse:
        if not self._streams:
            response = await self.wrapped.request(messages, settings, parameters)
            self._print(response.text or "")
        else:
            async with self.wrapped.request_stream(messages, settings, parameters) as stream:
                async for event in stream:
                    self._print(_spoken(event))
                response = stream.get()
        if response.text:
            self._console.write(self._hiding.finish() + b"\n")
        return response

    def _print(self, text: str) -> None:
        if text and (safe := self._hiding.feed(text.encode("utf-8", "replace"))):
            self._console.write(safe)


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
