"""The servers of tools answer through pydantic-ai, and ours misbehaves as it says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError
from pydantic_ai.mcp import MCPToolset

from tests.llm import mcp_servers
from tests.llm.mcp_servers import Params
from tests.llm.toolbox import COMPLAINT
from tests.looping import carried_out
from tests.waiting import until

STARTS_S = 30.0


def toolset(params: Params, log: Path | None = None, **how: Any) -> MCPToolset:
    """A toolset as the agent makes one from a row of the database."""
    given = {"init_timeout": STARTS_S, "tool_error_behavior": "error", **how}
    if "url" in params:
        return MCPToolset(params["url"], headers=params.get("headers"), **given)
    transport = StdioTransport(
        params["command"],
        params["args"],
        env=params.get("env"),
        keep_alive=False,
        log_file=log or Path(os.devnull),
    )
    return MCPToolset(transport, **given)


def names(params: Params) -> set[str]:
    """The tools of a server."""

    async def ask() -> set[str]:
        async with toolset(params) as tools:
            return {tool.name for tool in await tools.list_tools()}

    return carried_out(ask())


def use(params: Params, does: Callable[[MCPToolset], Awaitable[Any]], **how: Any) -> Any:
    """What comes of doing something with a server."""

    async def go() -> Any:
        async with toolset(params, **how) as tools:
            return await does(tools)

    return carried_out(go())


def ask(params: Params, tool: str, **args: Any) -> Any:
    """What one call of a tool brings."""
    return use(params, lambda tools: tools.direct_call_tool(tool, args))


@pytest.mark.parametrize("mode", ["hang", "stubborn"])
def test_a_server_that_never_answers_is_given_up_and_ended(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "pid"
    params = mcp_servers.toolbox(mode, TOOLBOX_PID_FILE=str(file))

    with pytest.raises(Exception, match=r"(?i)time|connect|initialize"):
        use(params, lambda tools: tools.list_tools(), init_timeout=2)

    assert not psutil.pid_exists(int(file.read_text()))


def test_a_server_that_refuses_to_start_says_why_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"

    with pytest.raises(Exception, match=r"(?i)clos|connect|initialize"):
        use(mcp_servers.toolbox("refuse"), lambda tools: tools.list_tools(), log=log)

    assert COMPLAINT in log.read_text()


def test_a_server_that_crashes_fails_the_call() -> None:
    with pytest.raises(Exception, match=r"(?i)clos|disconnect|connection"):
        ask(mcp_servers.toolbox(), "crash")


def test_a_tool_that_fails_says_so() -> None:
    with pytest.raises(ToolError, match="no such lake"):
        ask(mcp_servers.toolbox(), "fail", message="no such lake")


def test_the_toolbox_does_what_its_tools_say(tmp_path: Path) -> None:
    params = mcp_servers.toolbox(SECRET="hidden")

    assert ask(params, "echo", text="hello") == "hello"
    assert ask(params, "env", name="SECRET") == "hidden"
    assert ask(params, "big", characters=100_000) == "x" * 100_000
    child = psutil.Process(int(ask(params, "child")))
    assert child.is_running()  # though its server is gone
    child.kill()


def test_a_slow_tool_waits_for_its_file(tmp_path: Path) -> None:
    file = tmp_path / "release"

    async def release(tools: MCPToolset) -> Any:
        going = asyncio.create_task(tools.direct_call_tool("slow", {"until": str(file)}))
        await asyncio.to_thread(until, (tmp_path / "release.begun").exists)
        assert not going.done()
        file.write_text("released")
        return await going

    assert use(mcp_servers.toolbox(), release) == "released"


def test_the_toolbox_answers_over_http_and_sees_the_headers() -> None:
    with mcp_servers.toolbox_over_http() as params:
        told = {**params, "headers": {"X-Tests": "seen"}}

        assert ask(told, "header", name="x-tests") == "seen"


def test_the_official_server_of_files_reads_what_it_may_and_nothing_else(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "note.txt").write_text("found")
    (tmp_path / "outside.txt").write_text("hidden")
    params = mcp_servers.filesystem(inside)

    with pytest.raises(ToolError, match=r"(?i)denied"):
        ask(params, "read_text_file", path=str(tmp_path / "outside.txt"))

    assert {"read_text_file", "write_file", "list_directory"} <= names(params)
    assert "found" in str(ask(params, "read_text_file", path=str(inside / "note.txt")))


def test_the_official_server_of_everything_answers_over_both_transports() -> None:
    assert "echo" in names(mcp_servers.everything())
    with mcp_servers.everything_over_http() as params:
        assert "echo" in names(params)
        assert "hello" in str(ask(params, "echo", message="hello"))
