"""Tasks whose model is given tools of Composio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.test_composio import keyed, settings, toggle
from tests.llm.composio_server import ComposioServer
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say
from tests.profiles import make_profile, pretended

__all__ = ["keyed", "settings"]


def test_a_toolkit_is_used_by_the_next_task_without_a_restart(
    *,
    live: None,
    app: APIFlask,
    api: FlaskClient,
    keyed: None,
    composio: ComposioServer,
    model: OpenAIServer,
    ask: Callable[..., Any],
    becomes: Any,
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    composio.connect("github")
    refused = ask(toolkits=["github"])
    assert refused.get_json()["fields"] == {"toolkits": "no toolkit 'github' is enabled"}
    toggle(api)

    model.script(say("connected"), call("GITHUB_STAR", {"text": "x"}), say("Starred."))
    task = becomes(ask(toolkits=["github"]).get_json()["task_id"], "completed")
    assert task.task_result == "Starred."
    assert composio.executed == [("GITHUB_STAR", {"text": "x"})]

    model.script(say("Nothing."))
    becomes(ask(toolkits=[]).get_json()["task_id"], "completed")
    assert "GITHUB_STAR" not in str(model.body()["tools"])
