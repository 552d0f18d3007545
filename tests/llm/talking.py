"""An llm run against a pretended model: its equipment, and a ledger that remembers everything."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.agents.recording import RecordingConsole, Run, TaskWork
from webapp.agents.llm import LlmAgent
from webapp.agents.protocol import AgentFailed, Equipment, Limits, Spent, Toolkit, ToolServer

AGENT = LlmAgent(Limits(stop_grace_s=2.0, environment={"PATH": os.environ["PATH"]}))
KEY = "sk-secret-1234567890"


@dataclass
class RecordingLedger:
    """Remembers what was said and spent; ``allowed`` says how many requests a budget allows."""

    kept: dict[int, Any] = field(default_factory=dict)
    spent: list[Spent] = field(default_factory=list)
    allowed: int | None = None

    def check(self) -> None:
        if self.allowed is not None and len(self.spent) >= self.allowed:
            raise AgentFailed("day_budget_requests", limit=self.allowed)

    def keep(self, messages: Mapping[int, Any], spent: Spent | None = None) -> None:
        self.kept |= messages
        if spent is not None:
            self.spent.append(spent)

    def settle(self) -> None:
        pass

    @property
    def memory(self) -> list[Any]:
        return [self.kept[number] for number in sorted(self.kept)]


@dataclass
class Talk:
    """What a run is given, and what came of it."""

    workspace: Path
    profile: dict[str, Any]
    ledger: RecordingLedger = field(default_factory=RecordingLedger)
    console: RecordingConsole = field(default_factory=RecordingConsole)
    task_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    agent: LlmAgent = AGENT

    def start(
        self,
        text: str = "Do it.",
        *,
        servers: Sequence[ToolServer] = (),
        memory: Sequence[Any] = (),
        toolkits: Sequence[Toolkit] = (),
        **settings: Any,
    ) -> Run:
        """Begin a run in a thread of its own."""
        checked = self.agent.validate(settings, by_hand=True)
        equipment = Equipment(self.profile, self.ledger, servers, memory, toolkits)
        work = TaskWork(text, self.workspace, checked, self.task_id, equipment=equipment)
        return Run(self.agent, work, self.console)

    def results(self, code: str = "llm_result") -> list[str]:
        """What tools gave back, as the log tells it."""
        return [params["result"] for said, params in self.console.said if said == code]


def profile(url: str, **more: Any) -> dict[str, Any]:
    """A profile of a server that speaks OpenAI's protocol, as a run is given it."""
    return {
        "profile_name": "tiny",
        "provider": "openai_compatible",
        "model": "tiny-1",
        "base_url": url,
        "api_key": KEY,
        "request_timeout_s": 30.0,
        **more,
    }
