"""The settings of an llm task, and the refusals that name what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from webapp.agents.protocol import InvalidSetting

MODES = ("thinking", "no-thinking", "flash")
MAX_PROFILE_NAME = 100
MAX_INSTRUCTIONS = 100_000
MOST_SERVERS = 50
MOST_TOOLKITS = 50
MOST = 10**12
"""Larger than any budget that means something, and small enough for every database."""


@dataclass(frozen=True)
class LlmSettings:
    """How a model is asked. Budgets are of one attempt; None: as its profile says."""

    llm_profile_name: str | None = None
    """None: the default one at the time of the run."""
    agent_mode: str = "thinking"
    instructions: str | None = None
    """What the model is told besides the task, before it."""
    mcp_server_config: Mapping[str, Any] | None = field(default=None, repr=False)
    """Servers of this task alone, besides those of the settings."""
    mcp_servers: tuple[str, ...] | None = None
    """Which servers of the settings are used, by name; None: all that are active."""
    toolkits: tuple[str, ...] | None = None
    """Which toolkits of Composio are used, by slug; None: all that are enabled."""
    workspace_tools: bool = True
    memory: bool = True
    """Whether it is told what was said in earlier tasks of its session."""
    memory_tokens: int = 32_000
    """About how much of that it is told; the oldest is left out first."""
    budget_requests: int | None = None
    budget_tokens: int | None = None
    budget_cost: float | None = None
    """In USD."""

    def as_dict(self) -> dict[str, Any]:
        """What is stored: what was not given and has no default is left out."""
        found = {name: value for name, value in asdict(self).items() if value is not None}
        if self.mcp_servers is not None:
            found["mcp_servers"] = list(self.mcp_servers)
        if self.toolkits is not None:
            found["toolkits"] = list(self.toolkits)
        return found


def check(settings: Mapping[str, Any], *, agent: str = "llm") -> LlmSettings:
    """Refuse, by field and reason, what no model can be asked with."""
    for name in settings:
        if name not in CHECKS:
            raise InvalidSetting(
                name, f"is not a setting of {agent}; those are {', '.join(CHECKS)}"
            )
    values = {}
    for name, value in settings.items():
        if value is None:
            continue
        try:
            values[name] = CHECKS[name](value)
        except ValueError as error:
            raise InvalidSetting(name, str(error)) from None
    return LlmSettings(**values)


def _text(limit: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("must be text that is not empty")
        if len(value) > limit:
            raise ValueError(f"must be at most {limit:,} characters long, and has {len(value):,}")
        if "\0" in value:
            raise ValueError("must not contain a NUL character")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("must be valid Unicode") from None
        return value

    return check


def _mode(value: Any) -> str:
    if value not in MODES:
        raise ValueError(f"must be one of {', '.join(MODES)}")
    return str(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _count(least: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
            raise ValueError(f"must be a whole number of {least} or more")
        return value

    return check


def _money(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= MOST:  # which NaN is not
        raise ValueError("must be an amount of USD above 0")
    return float(value)


def _config(value: Any) -> Mapping[str, Any]:
    """The door has looked at what is in it."""
    if not isinstance(value, Mapping) or not isinstance(value.get("mcpServers"), Mapping):
        raise ValueError("must be an object with mcpServers, an object of servers by name")
    return value


def _names(of: str, most: int) -> Callable[[Any], tuple[str, ...]]:
    def check(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise ValueError(f"must be a list of the names of {of}")
        if len(value) > most:
            raise ValueError(f"must be at most {most} names")
        return tuple(dict.fromkeys(value))

    return check


CHECKS: dict[str, Callable[[Any], Any]] = {
    "llm_profile_name": _text(MAX_PROFILE_NAME),
    "agent_mode": _mode,
    "instructions": _text(MAX_INSTRUCTIONS),
    "mcp_server_config": _config,
    "mcp_servers": _names("MCP servers", MOST_SERVERS),
    "toolkits": _names("toolkits", MOST_TOOLKITS),
    "workspace_tools": _flag,
    "memory": _flag,
    "memory_tokens": _count(0),
    "budget_requests": _count(1),
    "budget_tokens": _count(1),
    "budget_cost": _money,
}
