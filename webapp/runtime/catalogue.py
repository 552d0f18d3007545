"""The agents there are: built in, and those that installed packages bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import structlog

from webapp import sources
from webapp.agents.protocol import Agent, InvalidSetting, Limits
from webapp.config import Settings
from webapp.domain import messages
from webapp.domain.errors import Invalid

log = structlog.get_logger(__name__)

GROUP = "lineup.agents"
BUILT_IN = {"shell": "webapp.agents.shell:ShellAgent"}
"""Not entry points: a checkout has them uninstalled, and no package can take their names."""
NOT_YET = {"http", "llm", "browser"}


class Catalogue:
    """Agents by name. An agent that cannot be loaded is left out, and the log says why."""

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self._agents = dict(agents)
        for agent in self._agents.values():
            messages.learn(agent.messages)

    def __getitem__(self, name: str) -> Agent:
        """The agent of that name; KeyError if there is none."""
        return self._agents[name]

    def names(self) -> list[str]:
        """The names of all agents, in order."""
        return sorted(self._agents)

    def validate(self, agent: str, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        """Have the agent check its own settings."""
        if agent not in self._agents:
            if agent in NOT_YET:
                raise Invalid.field("agent", f"{agent} is not available yet")
            known = ", ".join(self.names())
            raise Invalid.field("agent", f"there is no agent {agent!r}; there is {known}")
        try:
            return self._agents[agent].validate(settings, by_hand=by_hand)
        except InvalidSetting as error:
            raise Invalid.field(error.field, error.reason) from None

    def refuses(self, agent: str, verb: str, settings: Mapping[str, Any]) -> str | None:
        """Have the agent say what it can never do."""
        found = self._agents.get(agent)
        return found.refuses(verb, settings) if found is not None else None


def load(settings: Settings) -> Catalogue:
    """The built-in agents and every installed plug-in of the entry point group."""
    limits = Limits(stop_grace_s=settings.stop_grace_s, environment=sources.inherited())
    agents = {name: _resolve(path)(limits) for name, path in BUILT_IN.items()}
    for point in entry_points(group=GROUP):
        if point.name in agents:
            continue
        try:
            agents[point.name] = point.load()(limits)
        except Exception:
            log.exception("agent not loaded", agent=point.name, entry_point=point.value)
    return Catalogue(agents)


def _resolve(path: str) -> Callable[[Limits], Agent]:
    module, name = path.split(":")
    made: Callable[[Limits], Agent] = getattr(import_module(module), name)
    return made
