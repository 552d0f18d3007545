"""One run of a conversation: opened, taken step by step, told as it goes, and closed."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from pydantic_ai import Agent, ModelRetry
from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.messages import ModelMessage
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset
from pydantic_ai.usage import RequestUsage, UsageLimits
from pydantic_graph import End

from webapp.agents.hiding import Hiding, secrets_of
from webapp.agents.llm import failures, memory, models, prices
from webapp.agents.llm.controls import LlmControls
from webapp.agents.llm.failures import Unusable
from webapp.agents.llm.patience import PatientModel, Terms
from webapp.agents.llm.prompts import instructions, prompt
from webapp.agents.llm.servers import CannotStart, Place, Server
from webapp.agents.llm.settings import LlmSettings
from webapp.agents.llm.telling import Telling
from webapp.agents.llm.texts import MOST_RESULT, bounded, cut, storable
from webapp.agents.llm.toolsets import MOST_TOOLS, Names, Watched
from webapp.agents.llm.workspace import NotPossible, Workspace
from webapp.agents.processes import run_mark
from webapp.agents.protocol import (
    AgentFailed,
    Console,
    Equipment,
    Limits,
    Result,
    ToolServer,
    TryLater,
    Work,
)

TOOL_TRIES = 3
"""How often in a row a tool may be called wrongly, or fail, before the task does."""
UNUSABLE_TRIES = 2
FILE_TOOL_S = 30.0
OWN_TOOLS = ("list_files", "read_file", "write_file", "search_files")
MOST_REFUSAL = 1_000
AWAY_S = 1.0
AWAY_TRIES = 10
"""How often, and after how long, a database that is away is looked for."""
TOOL_NAME = re.compile(r"^Tool '([^']+)' exceeded max retries")


class LlmRun:
    """Carries out one task. The conversation has a loop of its own, which a stop cancels."""

    about: str | None = None
    """What the model is told of its tools besides what they say themselves."""

    def __init__(self, work: Work, console: Console, settings: LlmSettings, limits: Limits) -> None:
        if work.equipment is None:
            raise AgentFailed("llm_no_equipment")
        self._work, self._console, self._settings, self._limits = work, console, settings, limits
        self._equipment: Equipment = work.equipment
        self._profile = self._equipment.profile
        mark = run_mark(work.task_id, work.attempt)
        self._place = Place(str(work.workspace_dir), limits.environment, mark)
        self._controls = LlmControls(console, mark)
        self._kept = memory.Keeper()
        self._secrets = self._all_secrets()
        self._hiding = Hiding(self._secrets)
        self._telling = Telling(console, self._hiding)
        self._step = 0

    def carry_out(self) -> Result:
        self._console.steer(self._controls)
        try:
            return self._controls.carry_out(self._converse()) or Result()
        except Unusable as error:
            raise AgentFailed(error.code, **error.params) from error
        except UnexpectedModelBehavior as error:
            raise self._misbehaved(error) from error
        finally:
            self._controls.close(self._limits.stop_grace_s)
            self._settle()

    async def _converse(self) -> Result:
        await self._controls.gate()
        async with AsyncExitStack() as stack:
            own = self._own_tools()
            names = Names(set(OWN_TOOLS))
            toolsets = [*own, *await self._open_servers(stack, names)]
            toolsets += await self._open_toolkits(stack, names)
            stack.callback(self._controls.remember)  # before they are closed
            agent: Agent[None, str] = Agent(
                self._asking(),
                instructions=instructions(self._settings, self.about),
                toolsets=toolsets,
                retries={"tools": TOOL_TRIES, "output": UNUSABLE_TRIES},
                model_settings=models.settings(self._profile, self._settings.agent_mode),
            )
            history = self._history()
            talk = agent.iter(
                prompt(self._work),
                message_history=history,
                usage_limits=UsageLimits(request_limit=None),
            )
            self._begin()
            async with agent, talk as run:
                self._controls.join(run)
                return await self._walk(run)
        raise AssertionError("the conversation returns or raises")

    async def _walk(self, run: Any) -> Result:
        """Node by node: a request to the model, or the calls of tools that it asked for."""
        node = run.next_node
        while not isinstance(node, End):
            await self._controls.gate()
            if Agent.is_model_request_node(node):
                node = await self._ask(run, node)
            elif Agent.is_call_tools_node(node):
                node = await self._call_tools(run, node)
            else:
                node = await run.next(node)
        self._keep(run.new_messages())
        output = self._hiding.text(storable(str(node.data.output)))
        return Result(cut(output, MOST_RESULT))

    async def _ask(self, run: Any, node: Any) -> Any:
        await self._allowed()
        self._step += 1
        self._console.progress(step=self._step, message=str(self._profile["model"]))
        self._keep([*run.new_messages(), node.request])
        began = time.monotonic()
        following = await run.next(node)
        step = f"step {self._step}"
        self._controls.heard(step)
        response = run.new_messages()[-1]
        if getattr(response, "kind", "") == "response":
            spent = prices.spent(self._profile, response.usage)
            self._telling.turn(response, self._step, spent, time.monotonic() - began)
            self._keep(run.new_messages(), spent)
        return following

    async def _allowed(self) -> None:
        """Raise AgentFailed where a budget allows no request; wait while nobody can tell."""
        while True:
            try:
                self._equipment.ledger.check()
            except TryLater:
                await self._controls.rest(AWAY_S)
            else:
                return

    def _lost(self, usage: RequestUsage) -> None:
        """Count what was used for an answer that did not come to its end."""
        self._equipment.ledger.keep({}, prices.spent(self._profile, usage))

    def _settle(self) -> None:
        """Have everything stored that was said, if the database comes back within a while."""
        for _ in range(AWAY_TRIES):
            try:
                self._equipment.ledger.settle()
            except TryLater:
                time.sleep(AWAY_S)
            else:
                return

    async def _call_tools(self, run: Any, node: Any) -> Any:
        if calls := node.model_response.tool_calls:
            self._console.progress(step=self._step, message=self._telling.answered(calls))
        async with node.stream(run.ctx) as events:
            async for event in events:
                self._telling.tool(event, self._step)
        return await run.next(node)

    def _begin(self) -> None:
        if self._profile["provider"] == "offline":
            self._console.say("llm_demonstration")
        self._console.say(
            "llm_began", model=self._profile["model"], profile=self._profile["profile_name"]
        )

    async def _open_servers(
        self, stack: AsyncExitStack, names: Names
    ) -> list[AbstractToolset[Any]]:
        opened: list[AbstractToolset[Any]] = []
        for wanted in self._servers():
            await self._controls.gate()
            server = Server(wanted, self._place)
            stack.callback(server.close)
            try:
                tools = await server.open(stack)
            except CannotStart as error:
                if wanted.required:
                    raise AgentFailed(
                        "llm_server_needed", server=wanted.name, why=str(error)
                    ) from None
                self._console.say("llm_server_failed", server=wanted.name, why=str(error))
                continue
            code = "llm_server" if len(tools) <= MOST_TOOLS else "llm_server_large"
            self._console.say(code, server=wanted.name, tools=len(tools), most=MOST_TOOLS)
            opened.append(self._watched(server, names))
        return opened

    def _servers(self) -> Sequence[ToolServer]:
        """The servers of tools that it is given."""
        return self._equipment.servers

    def _watched(self, server: Server, names: Names) -> Watched:
        """The tools of a server that is there."""
        return Watched(server, self._console, names)

    async def _open_toolkits(
        self, stack: AsyncExitStack, names: Names
    ) -> list[AbstractToolset[Any]]:
        if not self._equipment.toolkits:
            return []
        from webapp.agents.llm.toolkits import open_toolkits

        kits, gate = self._equipment.toolkits, self._controls.gate
        return await open_toolkits(kits, stack, self._console, names, gate)

    def _own_tools(self) -> list[AbstractToolset[Any]]:
        if not self._settings.workspace_tools:
            return []
        files = Workspace(self._work.workspace_dir)
        toolset: FunctionToolset[Any] = FunctionToolset(timeout=FILE_TOOL_S)
        for name in OWN_TOOLS:
            toolset.add_function(_refusing(getattr(files, name)), name=name)
        return [toolset]

    def _asking(self) -> PatientModel:
        profile = self._profile
        timeout_s = float(profile.get("request_timeout_s") or 120.0)
        streams = (profile.get("provider_config") or {}).get("stream", True) is not False
        terms = Terms(
            timeout_s=timeout_s,
            streams=streams,
            secrets=self._secrets,
            rest=self._controls.rest,
            allowed=self._allowed,
            lost=self._lost,
        )
        return PatientModel(models.build(profile, http_timeout_s=timeout_s), self._console, terms)

    def _history(self) -> list[ModelMessage]:
        if not self._settings.memory or not self._equipment.memory:
            return []
        told = memory.told_again(self._equipment.memory, self._settings.memory_tokens)
        if told.forgot:
            self._console.say(told.forgot, messages=told.left_out)
        if told.messages:
            self._console.say("llm_remembers", messages=len(told.messages))
        return told.messages

    def _keep(self, messages: Sequence[ModelMessage], spent: Any = None) -> None:
        self._equipment.ledger.keep(self._kept.fresh(messages), spent)

    def _misbehaved(self, error: UnexpectedModelBehavior) -> AgentFailed:
        """A tool that failed too often, or an answer that cannot be used."""
        cause = error.__cause__
        why = self._hiding.text(str(cause or error))
        found = TOOL_NAME.search(error.message)
        if found is not None and cause is not None:
            return AgentFailed("llm_tool_gave_up", tool=found[1], why=why)
        code, params = failures.explained(error, self._secrets)
        return AgentFailed(code, **params)

    def _all_secrets(self) -> tuple[str, ...]:
        key = self._profile.get("api_key")
        of_kits = (one.key for one in self._equipment.toolkits)
        of_servers = (secrets_of(one.params) for one in self._equipment.servers)
        return tuple(
            {*([key] if key else []), *of_kits, *(one for some in of_servers for one in some)}
        )


def _refusing(tool: Any) -> Any:
    """A tool of the workspace whose refusals the model is told, so that it can do better."""

    @functools.wraps(tool)
    def refusing(*args: Any, **kwargs: Any) -> Any:
        try:
            return bounded(tool(*args, **kwargs))
        except (NotPossible, OSError, ValueError, RecursionError) as error:
            raise ModelRetry(cut(storable(str(error)), MOST_REFUSAL)) from None

    return refusing
