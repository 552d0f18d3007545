"""Real MCP servers for tests: two from npm, as ``make test`` installs them, and one of our own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.processes.server import ROOT, free_port
from tests.waiting import until

PACKAGES = ROOT / ".venv" / "node" / "node_modules" / "@modelcontextprotocol"
DRIVERS = PACKAGES.parent / ".bin"
"""Where the program is that drives a browser for a model."""
TOOLBOX = ROOT / "tests" / "llm" / "toolbox.py"

Params = dict[str, Any]
"""What ``mcpServers`` holds for one server."""


def filesystem(*directories: Path) -> Params:
    """The official server of files, confined to these directories."""
    return _node("server-filesystem", *(str(path) for path in directories))


def everything() -> Params:
    """The official server that has a tool for every corner of the protocol."""
    return _node("server-everything", "stdio")


def toolbox(mode: str = "stdio", **env: str) -> Params:
    """Our own: see ``tests/llm/toolbox.py`` for its tools and its modes."""
    return {"command": sys.executable, "args": [str(TOOLBOX), mode], "env": env}


@contextmanager
def everything_over_http() -> Iterator[Params]:
    """The official server over streamable HTTP, on a port of its own."""
    port = free_port()
    with _listening(_node("server-everything", "streamableHttp"), port, PORT=str(port)) as params:
        yield params


@contextmanager
def toolbox_over_http() -> Iterator[Params]:
    """Our own over streamable HTTP, on a port of its own."""
    port = free_port()
    params = toolbox("http")
    params["args"].append(str(port))
    with _listening(params, port) as listening:
        yield listening


def _node(package: str, *args: str) -> Params:
    program = PACKAGES / package / "dist" / "index.js"
    if not program.is_file():
        raise FileNotFoundError(f"{package} is not installed: make .venv/node.stamp")
    return {"command": "node", "args": [str(program), *args]}


@contextmanager
def _listening(params: Params, port: int, **env: str) -> Iterator[Params]:
    process = subprocess.Popen(
        [params["command"], *params["args"]],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            until(lambda: process.poll() is not None or _answers(port))
            assert process.poll() is None, f"{params['args']} ended with {process.returncode}"
            yield {"url": f"http://127.0.0.1:{port}/mcp"}
        finally:
            process.kill()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
