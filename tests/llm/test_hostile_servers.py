"""Servers of tools that do what they should not: the task goes on, and nothing grows or leaks."""

from __future__ import annotations

import json
import logging
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.agents.recording import gone, until
from tests.agents.serving import Asked
from tests.llm.evil import LAST_WORDS, LOUD, NAMES
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import Reply, call, calls, say
from tests.llm.talking import Talk
from webapp.agents.protocol import AgentFailed, ToolServer

EVIL = Path(__file__).with_name("evil.py")
CLASHING = NAMES["clash"]
SECRET = "tok-SECRET-1234567890abcdef"


def evil(mode: str, name: str = "evil", **more: Any) -> ToolServer:
    args = [str(EVIL), mode, name]
    params = {"command": sys.executable, "args": args, "env": {"TOKEN": SECRET}}
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
    names = ("read", "a.b", "a_b")
    theirs = {f"{tool} of {server}" for server in names for tool in CLASHING}
    offered: dict[str, str] = {}

    def each_of_theirs(asked: Asked) -> Reply:
        for tool in asked.json["tools"]:
            if tool["function"]["description"] in theirs:
                offered[tool["function"]["name"]] = tool["function"]["description"]
        return calls(*(call(name) for name in offered))

    openai_server.script(each_of_theirs, say("Fine."))

    talk.start(servers=[evil("clash", name) for name in names]).result()

    assert set(offered.values()) == theirs
    assert len(set(openai_server.tools())) == len(openai_server.tools()) == len(theirs) + 4
    told = [params for code, params in talk.console.said if code == "llm_result"]
    answered = {params["tool"]: params["result"].partition(",")[0] for params in told}
    assert answered == offered, "each was answered by the tool and the server it is described by"


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


def test_a_tool_that_may_do_something_twice_is_not_called_again_when_it_does_not_answer(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("evil_act"), call("evil_act"), say("At last."))

    talk.start(servers=[evil("hesitant", call_timeout_s=0.5)]).result()

    assert "within 0.5 s" in talk.results("llm_tool_failed")[0]
    assert talk.results() == ["act of evil, call 2"], "the second call is the model's own"


@pytest.mark.parametrize("tool", ["read", "set"])
def test_a_tool_that_does_no_more_the_second_time_is_called_again_when_it_does_not_answer(
    openai_server: OpenAIServer, talk: Talk, tool: str
) -> None:
    openai_server.script(call(f"evil_{tool}"), say("At last."))

    talk.start(servers=[evil("hesitant", call_timeout_s=0.5)]).result()

    assert talk.results("llm_tool_failed") == []
    assert talk.results() == [f"{tool} of evil, call 2"]


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
    openai_server: OpenAIServer, talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sizes = [on_disk(tmp_path)]

    def once_it_was_loud(_asked: Asked) -> Reply:
        sizes.append(on_disk(tmp_path))
        return call("evil_one")

    openai_server.script(call("evil_one"), once_it_was_loud, say("Loud."))
    assert talk.start(servers=[evil("noisy")]).result().text == "Loud."

    assert talk.results()[0].startswith("one of evil"), "and so it had printed all of that"
    before, after = sizes
    assert after - before < LOUD / 100
    why = talk.console.params("llm_server_lost")["why"]
    assert why.endswith(LAST_WORDS)
    assert len(why) < 1_000


def on_disk(directory: Path) -> int:
    """Bytes of files in a directory, and of those this process has open, deleted ones too."""
    paths = [*Path("/proc/self/fd").iterdir(), *directory.rglob("*")]
    found = {}
    for path in paths:
        with suppress(OSError):
            about = path.stat()
            found[about.st_dev, about.st_ino] = about.st_size * stat.S_ISREG(about.st_mode)
    return sum(found.values())


def test_no_part_of_a_secret_is_left_where_a_result_is_cut(
    openai_server: OpenAIServer, talk: Talk
) -> None:
    openai_server.script(call("evil_one", {}), say("Done."))
    talk.start(servers=[evil("secretive")]).result()
    assert "SECRET" not in talk.results()[0]
