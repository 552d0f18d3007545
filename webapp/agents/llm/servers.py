"""Servers of tools (MCP): started or reached for one run, and ended with it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from fastmcp.client.transports import StdioTransport
from pydantic_ai.mcp import MCPToolset

from webapp.agents.hiding import Hiding, secrets_of
from webapp.agents.llm.stderr import LastWords
from webapp.agents.llm.texts import cut, storable
from webapp.agents.processes import RUN_MARK, Scope
from webapp.agents.protocol import ToolServer

SAID_LAST = 500
"""Characters of what a server printed that are told when it fails."""
MOST_WORDS = 1_000
MARGIN_S = 5.0
"""The library's own patience ends after ours, which says what it waited for."""


def _silence() -> None:
    """Have the libraries log nothing: they log what servers say, and servers know secrets."""
    for name in ("fastmcp", "mcp"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)


_silence()


class CannotStart(Exception):
    """A server is not there; the text says why, without secrets."""


@dataclass(frozen=True)
class Place:
    """Where servers are started, and with which variables, which theirs do not change."""

    directory: str
    environment: Mapping[str, str]
    mark: str
    """By which their processes are found."""


class Server:
    """One server while it is there: connected, asked for its tools, and closed."""

    def __init__(self, wanted: ToolServer, place: Place) -> None:
        self.wanted = wanted
        self._hiding = Hiding(secrets_of(wanted.params))
        self._printed: LastWords | None = None
        self._place = place
        self.toolset = self._made()

    async def open(self, stack: AsyncExitStack) -> list[dict[str, Any]]:
        """Connect; returns its tools: ``name, description, input_schema``. Raises CannotStart."""
        try:
            async with asyncio.timeout(self.wanted.startup_timeout_s):
                await stack.enter_async_context(self.toolset)
                found = await self.toolset.list_tools()
        except TimeoutError:
            limit = f"{self.wanted.startup_timeout_s:g}"
            raise CannotStart(self.words(f"it did not answer within {limit} s")) from None
        except Exception as error:
            raise CannotStart(self.words(said(error))) from error
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
        printed = self._printed.text if self._printed is not None else ""
        last = self._hiding.text(storable(printed)).strip()[-SAID_LAST:]
        text = cut(self._hiding.text(storable(why)), MOST_WORDS)
        return f"{text}; it printed: {last}" if last else text

    def close(self) -> None:
        if self._printed is not None:
            self._printed.close()

    def _made(self) -> MCPToolset[Any]:
        params, server = self.wanted.params, self.wanted
        options: dict[str, Any] = {
            "id": server.name,
            "init_timeout": server.startup_timeout_s,
            "read_timeout": server.call_timeout_s + MARGIN_S,
            "tool_error_behavior": "retry",
            "log_handler": _drop,
        }
        if "url" in params:
            headers = dict(params.get("headers") or {})
            return MCPToolset(params["url"], headers=headers, **options)
        self._printed = LastWords()
        own = params.get("env") or {}
        transport = StdioTransport(
            params["command"],
            list(params.get("args") or ()),
            env={**self._place.environment, **own, RUN_MARK: self._place.mark},
            cwd=params.get("cwd") or self._place.directory,
            keep_alive=False,
            log_file=self._printed.file,  # type: ignore[arg-type]  # any file will do
        )
        return MCPToolset(transport, **options)


async def _probe(server: ToolServer, place: Place) -> list[dict[str, Any]]:
    one = Server(server, place)
    try:
        async with AsyncExitStack() as stack:
            return await one.open(stack)
    finally:
        one.close()


def probe(
    params: Mapping[str, Any],
    *,
    startup_timeout_s: float,
    directory: str,
    environment: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Start or reach a server, ask for its tools, and leave nothing of it; raises CannotStart."""
    mark = f"probe-{uuid.uuid4().hex}"
    server = ToolServer("test", params, startup_timeout_s=startup_timeout_s)
    try:
        return asyncio.run(_probe(server, Place(directory, environment, mark)))
    finally:
        Scope(mark).end(0.0)


def said(error: BaseException) -> str:
    """The words of an error, or those of what is inside of it."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return str(error) or type(error).__name__


async def _drop(_message: Any) -> None:
    """What a server logs is for nobody here: it may hold secrets, and it may be a flood."""
