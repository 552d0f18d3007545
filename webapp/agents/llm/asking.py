"""Small questions to providers: whether a model answers, and which models there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Coroutine, Mapping
from importlib import import_module
from typing import Any, TypeVar

from webapp.agents.llm import models
from webapp.agents.llm.failures import Unusable

T = TypeVar("T")

QUESTION = "Reply with the single word: ok"
FEW_TOKENS = 256
"""Enough for a model that thinks before one word."""
MOST_MODELS = 2_000
OFFLINE = "offline"
_LIBRARIES = {
    "anthropic": ("pydantic_ai.models.anthropic",),
    "google": ("pydantic_ai.models.google",),
    "aws_bedrock": ("boto3", "pydantic_ai.models.bedrock"),
    OFFLINE: ("pydantic_ai.models.function",),
}


def ready(provider: str) -> None:
    """Import what asking a provider needs, which takes seconds the first time."""
    import_module("pydantic_ai.direct")
    for name in _LIBRARIES.get(provider, ("pydantic_ai.models.openai",)):
        import_module(name)


def ask(profile: Mapping[str, Any], timeout_s: float) -> str:
    """The name of the model that answered a tiny question; raises what its library does."""
    from pydantic_ai.direct import model_request
    from pydantic_ai.messages import ModelRequest

    how = models.settings(profile, "no-thinking")
    how["max_tokens"] = min(FEW_TOKENS, how.get("max_tokens", FEW_TOKENS))
    if "timeout" in how:
        how["timeout"] = timeout_s

    async def question() -> str:
        async with models.build(profile, http_timeout_s=timeout_s) as model:
            messages = [ModelRequest.user_text_prompt(QUESTION)]
            answer = await model_request(model, messages, model_settings=how)
            return answer.model_name or model.model_name

    return asyncio.run(_in_time(question(), timeout_s))


def names(profile: Mapping[str, Any], timeout_s: float) -> tuple[str, ...]:
    """The models a provider has; raises Unusable where it cannot be asked."""
    if profile["provider"] in ("aws_bedrock", OFFLINE):
        raise Unusable("llm_failed", words="This provider has no list that can be asked for.")

    async def listed() -> tuple[str, ...]:
        async with models.build({**profile, "model": _any(profile)}, http_timeout_s=timeout_s) as m:
            client: Any = getattr(m, "client", None)
            if profile["provider"] == "google":
                pages = await client.aio.models.list()
                found = [str(one.name).removeprefix("models/") async for one in pages]
            else:
                found = [str(one.id) async for one in _paged(client)]
            if not found:
                raise Unusable("llm_failed", words="The provider names none.")
            return tuple(sorted(dict.fromkeys(found[:MOST_MODELS])))

    return asyncio.run(_in_time(listed(), timeout_s))


async def _in_time(work: Coroutine[Any, Any, T], timeout_s: float) -> T:
    async with asyncio.timeout(timeout_s):
        return await work


def _paged(client: Any) -> AsyncIterable[Any]:
    pages: AsyncIterable[Any] = client.models.list()
    return pages


def _any(profile: Mapping[str, Any]) -> str:
    """A name that every provider takes for one of a model: only its connection is wanted."""
    return str(profile.get("model") or "any/model")
