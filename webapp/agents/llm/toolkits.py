"""The tools of toolkits as a model is offered them: chosen, named, bounded, told when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from pydantic_ai import ModelRetry, Tool
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset

from webapp.agents.llm.composio import REST_S, TRIES, Composio, Failed
from webapp.agents.llm.texts import MOST_FOR_MODEL, bounded, cut, storable
from webapp.agents.llm.toolsets import MOST_TOOLS, Names
from webapp.agents.protocol import Console, Toolkit

NO_PARAMETERS = {"type": "object", "properties": {}}
REPEATABLE = {"readOnlyHint", "idempotentHint"}
MOST_DESCRIPTION = 4_000
Gate = Callable[[], Awaitable[None]]


async def open_toolkits(
    kits: Sequence[Toolkit], stack: AsyncExitStack, console: Console, names: Names, gate: Gate
) -> list[AbstractToolset[Any]]:
    """Ask for the tools of each. One that cannot be used is told of, and the task goes on."""
    opened: list[AbstractToolset[Any]] = []
    for kit in kits:
        await gate()
        service = await stack.enter_async_context(Composio(kit.url, kit.key))
        try:
            account = await _account(kit, service)
            tools = [] if kit.needs_account and account is None else await service.tools(kit.slug)
        except Failed as error:
            console.say("llm_toolkit_failed", toolkit=kit.name, why=storable(str(error)))
            continue
        if kit.needs_account and account is None:
            console.say("llm_toolkit_unconnected", toolkit=kit.name)
            continue
        chosen = [tool for tool in tools if kit.tools.get(str(tool.get("slug")), True)]
        code = "llm_toolkit" if len(chosen) <= MOST_TOOLS else "llm_toolkit_large"
        console.say(code, toolkit=kit.name, tools=len(chosen), most=MOST_TOOLS)
        toolset: FunctionToolset[Any] = FunctionToolset(id=f"composio-{kit.slug}")
        for tool in chosen[:MOST_TOOLS]:
            toolset.add_tool(_offered(tool, _Caller(kit, service, account, tool), names))
        opened.append(toolset)
    return opened


class _Caller:
    """Calls one tool in the version whose parameters the model was told."""

    def __init__(
        self, kit: Toolkit, service: Composio, account: str | None, tool: dict[str, Any]
    ) -> None:
        self._kit, self._service, self._account = kit, service, account
        self._slug, self._version = str(tool["slug"]), str(tool.get("version") or "latest")
        self._repeatable = bool(REPEATABLE.intersection(map(str, tool.get("tags") or ())))

    async def call(self, arguments: dict[str, Any]) -> Any:
        """What it gives; raises ModelRetry or ToolFailed with the service's words."""
        try:
            answer = await self._answer(arguments)
        except Failed as error:
            raise ToolFailed(cut(storable(str(error)), MOST_FOR_MODEL)) from None
        if not answer.get("successful", False):
            said = answer.get("error") or answer.get("data") or "it failed, and did not say why"
            raise ModelRetry(cut(storable(self._service.words(str(said))), MOST_FOR_MODEL))
        return bounded(answer.get("data"))

    async def _answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        for left in reversed(range(TRIES if self._repeatable else 1)):
            try:
                return await self._service.execute(
                    self._slug,
                    arguments,
                    version=self._version,
                    account=self._account,
                    patience_s=self._kit.call_timeout_s,
                )
            except Failed as error:
                if not left or not error.passing:
                    raise
            await asyncio.sleep(REST_S)
        raise AssertionError("the last try returns or raises")


def _offered(tool: dict[str, Any], caller: _Caller, names: Names) -> Tool[Any]:
    async def call(**arguments: Any) -> Any:
        return await caller.call(arguments)

    schema = tool.get("input_parameters")
    usable = isinstance(schema, dict) and schema.get("type") == "object"
    return Tool.from_schema(
        call,
        name=names.of("", str(tool["slug"])),
        description=cut(storable(str(tool.get("description") or "")), MOST_DESCRIPTION),
        json_schema=schema if usable and schema else dict(NO_PARAMETERS),
    )


async def _account(kit: Toolkit, service: Composio) -> str | None:
    """The account its tools are called with: as it was known, or as it stands by now."""
    if not kit.needs_account or kit.account is not None:
        return kit.account
    status, account = (await service.accounts(kit.slug)).get(kit.slug, ("", ""))
    return account if status == "ACTIVE" else None
