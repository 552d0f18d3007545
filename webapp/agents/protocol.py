"""What an agent is, what it is given to work with, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Fate = Literal["delivered", "consumed", "never_read"]
"""What becomes of an instruction."""


@dataclass(frozen=True)
class Result:
    """What an agent that finished its task hands back."""

    text: str | None = None
    exit_code: int | None = None


class AgentFailed(Exception):
    """The task failed for a reason the agent can name.

    ``message`` is a code of the agent's ``messages`` (with its ``params``) or a plain sentence;
    ``text`` is what was achieved before the failure: kept as the result, which never turns the
    failure into a success. ``for_good``: another attempt would fail as well.
    """

    def __init__(
        self,
        message: str,
        *,
        exit_code: int | None = None,
        text: str | None = None,
        for_good: bool = False,
        **params: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.params = params
        self.exit_code = exit_code
        self.text = text
        self.for_good = for_good


class Stopped(Exception):
    """Raised inside an agent by ``Console.checkpoint`` once its task is to stop."""


class InvalidSetting(ValueError):
    """A setting of the agent that it cannot work with: names the field and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class Instruction:
    """Text a person added to a running task; ``kind`` is ``text`` or ``end_input``."""

    instruction_id: str
    text: str
    kind: str = "text"


@dataclass(frozen=True)
class Spent:
    """What one request to a model used; ``cost`` in USD, None where nobody knows the price."""

    input_tokens: int
    output_tokens: int
    cost: float | None


class TryLater(Exception):
    """The database is away: what was asked may be asked again in a moment."""


class Ledger(Protocol):
    """Where a run that uses a model keeps what was said and counts what was spent.

    Each call is a short transaction of its own, and from a run that lost its attempt nothing lands.
    """

    def check(self) -> None:
        """Raise AgentFailed where a budget allows no further request, or TryLater."""

    def keep(self, messages: Mapping[int, Any], spent: Spent | None = None) -> None:
        """Store messages as JSON values, by their number in the run; a number again replaces it.

        While the database is away they are held, and stored with the next.
        """

    def settle(self) -> None:
        """Store what is still held, or raise TryLater."""


@dataclass(frozen=True)
class ToolServer:
    """A server of tools that speaks MCP, with its secrets opened.

    ``params`` has ``command``, ``args``, ``env`` and ``cwd``, or ``url`` and ``headers``.
    """

    name: str
    params: Mapping[str, Any] = field(repr=False)
    tools: Mapping[str, bool] | None = None
    """Which of its tools may be used, by name; None: all. One that is not named may be used."""
    startup_timeout_s: float = 30.0
    call_timeout_s: float = 60.0
    required: bool = False
    """Whether the task fails without it; else it goes on with the other tools."""
    prefixed: bool = True
    """Whether the names of its tools are told with its own before them."""


CHARACTERS_A_TOKEN = 4
"""About; what a token is differs from model to model."""


@dataclass(frozen=True)
class Toolkit:
    """Tools that Composio calls for us, with its key opened."""

    slug: str
    name: str
    url: str
    """Where Composio is."""
    key: str = field(repr=False)
    tools: Mapping[str, bool] = field(default_factory=dict)
    """Which of its tools may be used, by name. One that is not named may be used."""
    needs_account: bool = True
    account: str | None = None
    """The account that is connected, if that is known."""
    call_timeout_s: float = 60.0


@dataclass(frozen=True)
class Equipment:
    """What an agent that uses a model is given, as the database says now."""

    profile: Mapping[str, Any] = field(repr=False)
    """``provider, model, base_url, api_key`` (opened) and the rest of the profile's columns."""
    ledger: Ledger
    servers: Sequence[ToolServer] = ()
    memory: Sequence[Any] = ()
    """What was said in earlier tasks of the session, as the ledger was given it, oldest first."""
    toolkits: Sequence[Toolkit] = ()


class Work(Protocol):
    """What one attempt is about: read-only, taken from the database when it was claimed."""

    @property
    def task_id(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def session_id(self) -> str: ...
    @property
    def task_description(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Any]:
        """The agent's own settings, as its ``validate`` returned them."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The values of its flow's parameters, typed; empty where there are none."""

    @property
    def due_at(self) -> str | None:
        """When its schedule was due, in UTC (ISO 8601); None for what no schedule began."""

    @property
    def workspace_dir(self) -> Path: ...
    @property
    def upload_files(self) -> Sequence[Path]:
        """Files a person gave it; they lie in the workspace."""

    @property
    def equipment(self) -> Equipment | None:
        """For an agent that says ``uses_model``; None for all others."""


class Controls(Protocol):
    """How the lane steers an agent that takes its own controls.

    Called from the lane's thread while ``run`` works in another. Each call is quick (well under
    a second) and never raises for a run that has just ended. The agent reports the effect through
    ``Console.paused`` and ``Console.resumed``; a stop's effect is that ``run`` returns.
    """

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def stop(self, grace_s: float) -> None:
        """Ask to end; after ``grace_s`` seconds end by force."""

    def kill(self) -> None:
        """End everything this run started, at once. Cannot fail; may be called more than once."""

    def instruct(self, instruction: Instruction) -> None:
        """Take an instruction; its fate is told by ``Console.receipt``."""


class Console(Protocol):
    """An agent's way to the outside. Every method may be called from any thread of the run.

    Whatever is said after the run lost its attempt goes nowhere, silently.
    """

    def say(self, message: str, *, status: str = "working", **params: Any) -> None:
        """Record an activity: a code of the agent's ``messages``, or a plain sentence."""

    def write(self, data: bytes) -> None:
        """Append what a process printed to the attempt's output."""

    def progress(
        self,
        *,
        percent: float | None = None,
        step: int | None = None,
        steps: int | None = None,
        message: str | None = None,
    ) -> None:
        """Replace the progress shown: percent is 0 to 100; step counts from 1 up to steps."""

    def receipt(self, instruction_id: str, state: Fate, step: str | None = None) -> None:
        """An instruction is now ``delivered``, ``consumed`` or was ``never_read``."""

    def paused(self) -> None:
        """The agent has really stopped working."""

    def resumed(self) -> None:
        """The agent works again."""

    def steer(self, controls: Controls) -> None:
        """Take the controls: from now on the lane calls these instead of ``checkpoint``'s own.

        A wish that came before is passed on at once.
        """

    def checkpoint(self) -> None:
        """For agents without controls: wait here while paused; raises Stopped once stopped."""

    def instructions(self) -> list[Instruction]:
        """For agents without controls: the new instructions, which count as delivered."""


@dataclass(frozen=True)
class Limits:
    """The figures an agent's surroundings set for it."""

    stop_grace_s: float = 5.0
    environment: Mapping[str, str] = field(default_factory=dict)
    """What a process may inherit: the server's environment without its own secrets."""


class Agent(Protocol):
    """A plug-in that does tasks. Found through the entry point group ``lineup.agents``.

    An entry point names a callable that takes ``Limits`` and returns an Agent. One agent object
    serves all runs, so it keeps no state of a run.
    """

    name: str
    messages: Mapping[str, str]
    """Code to English text with ``%(name)s`` parameters: what it may say or fail with."""
    # An agent may also have ``secrets: tuple[str, ...]``, the names of settings that are secret.
    # Every text in them is sealed before it is stored, shown to nobody, and opened for the run.
    # One of them may be a path such as ``servers.*.env``, where a star stands for any name.
    # It may have ``uses_model: bool``: then each run is given ``Work.equipment``, and its task
    # names an LLM profile, or means the default one.
    # And it may have ``asks_for(settings) -> Mapping[str, str]``: the parameters that its settings
    # speak of, each with the setting that does. A flow that does not declare them is refused.

    def validate(self, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        """Check the settings sent with a task and fill in defaults; raises InvalidSetting.

        ``by_hand`` is true for a person's submission, false for schedules and web hooks.
        """

    def refuses(self, verb: str, settings: Mapping[str, Any]) -> str | None:
        """Why ``verb`` (pause, instruct, end_input) can never work: a code of ``messages``."""

    def run(self, work: Work, console: Console) -> Result:
        """Do the task. Return a Result, raise AgentFailed, or raise anything: that is a failure."""
