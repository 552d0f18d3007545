"""What tokens cost: by the profile's own prices, or by what is known of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from webapp.agents.protocol import Spent

if TYPE_CHECKING:
    from pydantic_ai.usage import RequestUsage

OURS: Mapping[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "azure_openai": "azure",
    "groq": "groq",
    "openrouter": "openrouter",
    "deepseek": "deepseek",
    "mistral": "mistral",
    "aws_bedrock": "aws",
    "kimi": "moonshotai",
    "glm": "zai",
}
"""By our names, those of genai-prices; of other providers no price is known."""
MILLION = 1_000_000


def known(profile: Mapping[str, Any]) -> bool:
    """Whether it can be said what a run of the profile costs."""
    return cost(profile, input_tokens=1, output_tokens=1) is not None


def spent(profile: Mapping[str, Any], usage: RequestUsage) -> Spent:
    """What a request used, and what that costs."""
    paid = cost(
        profile,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    return Spent(usage.input_tokens, usage.output_tokens, paid)


def cost(
    profile: Mapping[str, Any], *, input_tokens: int, output_tokens: int, **cached: int
) -> float | None:
    """Dollars for so many tokens; None if nobody knows.

    ``cached`` are ``cache_read_tokens`` and ``cache_write_tokens``, which are among the input.
    """
    if profile["provider"] == "offline":
        return 0.0
    of_input, of_output = profile.get("input_price"), profile.get("output_price")
    if of_input is not None and of_output is not None:
        return float(input_tokens * of_input + output_tokens * of_output) / MILLION
    provider = OURS.get(profile["provider"])
    if provider is None:
        return None
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, **cached)
    try:
        return float(calc_price(usage, profile["model"], provider_id=provider).total_price)
    except LookupError:
        return None
