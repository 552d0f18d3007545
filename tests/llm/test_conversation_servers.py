"""Servers of tools in a conversation: real ones, and what becomes of a task when they are not."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.agents.recording import gone, until
from tests.llm import mcp_servers
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say, slow
from tests.llm.talking import Talk, profile
from tests.llm.toolbox import COMPLAINT
from tests.looping import apart
from webapp.agents.llm.servers import CannotStart, probe
from webapp.agents.process_table import TABLE
from webapp.agents.processes import RUN_MARK, find_marked, run_mark
from webapp.agents.protocol import AgentFailed, ToolServer

SECRET = "swordfish-123456"
PLACE: dict[str, Any] = {"directory": "/tmp", "environment": {"PATH": "/usr/bin:/bin"}}


@pytest.fixture
def talk(openai_server: OpenAIServer, tmp_path: Path) -> Talk:
    openai_server.script(say("Without it."))
    return Talk(tmp_path, profile(openai_server.url))


def box(mode: str = "stdio", *, env: dict[str, str] | None = None, **more: Any) -> ToolServer:
    """Our own server of tools."""
    return ToolServer("box", mcp_servers.toolbox(mode, **(env or {})), **more)


def left_of(talk: Talk) -> list[Any]:
    return find_marked(TABLE, f"{RUN_MARK}={run_mark(talk.task_id, 1)}")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"command": "/no/such/program"}, "No such file"),
        ({"command": "false"}, "Connection closed"),
        ({"command": "sh", "args": ["-c", "echo no licence >&2"]}, "it printed: no licence"),
        ({"url": "http://127.0.0.1:9/mcp"}, "All connection attempts failed"),
    ],
)
def test_a_server_that_does_not_start_is_named_and_the_task_goes_on(
    talk: Talk, params: dict[str, Any], words: str
) -> None:
    result = talk.start(servers=[ToolServer("broken", params)]).result()

    assert result.text == "Without it."
    told = talk.console.params("llm_server_failed")
    assert told["server"] == "broken"
    assert words in told["why"]


def test_a_required_server_that_does_not_start_fails_the_task(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    needed = ToolServer("broken", {"command": "/no/such/program"}, required=True)
    with pytest.raises(AgentFailed) as raised:
        talk.start(servers=[needed]).result()
    assert raised.value.message == "llm_server_needed"
    assert openai_server.questions == []


def test_a_server_that_hangs_at_its_start_is_given_up_in_time(talk: Talk) -> None:
    result = talk.start(servers=[box("hang", startup_timeout_s=0.5)]).result()

    assert result.text == "Without it."
    assert "within 0.5 s" in talk.console.params("llm_server_failed")["why"]
    assert left_of(talk) == []


def test_why_a_server_refused_is_told_without_its_secrets(talk: Talk) -> None:
    talk.start(servers=[box("refuse", env={"TOOLBOX_KEY": SECRET})]).result()
    assert f"{COMPLAINT} for the key '•••'" in talk.console.params("llm_server_failed")["why"]
    assert SECRET not in json.dumps(talk.console.said)


def test_a_tool_that_takes_too_long_is_told_to_the_model(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    never = str(talk.workspace / "never")
    openai_server.script(call("box_slow", {"until": never}), say("Too slow for me."))

    assert talk.start(servers=[box(call_timeout_s=0.3)]).result().text == "Too slow for me."

    assert "within 0.3 s" in talk.results("llm_tool_failed")[0]
    assert talk.console.params("llm_tool_failed")["seconds"] >= 0.3


def test_a_server_that_dies_is_named_and_its_tools_go_with_it(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("box_crash", {}), say("It is gone."))

    assert talk.start(servers=[box()]).result().text == "It is gone."

    assert talk.console.params("llm_server_lost")["server"] == "box"
    assert "box_echo" not in openai_server.tools(-1)


def test_a_required_server_that_dies_fails_the_task(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("box_crash", {}), say("It is gone."))
    with pytest.raises(AgentFailed) as raised:
        talk.start(servers=[box(required=True)]).result()
    assert raised.value.message == "llm_server_lost_needed"


def test_a_tool_that_fails_is_told_to_the_model_which_may_do_better(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(
        call("box_fail", {"message": "not like this"}), call("box_echo", {"text": "so"}), say("Ok.")
    )

    assert talk.start(servers=[box()]).result().text == "Ok."

    assert "not like this" in talk.results("llm_tool_failed")[0]
    assert talk.results() == ["so"]


def test_a_server_has_its_variables_and_no_process_outlives_the_run(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(
        call("box_env", {"name": "TOOLBOX_KEY"}), call("box_child", {}), say("Well.")
    )

    talk.start(servers=[box(env={"TOOLBOX_KEY": SECRET})]).result()

    assert talk.results()[0] == "•••", "the model knows it, the log does not"
    assert gone(int(talk.results()[1]))
    assert left_of(talk) == []


def test_a_stop_ends_the_servers_too(openai_server: OpenAIServer, talk: Talk) -> None:
    answer = slow(say("late"))
    openai_server.script(call("box_child", {}), answer)
    run = talk.start(servers=[box()])
    until(answer.begun.is_set)
    child = int(talk.results()[0])

    run.controls.stop(0.2)
    run.result()

    assert gone(child)
    assert left_of(talk) == []


def test_a_long_result_is_cut_for_the_model_and_for_the_log(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("box_big", {"characters": 1_000_000}), say("Long."))
    talk.start(servers=[box()]).result()
    assert len(talk.results()[0]) < 5_000
    assert len(json.dumps(openai_server.messages())) < 80_000


def test_only_the_chosen_tools_are_offered(openai_server: OpenAIServer, talk: Talk) -> None:
    talk.start(servers=[box(tools={"crash": False})]).result()
    assert "box_echo" in openai_server.tools()
    assert "box_crash" not in openai_server.tools()


def test_headers_reach_a_server_over_http(openai_server: OpenAIServer, talk: Talk) -> None:
    openai_server.script(call("far_header", {"name": "x-key"}), say("Heard."))
    with mcp_servers.toolbox_over_http() as params:
        far = ToolServer("far", {**params, "headers": {"X-Key": SECRET}})
        talk.start(servers=[far]).result()
    assert talk.results() == ["•••"]


def test_the_official_server_of_files_works(openai_server: OpenAIServer, talk: Talk) -> None:
    (talk.workspace / "hello.txt").write_text("hello from a file")
    path = str(talk.workspace / "hello.txt")
    openai_server.script(call("files_read_text_file", {"path": path}), say("Read."))

    talk.start(servers=[ToolServer("files", mcp_servers.filesystem(talk.workspace))]).result()

    assert "hello from a file" in talk.results()[0]


def test_the_official_server_of_everything_works_over_both_transports(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(
        call("near_echo", {"message": "near"}), call("far_echo", {"message": "far"}), say("Both.")
    )
    with mcp_servers.everything_over_http() as params:
        near = ToolServer("near", mcp_servers.everything())
        talk.start(servers=[near, ToolServer("far", params)]).result()

    assert ["near" in talk.results()[0], "far" in talk.results()[1]] == [True, True]


def test_a_probe_names_the_tools_and_leaves_nothing(tmp_path: Path) -> None:
    file, mark = tmp_path / "pid", f"probed-{uuid.uuid4().hex}"
    params = mcp_servers.toolbox("parent", TOOLBOX_KEY=mark, TOOLBOX_PID_FILE=str(file))

    tools = apart(lambda: probe(params, startup_timeout_s=30, **PLACE))

    assert {"echo", "crash"} <= {tool["name"] for tool in tools}
    assert all(tool["input_schema"]["type"] == "object" for tool in tools)
    assert gone(int(file.read_text()))
    assert find_marked(TABLE, f"TOOLBOX_KEY={mark}") == [], "what the server started is gone, too"


def test_a_probe_of_what_cannot_start_says_why() -> None:
    with pytest.raises(CannotStart, match="No such file"):
        apart(lambda: probe({"command": "/no/such"}, startup_timeout_s=5, **PLACE))
