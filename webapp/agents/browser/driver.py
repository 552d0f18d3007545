"""How a browser is driven: Microsoft's MCP server of Playwright, with the system's Chromium.

Flags and tools: https://github.com/microsoft/playwright-mcp
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from webapp.agents.protocol import AgentFailed, ToolServer

NAME = "browser"
PACKAGE = "@playwright/mcp@0.0.83"
DRIVERS = ("playwright-mcp", "mcp-server-playwright")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
STARTUP_S = 120.0
"""Longer than for others: npx fetches the package the first time."""
CALL_S = 90.0
"""Longer than a page may take to load (60 s)."""
NOT_OFFERED = ("browser_run_code_unsafe", "browser_file_upload", "browser_drop")
"""They run code outside of the page, or hand files of this machine to a site."""
PICTURE = "browser_take_screenshot"


def driver(environment: Mapping[str, str], output: str) -> ToolServer:
    """The server of tools that drives a browser of its own; ``output`` is in the workspace.

    Raises AgentFailed where this machine has no browser, or nothing to drive it.
    """
    path = environment.get("PATH")
    found = (shutil.which(name, path=path) for name in CHROMIUMS)
    chromium = next(filter(None, found), None)
    if chromium is None:
        raise AgentFailed("browser_no_chromium", for_good=True)
    command, *args = _program(path)
    params = {
        "command": command,
        "args": [
            *args,
            *("--headless", "--isolated", "--executable-path", chromium),
            *("--output-dir", output, "--codegen", "none", "--viewport-size", "1280x800"),
            # Chromium's own walls need a user that is not root.
            *(["--no-sandbox"] if os.geteuid() == 0 else ["--sandbox"]),
        ],
    }
    return ToolServer(
        NAME,
        params,
        tools=dict.fromkeys(NOT_OFFERED, False),
        startup_timeout_s=STARTUP_S,
        call_timeout_s=CALL_S,
        required=True,
        prefixed=False,
    )


def _program(path: str | None) -> list[str]:
    for name in DRIVERS:
        if (found := shutil.which(name, path=path)) is not None:
            return [found]
    if (npx := shutil.which("npx", path=path)) is None:
        raise AgentFailed("browser_no_driver", for_good=True)
    return [npx, "--yes", PACKAGE]
