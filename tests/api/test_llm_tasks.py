"""A task for a model over JSON: its steps, its steering, its memory and its servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.llm import mcp_servers
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say, slow
from tests.profiles import make_profile, make_server, pretended
from tests.waiting import until

SECRET = "swordfish-123456"


def test_the_offline_model_works_through_steps_to_a_report(
    *, live: None, app: APIFlask, api: FlaskClient, ask: Callable[..., Any], becomes: Any
) -> None:
    make_profile(app)

    body = ask("Show me what you can do.").get_json()

    assert body["llm_profile"] == "demo"
    task = becomes(body["task_id"], "completed")
    assert "demonstration" in task.task_result
    assert task.report_path.endswith("reports/demonstration.md")
    assert (task.llm_profile_name, task.agent, task.agent_mode) == ("demo", "llm", "thinking")
    log = api.get(f"/api/activity/sessions/{task.session_id}/activity").get_json()["activity_logs"]
    codes = [entry["code"] for entry in log if entry["agent_name"] == "llm"]
    assert codes[0] == "llm_demonstration"
    assert codes.count("llm_call") == codes.count("llm_result") == 4
    assert log[-1]["agent_status"] == "done"


def test_an_instruction_is_consumed_by_a_step(
    *,
    live: None,
    app: APIFlask,
    api: FlaskClient,
    ask: Callable[..., Any],
    model: OpenAIServer,
    becomes: Any,
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    first = slow(call("list_files", {}))
    task_id = ask().get_json()["task_id"]
    model.script(first, say("As you wish."))
    until(first.begun.is_set)

    api.post(f"/api/tasks/{task_id}/instructions", json={"instruction": "Be brief."})
    until(lambda: "delivered" in api.get(f"/api/tasks/{task_id}/instructions").text)
    first.release.set()

    becomes(task_id, "completed")
    (told,) = api.get(f"/api/tasks/{task_id}/instructions").get_json()["instructions"]
    assert (told["state"], told["step"]) == ("consumed", "step 2")


def test_a_task_that_is_stopped_keeps_what_was_said_for_the_next_one(
    *,
    live: None,
    app: APIFlask,
    api: FlaskClient,
    ask: Callable[..., Any],
    model: OpenAIServer,
    becomes: Any,
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    sent = ask("I am Ada.").get_json()
    held = slow(say("too late"))
    model.script(call("list_files", {}), held)
    until(held.begun.is_set)
    api.post(f"/api/tasks/{sent['task_id']}/stop")
    becomes(sent["task_id"], "stopped")
    until(held.hung_up.is_set)

    model.script(say("Ada."))
    later = ask("Who am I?", session_id=sent["session_id"]).get_json()

    assert becomes(later["task_id"], "completed").task_result == "Ada."
    told = json.dumps(model.messages())
    assert "I am Ada." in told
    assert "list_files" in told


def test_a_profile_that_was_changed_is_used_by_the_next_task(
    *, live: None, app: APIFlask, ask: Callable[..., Any], model: OpenAIServer, becomes: Any
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    becomes(ask().get_json()["task_id"], "completed")
    with app.app_context():
        from webapp import clock
        from webapp.services.profiles import llm

        llm.change("tiny", {"model": "large-2"}, by="tester", now=clock.now())

    becomes(ask().get_json()["task_id"], "completed")

    assert model.body()["model"] == "large-2"


def test_a_server_of_the_settings_and_one_of_the_task_are_both_used(
    *,
    live: None,
    app: APIFlask,
    api: FlaskClient,
    ask: Callable[..., Any],
    model: OpenAIServer,
    becomes: Any,
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    make_server(app, "box", mcp_servers.toolbox(TOOLBOX_KEY=SECRET))
    config = {"mcpServers": {"own": mcp_servers.toolbox(TOOLBOX_KEY="another-" + SECRET)}}
    task_id = ask(mcp_server_config=config).get_json()["task_id"]
    model.script(
        call("box_env", {"name": "TOOLBOX_KEY"}), call("own_echo", {"text": "x"}), say(".")
    )

    task = becomes(task_id, "completed")

    shown = api.get(f"/api/activity/{task_id}").get_json()["mcp_server_config"]
    assert list(shown["mcpServers"]) == ["own"]
    assert shown["mcpServers"]["own"]["env"]["TOOLBOX_KEY"].startswith("•••")
    log = api.get(f"/api/activity/sessions/{task.session_id}/activity").text
    whole = api.get(f"/api/tasks/{task_id}").text + log + json.dumps(shown)
    assert SECRET not in whole

    again = api.post(f"/api/tasks/{task_id}/rerun", json={"mcp_server_config": shown})
    model.script(call("own_env", {"name": "TOOLBOX_KEY"}), say("."))
    rerun = becomes(again.get_json()["task_id"], "completed")

    assert rerun.mcp_server_config == task.mcp_server_config
    assert "another-" + SECRET in json.dumps(model.messages())


def test_a_server_that_was_changed_is_what_the_next_task_has(
    *,
    live: None,
    app: APIFlask,
    api: FlaskClient,
    ask: Callable[..., Any],
    model: OpenAIServer,
    becomes: Any,
) -> None:
    make_profile(app, "tiny", **pretended(model.url))
    before = mcp_servers.toolbox(TOOLBOX_KEY="before")
    mcp_id = make_server(app, "box", before)

    def box_of_a_task() -> tuple[list[str], str]:
        """Which of its tools the next task is offered, and what one of them answers."""
        task_id = ask().get_json()["task_id"]
        model.script(call("box_env", {"name": "TOOLBOX_KEY"}), say("."))
        becomes(task_id, "completed")
        offered = [name for name in model.tools() if name.startswith("box_")]
        return offered, str(model.messages()[-1]["content"])

    def change(**fields: Any) -> None:
        answer = api.put(f"/api/config/mcp-profiles/{mcp_id}", json=fields)
        assert answer.status_code == 200, answer.text

    offered, said = box_of_a_task()
    assert "box_echo" in offered
    assert "before" in said

    change(selected_tools={"echo": False})
    change(mcp_server_params=mcp_servers.toolbox(TOOLBOX_KEY="after"))
    offered, said = box_of_a_task()
    assert "box_env" in offered
    assert "box_echo" not in offered
    assert "after" in said

    change(is_active=False)
    offered, _ = box_of_a_task()
    assert offered == []
