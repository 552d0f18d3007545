"""Servers of tools that do what they should not: the task goes on, and nothing grows or leaks."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agents.recording import gone, until
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say
from tests.llm.talking import Talk
from webapp.agents.protocol import AgentFailed, ToolServer

EVIL = Path(__file__).with_name("evil.py")
SECRET = "tok-SECRET-1234567890abcdef"


def evil(mode: str, name: str = "evil", **more: Any) -> ToolServer:
    params = {"command": sys.executable, "args": [str(EVIL), mode], "env": {"TOKEN": SECRET}}
    return ToolServer(name, params, call_timeout_s=more.pop("call_timeout_s", 20.0), **more)


def test_tools_with_odd_names_are_offered_by_names_that_providers_take(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(say("I see them."))

    assert talk.start(servers=[evil("odd")], workspace_tools=False).result().text == "I see them."

    offered = list(openai_server.tools())
    assert len(offered) == 3
    assert all(len(name) <= 64 and name.isascii() for name in offered)


def test_tools_whose_names_clash_are_all_offered_and_the_right_one_is_called(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(say("Fine."))
    servers = [evil("clash", "read"), evil("clash", "a.b"), evil("clash", "a_b")]

    talk.start(servers=servers).result()

    offered = list(openai_server.tools())
    assert len(offered) == len(set(offered)) == 3 * 3 + 4


def test_a_server_with_very_many_tools_offers_only_some(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(say("So many."))
    talk.start(servers=[evil("many")], workspace_tools=False).result()
    assert len(openai_server.tools()) == 128
    assert talk.console.params("llm_server_large")["tools"] == 300


@pytest.mark.parametrize("mode", ["endless", "silent", "dying"])
def test_a_server_that_fails_between_two_steps_is_named_and_the_task_goes_on(
    openai_server: OpenAIServer, talk: Talk, mode: str
) -> None:
    openai_server.script(call("evil_one", {}), say("Without it."))

    run = talk.start(servers=[evil(mode, call_timeout_s=2.0)])

    assert run.result(60).text == "Without it."
    assert talk.console.params("llm_server_lost")["server"] == "evil"


def test_a_required_one_that_does_so_fails_the_task(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("evil_one", {}), say("Without it."))
    with pytest.raises(AgentFailed) as raised:
        talk.start(servers=[evil("dying", required=True)]).result()
    assert raised.value.message == "llm_server_lost_needed"


@pytest.mark.parametrize("mode", ["error", "picture"])
def test_what_is_too_large_is_neither_told_nor_kept_whole(
    openai_server: OpenAIServer, talk: Talk, mode: str
) -> None:
    openai_server.script(call("evil_one", {}), say("Too large."))
    talk.start(servers=[evil(mode)]).result()
    assert len(openai_server.questions[-1].body) < 200_000
    assert len(json.dumps(talk.ledger.memory)) < 200_000


def test_a_process_that_cleared_its_environment_does_not_outlive_the_run(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("evil_one", {}), say("It got away."))
    talk.start(servers=[evil("escaping")]).result()
    child = int(talk.results()[0])
    until(lambda: gone(child))


def test_what_a_server_logs_reaches_no_log_of_ours(
    openai_server: OpenAIServer,
    talk: Talk,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    openai_server.script(call("evil_one", {}), say("Done."))
    with caplog.at_level(logging.DEBUG):
        talk.start(servers=[evil("telling")]).result()
    assert SECRET not in caplog.text + "".join(capfd.readouterr())


def test_a_server_that_shouts_costs_no_disk_and_its_last_words_are_told(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("evil_one", {}), say("Loud."))
    assert talk.start(servers=[evil("noisy")]).result().text == "Loud."


def test_no_part_of_a_secret_is_left_where_a_result_is_cut(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("evil_one", {}), say("Done."))
    talk.start(servers=[evil("secretive")]).result()
    assert "SECRET" not in talk.results()[0]
