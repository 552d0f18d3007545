"""The test of an MCP server: it is started, asked for its tools, and ended."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.llm.mcp_servers import toolbox, toolbox_over_http
from webapp.agents.process_table import TABLE
from webapp.agents.processes import find_marked

SERVERS = "/api/config/mcp-profiles"
SECRET = "hunter2-swordfish-x4Qz"
COMPLAINS = f"import sys; sys.exit('no good: {SECRET}')"


@pytest.fixture
def test(api: FlaskClient) -> Any:
    """What is answered to the test of a server."""

    def answered(params: dict[str, Any], **fields: Any) -> dict[str, Any]:
        names = {"display_name": "Files", "mcp_server_name": "files"}
        made = api.post(SERVERS, json={**names, "mcp_server_params": params, **fields})
        assert made.status_code == 200, made.get_json()
        return dict(api.post(f"{SERVERS}/{made.get_json()['mcp_id']}/test").get_json())

    return answered


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"command": "no-such-program-here"}, "no-such-program-here"),
        ({"command": sys.executable, "args": ["-c", COMPLAINS]}, "no good"),
        ({"url": "http://127.0.0.1:9/mcp"}, "connection"),
    ],
)
def test_a_server_that_does_not_start_is_said_so_without_its_secrets(
    test: Any, params: dict[str, Any], said: str
) -> None:
    if "command" in params:
        params = {**params, "env": {"TOKEN": SECRET}}

    told = test(params)

    assert (told["success"], told["tools"]) == (False, [])
    assert said in told["message"].lower(), told
    assert SECRET not in str(told)


def test_a_server_that_hangs_is_not_waited_for_longer_than_it_may_take(test: Any) -> None:
    hangs = {"command": sys.executable, "args": ["-c", "import time; time.sleep(600)"]}

    told = test(hangs, startup_timeout_s=0.5)

    assert told["success"] is False
    assert "within 0.5 s" in told["message"]
    assert told["latency_ms"] >= 500


def test_a_server_that_starts_shows_its_tools_and_is_gone_afterwards(test: Any) -> None:
    mark = f"LINEUP_TEST_{os.getpid()}"

    told = test(toolbox(MARK=mark))

    assert told["success"] is True, told
    assert all(tool["name"] and tool["input_schema"] for tool in told["tools"])
    assert str(len(told["tools"])) in told["message"]
    assert find_marked(TABLE, f"MARK={mark}") == []


def test_a_server_over_http_is_reached(test: Any) -> None:
    with toolbox_over_http() as params:
        assert test(params)["success"] is True
