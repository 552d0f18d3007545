"""The agents there are: built in, and those that installed packages bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from typing import Any

import structlog

from webapp import sources
from webapp.agents.protocol import Agent, InvalidSetting, Limits
from webapp.config import Settings
from webapp.domain import messages
from webapp.domain.errors import Invalid
from webapp.vault import IsMask, SecretLost, Vault

log = structlog.get_logger(__name__)

GROUP = "lineup.agents"
BUILT_IN = {
    "shell": "webapp.agents.shell:ShellAgent",
    "http": "webapp.agents.http:HttpAgent",
    "llm": "webapp.agents.llm:LlmAgent",
    "browser": "webapp.agents.browser:BrowserAgent",
}
"""Not entry points: a checkout has them uninstalled, and no package can take their names."""


class Catalogue:
    """Agents by name. An agent that cannot be loaded is left out, and the log says why."""

    def __init__(self, agents: Mapping[str, Agent], vault: Vault) -> None:
        self._agents, self._vault = dict(agents), vault
        for agent in self._agents.values():
            messages.learn(agent.messages)

    def __getitem__(self, name: str) -> Agent:
        """The agent of that name; KeyError if there is none."""
        return self._agents[name]

    def names(self) -> list[str]:
        """The names of all agents, in order."""
        return sorted(self._agents)

    def validate(self, agent: str, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        """Have the agent check its own settings, and seal those it calls secret.

        Settings that were stored before are taken, too: their secrets are opened and sealed anew.
        """
        if agent not in self._agents:
            known = ", ".join(self.names())
            raise Invalid.field("agent", f"there is no agent {agent!r}; there is {known}")
        found = self._agents[agent]
        try:
            checked = found.validate(self._vault.open_settings(settings), by_hand=by_hand)
            return self._vault.seal_settings(checked, _secrets_of(found))
        except InvalidSetting as error:
            raise Invalid.field(error.field, error.reason) from None
        except IsMask as error:
            raise Invalid.field(str(error), "send the secret itself, not its mask") from None
        except SecretLost as error:
            reason = "a stored secret cannot be opened with this server's keys: send it again"
            raise Invalid.field(error.params["setting"], reason) from None

    def asks_for(self, agent: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """The parameters that stored settings speak of, each with the setting that does."""
        asks: Callable[..., Mapping[str, str]] | None
        asks = getattr(self._agents[agent], "asks_for", None)
        return asks(settings) if asks is not None else {}

    def uses_model(self, agent: str) -> bool:
        """Whether its runs are given an LLM profile."""
        return bool(getattr(self._agents.get(agent), "uses_model", False))

    def opened(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Stored settings as an agent is given them; raises SecretLost or KeysUnusable."""
        return self._vault.open_settings(settings)

    def refuses(self, agent: str, verb: str, settings: Mapping[str, Any]) -> str | None:
        """Have the agent say what it can never do."""
        found = self._agents.get(agent)
        return found.refuses(verb, settings) if found is not None else None


def load(settings: Settings, vault: Vault) -> Catalogue:
    """The built-in agents and every installed plug-in of the entry point group."""
    limits = Limits(stop_grace_s=settings.stop_grace_s, environment=sources.inherited())
    agents = {name: _resolve(path)(limits) for name, path in BUILT_IN.items()}
    for point in _plug_ins():
        if point.name in agents:
            continue
        try:
            agents[point.name] = point.load()(limits)
        except Exception:
            log.exception("agent not loaded", agent=point.name, entry_point=point.value)
    return Catalogue(agents, vault)


@cache
def _plug_ins() -> EntryPoints:
    """What installed packages bring. All of them are read for it, so a process looks once."""
    return entry_points(group=GROUP)


def _secrets_of(agent: Agent) -> Sequence[str]:
    """The settings that are secret; an agent that knows of none need not say so."""
    return tuple(getattr(agent, "secrets", ()))


def _resolve(path: str) -> Callable[[Limits], Agent]:
    module, name = path.split(":")
    made: Callable[[Limits], Agent] = getattr(import_module(module), name)
    return made
