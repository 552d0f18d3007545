"""The tools of servers as a model is offered them: named, chosen, bounded, and gone with them."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic_ai import ModelRetry, RunContext
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset

from webapp.agents.llm.servers import Server, said
from webapp.agents.llm.texts import MOST_FOR_MODEL, bounded, cut, storable
from webapp.agents.protocol import AgentFailed, Console

TRIES = 2
"""How often a tool is called that does no more when it is called again."""
REST_S = 0.5
CONNECTION_CLOSED = -32000
"""How the protocol's errors say that nobody is there any more."""
LONGEST_NAME = 64
MOST_TOOLS = 128
"""Of one server; providers take little more in all, and each is told with every request."""


class Names:
    """Names that every provider takes, each given once in a run."""

    def __init__(self, taken: set[str]) -> None:
        self._owners = dict.fromkeys(taken, "")

    def of(self, server: str, tool: str) -> str:
        """A name for a server's tool, the same each time; without a server it is the tool's own."""
        owner = f"{server}\0{tool}"
        together = f"{server}_{tool}" if server else tool
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", together)
        name = plain[:LONGEST_NAME]
        if plain != together or name != plain or self._owners.get(name, owner) != owner:
            digest = hashlib.sha256(owner.encode("utf-8", "replace")).hexdigest()[:6]
            name = f"{plain[: LONGEST_NAME - 7]}_{digest}"
        self._owners[name] = owner
        return name


class Watched(WrapperToolset[Any]):
    """A server's tools. The server is named where it is lost, and the task goes on or fails."""

    def __init__(self, server: Server, console: Console, names: Names) -> None:
        super().__init__(server.toolset)
        self._server, self._console, self._names = server, console, names
        self._originals: dict[str, str] = {}
        self._lost = False

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        if self._lost:
            return {}
        try:
            async with asyncio.timeout(self._server.wanted.call_timeout_s):
                found = await super().get_tools(ctx)
        except TimeoutError:
            self._lose(f"it did not answer within {self._server.wanted.call_timeout_s:g} s")
            return {}
        except Exception as error:  # noqa: BLE001 - a server may do anything, and it is told
            self._lose(said(error))
            return {}
        return self._offered(found)

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        original = self._originals[name]
        own = replace(tool, tool_def=replace(tool.tool_def, name=original))
        limit = self._server.wanted.call_timeout_s
        for left in reversed(range(TRIES if _repeatable(tool) else 1)):
            try:
                async with asyncio.timeout(limit):
                    called = super().call_tool(
                        original, tool_args, replace(ctx, tool_name=original), own
                    )
                    return bounded(await called)
            except ModelRetry as error:
                if getattr(error.__cause__, "code", None) == CONNECTION_CLOSED:
                    raise self._lost_in_call(str(error)) from error
                raise ModelRetry(cut(storable(str(error)), MOST_FOR_MODEL)) from error
            except ToolFailed as error:
                raise ToolFailed(cut(storable(str(error)), MOST_FOR_MODEL)) from error
            except TimeoutError:
                if not left:
                    raise ToolFailed(f"it did not answer within {limit:g} s") from None
            except Exception as error:
                if not left:
                    raise self._lost_in_call(said(error)) from error
            await asyncio.sleep(REST_S)
        raise AssertionError("the last try returns or raises")

    def _offered(self, found: dict[str, ToolsetTool[Any]]) -> dict[str, ToolsetTool[Any]]:
        chosen = self._server.wanted.tools or {}
        offered: dict[str, ToolsetTool[Any]] = {}
        for original, tool in list(found.items()):
            if not chosen.get(original, True) or len(offered) >= MOST_TOOLS:
                continue
            server = self._server.wanted.name if self._server.wanted.prefixed else ""
            name = self._names.of(server, original)
            self._originals[name] = original
            offered[name] = replace(tool, toolset=self, tool_def=replace(tool.tool_def, name=name))
        return offered

    def _lost_in_call(self, why: str) -> ToolFailed:
        return ToolFailed(f"the server of this tool is gone: {self._lose(why)}")

    def _lose(self, why: str) -> str:
        """The server is gone, and its tools go, too; raises AgentFailed where it is required."""
        self._lost = True
        name, words = self._server.wanted.name, self._server.words(why)
        if self._server.wanted.required:
            raise AgentFailed("llm_server_lost_needed", server=name, why=words)
        self._console.say("llm_server_lost", server=name, why=words)
        return words


def _repeatable(tool: ToolsetTool[Any]) -> bool:
    return changes_nothing(tool) or bool(_hints(tool).get("idempotentHint"))


def changes_nothing(tool: ToolsetTool[Any]) -> bool:
    """Whether its server says that it only reads."""
    return bool(_hints(tool).get("readOnlyHint"))


def _hints(tool: ToolsetTool[Any]) -> Mapping[str, Any]:
    return (tool.tool_def.metadata or {}).get("annotations") or {}
