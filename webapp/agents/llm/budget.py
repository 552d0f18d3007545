"""What one run may spend, by its task and its profile; checked before each request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_ai.usage import RequestUsage

from webapp.agents.llm import prices
from webapp.agents.llm.settings import LlmSettings
from webapp.agents.protocol import AgentFailed, Console, Spent

NEAR = 0.8
"""From this part of a budget on it is warned of."""


class Budget:
    """Counts one attempt. A limit is the smaller one of the task's and the profile's."""

    def __init__(self, profile: Mapping[str, Any], settings: LlmSettings) -> None:
        self._profile = profile
        self._limits = {
            name: _smaller(getattr(settings, f"budget_{name}"), profile.get(f"run_{name}"))
            for name in ("requests", "tokens", "cost")
        }
        self.used: dict[str, float] = {"requests": 0, "tokens": 0, "cost": 0.0}
        self._warned: set[str] = set()

    def check(self, console: Console) -> None:
        """Raise AgentFailed where the run may ask no more; warn, once, where it is near.

        A limit of money means something only where the price is known.
        """
        if self._limits["cost"] is not None and not prices.known(self._profile):
            raise AgentFailed("llm_no_price", model=str(self._profile["model"]))
        for name, limit in self._limits.items():
            if limit is None:
                continue
            used = self.used[name]
            if used >= limit:
                raise AgentFailed(f"llm_run_{name}", limit=_said(limit), used=_said(used))
            if used >= NEAR * limit and name not in self._warned:
                self._warned.add(name)
                console.say(f"llm_near_{name}", limit=_said(limit), used=_said(used))

    def add(self, usage: RequestUsage) -> Spent:
        """Count one request."""
        spent = self.spent(usage)
        self.used["requests"] += 1
        self.used["tokens"] += spent.input_tokens + spent.output_tokens
        self.used["cost"] += spent.cost or 0.0
        return spent

    def spent(self, usage: RequestUsage) -> Spent:
        """What a request used, and what that costs."""
        cost = prices.cost(
            self._profile,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
        )
        return Spent(usage.input_tokens, usage.output_tokens, cost)


def _smaller(one: float | None, other: float | None) -> float | None:
    known = [limit for limit in (one, other) if limit is not None]
    return min(known, default=None)


def _said(value: float) -> str:
    return f"{value:,.4f}".rstrip("0").rstrip(".")
