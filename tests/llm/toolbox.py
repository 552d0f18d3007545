"""A small MCP server whose tools do what servers do at their worst.

``python tests/llm/toolbox.py [MODE]``: without a mode it serves over standard input and output;
``http PORT`` serves streamable HTTP; ``hang`` starts and never answers; ``stubborn`` does so and
takes no SIGTERM; ``refuse`` says why it cannot start, with all that it knows, and ends; ``parent``
serves, and starts a process that outlives it. It writes its process id into the file that
TOOLBOX_PID_FILE names, if there is one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

LOOK_S = 0.02
COMPLAINT = "toolbox: there is no licence file"

server = MCPServer("toolbox", log_level="ERROR")


@server.tool()
def echo(text: str) -> str:
    """Say the same again."""
    return text


@server.tool()
async def slow(until: str) -> str:
    """Wait until a file of that name is there, and give what is in it.

    A file beside it, ending in ``.begun``, says that the wait began.
    """
    file = Path(until)
    Path(f"{until}.begun").touch()
    while not file.exists():
        await asyncio.sleep(LOOK_S)
    return file.read_text("utf-8")


@server.tool()
def fail(message: str) -> str:
    """Fail, and say so."""
    raise ToolError(message)


@server.tool()
def crash() -> str:
    """End the server in the middle of the call."""
    os._exit(3)


@server.tool()
def env(name: str) -> str:
    """Give the value of a variable of the environment."""
    return os.environ.get(name, "")


@server.tool()
def big(characters: int) -> str:
    """Give that many characters."""
    return "x" * characters


@server.tool()
def child() -> int:
    """Start a process that outlives the server unless somebody ends it; gives its id."""
    return subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL).pid


@server.tool()
def header(name: str, context: Context[Any, Any]) -> str:
    """Give a header of the request that asks, over HTTP."""
    return (context.headers or {}).get(name, "")


def main(mode: str = "stdio", port: str = "0") -> None:
    """Do as the mode says."""
    if file := os.environ.get("TOOLBOX_PID_FILE"):
        Path(file).write_text(str(os.getpid()), "utf-8")
    if mode == "refuse":
        sys.exit(f"{COMPLAINT} for the key {os.environ.get('TOOLBOX_KEY')!r}")
    if mode == "parent":
        child()
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode in {"hang", "stubborn"}:
        while True:
            signal.pause()
    if mode == "http":
        server.run("streamable-http", host="127.0.0.1", port=int(port))
    else:
        server.run("stdio")


if __name__ == "__main__":
    main(*sys.argv[1:])
