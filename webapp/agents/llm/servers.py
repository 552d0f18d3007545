"""Servers of tools (MCP): started or called for one run, watched over, and ended with it."""

from __future__ import annotations

import asyncio
import re
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import IO, Any

from fastmcp.client.transports import StdioTransport
from pydantic_ai import ModelRetry, RunContext
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset

from webapp.agents.hiding import Hiding
from webapp.agents.llm.results import bounded
from webapp.agents.processes import RUN_MARK, Scope
from webapp.agents.protocol import AgentFailed, Console, ToolServer

SAID_LAST = 500
"""Characters of what a server printed that are told when it fails."""
TRIES = 2
"""How often a tool is called that does no more when it is called again."""
REST_S = 0.5
MARGIN_S = 5.0
"""The library's own patience ends after ours, which says what it waited for."""
CONNECTION_CLOSED = -32000
"""How the protocol's errors say that nobody is there any more."""


class CannotStart(Exception):
    """A server is not there; the text says why, without secrets."""


@dataclass(frozen=True)
class Place:
    """Where servers are started, and with which variables besides their own."""

    directory: str
    environment: Mapping[str, str]


class Server:
    """One server while it is there: connected, asked for its tools, and closed."""

    def __init__(self, server: ToolServer, place: Place) -> None:
        self.server = server
        self._log: IO[str] | None = None
        self._place = place
        self.toolset = self._made()

    async def open(self, stack: AsyncExitStack) -> list[dict[str, Any]]:
        """Connect; returns its tools: ``name, description, input_schema``. Raises CannotStart."""
        try:
            async with asyncio.timeout(self.server.startup_timeout_s):
                await stack.enter_async_context(self.toolset)
                found = await self.toolset.list_tools()
        except TimeoutError:
            limit = f"{self.server.startup_timeout_s:g}"
            raise CannotStart(self.words(f"it did not answer within {limit} s")) from None
        except Exception as error:
            raise CannotStart(self.words(_said(error))) from error
        return [
            {
                "name": tool.name,
                "description": tool.description or "",
                "input_schema": tool.input_schema,
            }
            for tool in found
        ]

    def words(self, why: str) -> str:
        """Why it failed, with the last of what it printed; nothing secret is in it."""
        printed = ""
        if self._log is not None:
            self._log.flush()
            self._log.seek(0)
            printed = self._log.read()[-SAID_LAST:].strip()
        text = f"{why}; it printed: {printed}" if printed else why
        return Hiding(secrets_of(self.server.params)).text(text)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    def _made(self) -> MCPToolset[Any]:
        params, server = self.server.params, self.server
        options: dict[str, Any] = {
            "id": server.name,
            "init_timeout": server.startup_timeout_s,
            "read_timeout": server.call_timeout_s + MARGIN_S,
            "tool_error_behavior": "retry",
        }
        if "url" in params:
            headers = dict(params.get("headers") or {})
            return MCPToolset(params["url"], headers=headers, **options)
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - close()
        transport = StdioTransport(
            params["command"],
            list(params.get("args") or ()),
            env={**self._place.environment, **(params.get("env") or {})},
            cwd=params.get("cwd") or self._place.directory,
            keep_alive=False,
            log_file=self._log,
        )
        return MCPToolset(transport, **options)


class Watched(WrapperToolset[Any]):
    """A server's tools: chosen, bounded in time and size, and gone once their server is."""

    def __init__(self, server: Server, console: Console) -> None:
        super().__init__(server.toolset)
        self._server, self._console = server, console
        self.lost = False

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        if self.lost:
            return {}
        chosen = self._server.server.tools or {}
        found = await super().get_tools(ctx)
        return {name: tool for name, tool in found.items() if chosen.get(name, True)}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        limit = self._server.server.call_timeout_s
        tries = TRIES if _repeatable(tool) else 1
        for left in reversed(range(tries)):
            try:
                async with asyncio.timeout(limit):
                    return bounded(await super().call_tool(name, tool_args, ctx, tool))
            except ModelRetry as error:
                if getattr(error.__cause__, "code", None) != CONNECTION_CLOSED:
                    raise
                raise self._lose(str(error)) from error
            except ToolFailed:
                raise
            except TimeoutError:
                if not left:
                    raise ToolFailed(f"it did not answer within {limit:g} s") from None
            except Exception as error:
                if not left:
                    raise self._lose(_said(error)) from error
            await asyncio.sleep(REST_S)
        raise AssertionError("the last try returns or raises")

    def _lose(self, why: str) -> Exception:
        """The server is gone: its tools go, too, or the task fails, as its setting says."""
        self.lost = True
        name, words = self._server.server.name, self._server.words(why)
        if self._server.server.required:
            return AgentFailed("llm_server_lost_needed", server=name, why=words)
        self._console.say("llm_server_lost", server=name, why=words)
        return ToolFailed(f"the server of this tool is gone: {words}")


def named(server: Server, console: Console) -> AbstractToolset[Any]:
    """A server's tools as a model is offered them: with the server's name before theirs."""
    prefix = re.sub(r"[^A-Za-z0-9_-]", "_", server.server.name)
    return Watched(server, console).prefixed(prefix)


async def _probe(server: ToolServer, place: Place) -> list[dict[str, Any]]:
    one = Server(server, place)
    try:
        async with AsyncExitStack() as stack:
            return await one.open(stack)
    finally:
        one.close()


def probe(
    params: Mapping[str, Any], *, startup_timeout_s: float, place: Place
) -> list[dict[str, Any]]:
    """Start or reach a server, ask for its tools, and leave nothing of it; raises CannotStart."""
    mark = f"probe-{uuid.uuid4().hex}"
    server = ToolServer("test", params, startup_timeout_s=startup_timeout_s)
    try:
        marked = replace(place, environment={**place.environment, RUN_MARK: mark})
        return asyncio.run(_probe(server, marked))
    finally:
        Scope(mark).end(0.0)


def secrets_of(params: Mapping[str, Any]) -> tuple[str, ...]:
    """What of a server's parameters is for nobody's eyes."""
    named = [*(params.get("env") or {}).values(), *(params.get("headers") or {}).values()]
    return tuple(map(str, named))


def _said(error: BaseException) -> str:
    """The words of an error, or those of what is inside of it."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def _repeatable(tool: ToolsetTool[Any]) -> bool:
    hints = (tool.tool_def.metadata or {}).get("annotations") or {}
    return bool(hints.get("readOnlyHint") or hints.get("idempotentHint"))
