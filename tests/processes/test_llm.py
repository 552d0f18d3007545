"""Conversations with a model in a real server: its start, kill -9, shutdown, what stays secret."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.llm import mcp_servers
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say, slow
from tests.processes.server import ROOT, Home, Server, environment
from tests.test_architecture import HEAVY
from tests.waiting import until

KEY = "sk-1234567890-x4Qz"
SECRET = "swordfish-123456"
FIRST_PAGES = ROOT / "tests" / "processes" / "first_pages.py"
PAGES = (
    *("/", "/health", "/tasks", "/flows", "/schedules", "/settings/llm-profiles"),
    *("/settings/llm-profiles/new", "/settings/mcp-servers", "/settings/mcp-servers/new"),
    *("/metrics", "/api/tasks", "/api/config/llm-profiles", "/api/config/llm/providers"),
)


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer(say("ok")) as server:
        yield server


def profile(server: Server, model: OpenAIServer) -> None:
    """Make the pretended model the default one."""
    made = server.http.post(
        "/api/config/llm-profiles",
        json={
            "profile_name": "tiny",
            "provider": "openai_compatible",
            "model": "tiny-1",
            "base_url": model.url,
            "api_key": KEY,
        },
    )
    assert made.status_code == 200, made.text


def ask(server: Server, text: str, **fields: Any) -> dict[str, Any]:
    answer = server.http.post(
        "/api/tasks/submit",
        json={"task_description": text, "agent": "llm", "when_busy": "queue", **fields},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.any_database
def test_no_page_waits_for_the_libraries_of_models(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(FIRST_PAGES), str(tmp_path / "data"), *PAGES],
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["statuses"] == dict.fromkeys(PAGES, 200)
    assert HEAVY & set(found["libraries"]) == set()


def test_a_killed_server_loses_a_step_at_most_and_leaves_no_server_of_tools(
    home: Home, model: OpenAIServer
) -> None:
    first = home.server().start()
    profile(first, model)
    box = mcp_servers.toolbox(TOOLBOX_KEY=SECRET)
    sent = ask(first, "I am Ada.", mcp_server_config={"mcpServers": {"box": box}})
    held = slow(say("never heard"))
    model.script(call("box_echo", {"text": "remember this"}), held)
    until(held.begun.is_set, first.said)
    below = psutil.Process(first.pid).children(recursive=True)
    tools = [process for process in below if str(mcp_servers.TOOLBOX) in process.cmdline()]
    assert tools

    first.kill()
    held.release.set()
    with home.server() as second:
        row = home.becomes(sent["task_id"], "failed")
        assert row["error_code"] == "interrupted"
        psutil.wait_procs(tools, 10.0)
        assert [tool for tool in tools if tool.is_running()] == []
        model.script(say("Ada."))
        later = ask(second, "Who am I?", session_id=sent["session_id"])
        assert home.becomes(later["task_id"], "completed")["task_result"] == "Ada."

    told = json.dumps(model.messages())
    assert "I am Ada." in told
    assert "remember this" in told


def test_a_shutdown_ends_a_conversation_and_says_so(home: Home, model: OpenAIServer) -> None:
    with home.server(shutdown_grace_s="0.1", stop_grace_s="1") as server:
        profile(server, model)
        sent = ask(server, "Wait.")
        held = slow(say("late"))
        model.script(held)
        until(held.begun.is_set, server.said)
        server.signal(signal.SIGTERM)
        server.wait()

    assert home.task(sent["task_id"])["error_code"] == "interrupted_by_shutdown"
    until(held.hung_up.is_set)


@pytest.mark.any_database
def test_no_secret_is_in_a_log_a_command_line_or_the_database(
    home: Home, model: OpenAIServer
) -> None:
    with home.server(log_level="debug") as server:
        profile(server, model)
        box = mcp_servers.toolbox(TOOLBOX_KEY=SECRET)
        sent = ask(server, "Go.", mcp_server_config={"mcpServers": {"box": box}})
        held = slow(say("done"))
        model.script(call("box_env", {"name": "TOOLBOX_KEY"}), held)
        until(held.begun.is_set, server.said)
        lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
        held.release.set()
        home.becomes(sent["task_id"], "completed")

    everything = home.logs() + "\n".join(lines)
    assert KEY not in everything
    assert SECRET not in everything
    assert model.asked[-1].headers["authorization"] == f"Bearer {KEY}"
    if not home.database_url:
        stored = b"".join(path.read_bytes() for path in home.data.glob("lineup.db*"))
        assert KEY.encode() not in stored
