"""What the doors need from the rooms behind them, and may not import."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, cast

from flask import current_app

from webapp.config import Settings
from webapp.courier import Courier
from webapp.files.trash import Trash
from webapp.output import OutputStore
from webapp.vault import Vault

KEY = "lineup"


class Wake(Protocol):
    """Short cuts to a worker in this process; the database alone would do, only slower."""

    def lane(self, name: str) -> None:
        """Something in this lane may be ready to run."""

    def task(self, task_id: str) -> None:
        """Somebody wishes something of this task."""

    def schedules(self) -> None:
        """A schedule may be due sooner than it was: it was made, changed or switched on."""


class AgentCatalogue(Protocol):
    """Which agents there are, and what they take."""

    def names(self) -> list[str]: ...

    def validate(self, agent: str, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        """The agent's settings as they are stored: with defaults, and what is secret sealed.

        Takes them as they were sent or as they were stored. Raises Invalid that names the field.
        """

    def asks_for(self, agent: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """The parameters that stored settings speak of, each with the setting that does."""

    def uses_model(self, agent: str) -> bool:
        """Whether its runs are given an LLM profile."""

    def refuses(self, agent: str, verb: str, settings: Mapping[str, Any]) -> str | None:
        """Why ``verb`` can never work for such a task, as a message code; None if it can."""


@dataclass(frozen=True)
class Tested:
    """Whether a provider or a server of tools answered, what was said, and how long it took."""

    ok: bool
    said: str
    took_ms: int
    tools: tuple[Mapping[str, Any], ...] = ()
    """``{name, description, input_schema}`` of each tool a server has."""


class ConnectionTest(Protocol):
    """Asks providers and servers of tools whether they are there.

    A ``profile`` is a mapping as `webapp.domain.providers.resolved` makes it; ``params`` are those
    of a server with its secrets open. Nothing here may be called inside of a transaction.
    """

    def llm(self, profile: Mapping[str, Any], *, remembered: bool = False) -> Tested:
        """Ask a model a tiny question; ``remembered``: a success of the last minute will do."""

    def models(self, profile: Mapping[str, Any]) -> tuple[str, ...]:
        """The models its provider has; raises Refused in words where it cannot be asked."""

    def mcp(self, params: Mapping[str, Any], *, startup_timeout_s: float) -> Tested:
        """Start or reach a server, ask for its tools, and end it."""

    def lacks(self, provider: str) -> str | None:
        """What has to be installed before a provider can be asked; None if all is there."""

    def has_price(self, profile: Mapping[str, Any]) -> bool:
        """Whether it can be said what a run of the profile costs."""


class ToolService(Protocol):
    """Composio, which calls tools of other services for us; each call raises ComposioFailed.

    Nothing here may be called inside of a transaction.
    """

    def who(self, key: str) -> Mapping[str, str]:
        """Whose key it is; raises where it takes no such key."""

    def toolkits(self, key: str) -> list[dict[str, Any]]:
        """All toolkits as they are stored, with how the account of each stands."""

    def tools(self, key: str, slug: str) -> list[dict[str, Any]]:
        """The tools of a toolkit: ``name, description, parameters``."""

    def account(self, key: str, slug: str) -> tuple[str, str | None]:
        """How the account of a toolkit stands, and which it is."""

    def link(self, key: str, slug: str) -> tuple[str, str]:
        """Begin to connect an account: its id, and the page where a person allows it."""


@dataclass(frozen=True)
class Snapshot:
    """How the runner of this process is doing; without lanes there is none."""

    runner_id: str | None = None
    lanes: Mapping[str, bool] = field(default_factory=dict)
    """Whether the thread of each lane is alive."""
    last_tick: datetime | None = None
    abandoned: Sequence[str] = ()
    """Tasks whose agent ignored its stop and may still be at work."""


class RuntimeHealth(Protocol):
    """How the part that runs tasks is doing."""

    def snapshot(self) -> Snapshot: ...


class Idle:
    """Stands for the runtime where none was started: nothing to wake, nothing to tell."""

    def lane(self, name: str) -> None: ...

    def task(self, task_id: str) -> None: ...

    def schedules(self) -> None: ...

    def snapshot(self) -> Snapshot:
        """No runtime, no health."""
        return Snapshot()


@dataclass
class Ports:
    """What is wired into an application; the runtime replaces ``wake`` and ``health``."""

    settings: Settings
    agents: AgentCatalogue
    vault: Vault
    courier: Courier
    connections: ConnectionTest
    composio: ToolService
    output: OutputStore
    trash: Trash
    """Takes workspaces that nobody needs any more."""
    wake: Wake
    health: RuntimeHealth
    starting: threading.Lock = field(default_factory=threading.Lock)
    """Held while a runtime is started, so that a process has one."""

    @property
    def workspaces(self) -> Path:
        """The directory that holds the workspaces of all sessions."""
        return self.settings.data / "workspaces"


def ports() -> Ports:
    """The ports of the application at hand."""
    return cast(Ports, current_app.extensions[KEY])
