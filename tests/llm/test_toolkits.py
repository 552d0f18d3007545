"""Tools of Composio in the hands of a model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.llm.composio_server import KEY, ComposioServer, Kit, Wrong
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say
from tests.llm.talking import Talk
from tests.waiting import until
from webapp.agents.protocol import Toolkit

EXECUTE = "/api/v3/tools/execute/"


@pytest.fixture
def kit(composio: ComposioServer) -> Any:
    """A toolkit as a run is given it."""

    def made(slug: str = "github", **fields: Any) -> Toolkit:
        return Toolkit(slug, slug.title(), composio.url, KEY, **fields)

    return made


def offered(model: OpenAIServer) -> set[str]:
    """The tools that the model was told of, but those of the workspace."""
    tools = [tool["function"]["name"] for tool in model.body(0)["tools"]]
    return {name for name in tools if name.isupper()}


def told(talk: Talk, code: str) -> dict[str, Any]:
    """What the log says of it, once."""
    [params] = [params for said, params in talk.console.said if said == code]
    return dict(params)


def test_without_an_account_or_an_answer_it_goes_on_without_the_toolkit(
    talk: Talk, openai_server: OpenAIServer, composio: ComposioServer, kit: Any
) -> None:
    openai_server.script(say("Done."))
    wrong = Toolkit("tavily", "Tavily", composio.url, "ak_another-key", needs_account=False)

    run = talk.start(toolkits=[kit(), wrong])

    assert run.result().text == "Done."
    assert told(talk, "llm_toolkit_unconnected") == {"toolkit": "Github"}
    why = told(talk, "llm_toolkit_failed")["why"]
    assert "Invalid API key" in why
    assert "ak_another-key" not in why
    assert offered(openai_server) == set()


def test_chosen_tools_are_offered_and_what_they_give_reaches_the_model(
    talk: Talk, openai_server: OpenAIServer, composio: ComposioServer, kit: Any
) -> None:
    account = composio.connect("github")
    openai_server.script(call("GITHUB_CREATE_ISSUE", {"text": "Leak"}), say("It is number 7."))
    given = kit(tools={"GITHUB_STAR": False}, account=account)

    assert talk.start(toolkits=[given]).result().text == "It is number 7."

    assert offered(openai_server) == {"GITHUB_CREATE_ISSUE"}
    assert composio.executed == [("GITHUB_CREATE_ISSUE", {"text": "Leak"})]
    assert talk.results() == ['{"number": 7}']
    assert told(talk, "llm_toolkit")["tools"] == 1


def test_an_account_that_was_connected_meanwhile_is_found(
    talk: Talk, openai_server: OpenAIServer, composio: ComposioServer, kit: Any
) -> None:
    composio.connect("github")
    openai_server.script(call("GITHUB_STAR", {"text": "x"}), say("Done."))

    talk.start(toolkits=[kit()]).result()

    assert talk.results() == ['{"starred": true}']


def test_a_tool_that_fails_is_told_to_the_model_which_may_do_better(
    talk: Talk, openai_server: OpenAIServer, composio: ComposioServer, kit: Any
) -> None:
    composio.connect("github")
    composio.kits[0].tools |= {"GITHUB_CREATE_ISSUE": f"no such repository {KEY}"}
    composio.instead[f"{EXECUTE}GITHUB_STAR"] = [Wrong(500, "Boom")]
    openai_server.script(
        call("GITHUB_CREATE_ISSUE", {"text": "a"}), call("GITHUB_STAR", {"text": "b"}), say("Well.")
    )

    assert talk.start(toolkits=[kit()]).result().text == "Well."

    first, second = talk.results("llm_tool_failed")
    assert "no such repository •••" in first
    assert "Boom (HTTP 500)" in second
    assert KEY not in openai_server.questions[-1].body.decode()


def test_a_tool_that_only_reads_is_called_a_second_time(
    talk: Talk, openai_server: OpenAIServer, composio: ComposioServer, kit: Any
) -> None:
    composio.kits = [Kit("news", {"NEWS_TOP": {"items": []}}, modes=(), tags=("readOnlyHint",))]
    composio.instead[f"{EXECUTE}NEWS_TOP"] = [Wrong(503, "Busy")]
    openai_server.script(call("NEWS_TOP", {"text": "x"}), say("Done."))

    talk.start(toolkits=[kit("news", needs_account=False)]).result()

    assert talk.results() == ['{"items": []}']


def test_a_call_that_takes_too_long_is_given_up(
    talk: Talk, openai_server: OpenAIServer, composio: ComposioServer, kit: Any
) -> None:
    composio.instead[f"{EXECUTE}HACKERNEWS_GET_TOP"] = [composio.silent]
    openai_server.script(call("HACKERNEWS_GET_TOP", {"text": "x"}), say("Well."))

    talk.start(toolkits=[kit("hackernews", needs_account=False, call_timeout_s=0.2)]).result()

    assert "did not answer within 0.2 s" in talk.results("llm_tool_failed")[0]


def test_a_stop_cancels_a_call_that_is_under_way(
    talk: Talk, openai_server: OpenAIServer, composio: ComposioServer, kit: Any
) -> None:
    path = f"{EXECUTE}HACKERNEWS_GET_TOP"
    composio.instead[path] = [composio.silent]
    openai_server.script(call("HACKERNEWS_GET_TOP", {"text": "x"}), say("Never."))
    run = talk.start(toolkits=[kit("hackernews", needs_account=False)])
    until(lambda: any(asked.path == path for asked in composio.asked))

    run.controls.stop(5.0)

    assert run.result().text is None


def test_a_large_toolkit_and_a_large_result_are_bounded(
    talk: Talk, openai_server: OpenAIServer, composio: ComposioServer, kit: Any
) -> None:
    tools = {f"BIG_TOOL_{number}": {"text": "x" * 200_000} for number in range(200)}
    composio.kits = [Kit("big", tools, modes=())]
    openai_server.script(call("BIG_TOOL_0", {"text": "x"}), say("Done."))

    talk.start(toolkits=[kit("big", needs_account=False)]).result()

    assert len(offered(openai_server)) == 128
    assert told(talk, "llm_toolkit_large")["tools"] == 200
    assert len(openai_server.questions[-1].body) < 150_000
