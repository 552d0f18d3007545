"""Tasks for a model from the first page: what is refused, what is offered, what is carried over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiflask import APIFlask

from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import fail
from tests.profiles import make_profile, make_server, pretended
from tests.web.conftest import Browser, as_bearer, make_token
from tests.web.flows import only_flow, problems, text
from webapp.domain.secrets import masked

SECRET = "swordfish-123456"
HTMX = {"HX-Request": "true"}
CONFIG = {"mcpServers": {"own": {"command": "serve", "env": {"KEY": SECRET}}}}
ASKED = {"agent": "llm", "task_description": "Tidy up.", "when_busy": "queue"}


@pytest.fixture
def composed(browser: Browser, stored: Callable[[str], Any]) -> Callable[..., Any]:
    """Send the composer; returns the task that came of it."""

    def send(**fields: Any) -> Any:
        page = browser.get("/")
        answer = browser.post("/tasks", {**ASKED, **fields}, headers=HTMX)
        assert answer.status_code == 200, problems(answer.text)
        found = re.search(r'href="/tasks/([0-9a-f-]{36})">its page', answer.text)
        assert found, page.text
        return stored(found[1])

    return send


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


def chosen(page: str, name: str) -> str | None:
    """What a list of choices stands at."""
    inside = re.search(rf'<select[^>]* name="{name}".*?</select>', page, re.S)
    found = re.search(r'<option selected value="([^"]*)"', inside[0]) if inside else None
    return found[1] if found else None


def checked(page: str) -> dict[str, bool]:
    """The servers that are offered, and whether each is on."""
    boxes = re.findall(r'name="mcp_servers" value="([^"]+)"(\s+checked)?', page)
    return {name: bool(on) for name, on in boxes}


def test_a_model_that_does_not_answer_is_refused_in_its_own_words_and_nothing_typed_is_lost(
    browser: Browser, app: APIFlask, model: OpenAIServer
) -> None:
    model.script(*[fail(401, "Incorrect API key provided: <b>you</b>.")] * 4)
    make_profile(app, "tiny", **pretended(model.url))
    make_profile(app, "other")
    sent = {**ASKED, "llm_profile_name": "tiny", "agent_mode": "flash", "instructions": "Be brief."}
    sent |= {"budget_tokens": "5000", "mcp_server_config": json.dumps(CONFIG), "memory": "no"}
    for headers in ({}, HTMX):
        browser.get("/")
        answer = browser.post("/tasks", sent, headers=headers)

        assert answer.status_code == 422
        (said,) = problems(answer.text.replace("\n", ""))
        assert "“tiny” cannot be used" in said
        assert "Incorrect API key provided" in said
        assert "<b>you" not in answer.text
        assert answer.text.index("cannot be used") < answer.text.index('name="task_description"')
        kept = text(answer.text)
        for words in ("Tidy up.", "Be brief.", 'value="5000"', json.dumps(CONFIG)):
            assert words in kept
        assert chosen(kept, "agent") == "llm"
        assert (chosen(kept, "llm_profile_name"), chosen(kept, "agent_mode")) == ("tiny", "flash")
        assert chosen(kept, "memory") == "no"
    assert browser.get("/api/tasks").json == {"tasks": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mcp_server_config": "{half"}, "This is no JSON: "),
        ({"mcp_server_config": '{"mcpServers": {"a": {}}}'}, "McpServers.a.command"),
        ({"budget_requests": "0"}, "Number must be between 1"),
        ({"budget_requests": "many"}, "Not a valid integer value."),
        ({"budget_cost": "-1"}, "Must be an amount of USD above 0."),
        ({"budget_cost": "nan"}, "Must be an amount of USD above 0."),
        ({"memory_tokens": "-1"}, "Number must be between 0"),
        ({"agent_mode": "deep"}, "Not a valid choice."),
        ({"llm_profile_name": "gone"}, "There is no LLM profile 'gone'."),
        ({"mcp_servers": "nowhere", "mcp_offered": "1"}, "There is no active MCP server 'nowhere'"),
        ({"instructions": "x" * 100_001}, "Must be at most 100,000 characters long"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    browser: Browser, app: APIFlask, fields: dict[str, str], said: str
) -> None:
    make_profile(app)
    make_server(app, "box", {"command": "serve"})
    browser.get("/")
    answer = browser.post("/tasks", {**ASKED, **fields}, headers=HTMX)
    assert answer.status_code == 422
    assert problems(answer.text)[0].startswith(said)
    assert browser.get("/api/tasks").json["tasks"] == []


def test_without_a_profile_a_task_for_a_model_is_refused_with_the_way_out(browser: Browser) -> None:
    browser.get("/")
    answer = browser.post("/tasks", ASKED, headers=HTMX)
    assert answer.status_code == 422
    assert "Name a profile: there is no default one." in problems(answer.text)
    assert 'hx-post="/compose/offline"' in answer.text
    assert '<a href="/settings/llm-profiles">Set one up in the settings</a>' in answer.text


def test_only_those_who_administer_may_have_the_demonstration_made(
    browser: Browser, stranger: Browser, app: APIFlask
) -> None:
    operates = as_bearer(app, make_token(app, "operate"))
    for path in ("/compose/offline", "/tasks/offline"):
        assert stranger.client.post(path, data=ASKED).status_code != 200
        assert browser.client.post(path, data=ASKED).status_code == 403  # without its token
        assert operates.post(path, data=ASKED).status_code == 403
    assert browser.get("/api/config/llm-profiles").json == []


def test_one_click_makes_the_demonstration_and_keeps_what_was_typed(browser: Browser) -> None:
    browser.get("/")
    typed = {**ASKED, "instructions": "Be brief.", "session_id": "mine"}
    for headers in (HTMX, {}):
        answer = browser.post("/compose/offline", typed, headers=headers)
        assert answer.status_code == 200
        page = text(answer.text)
        assert "Tidy up.</textarea>" in page
        assert "Be brief." in page
        assert 'value="mine"' in page
        assert (chosen(page, "agent"), chosen(page, "llm_profile_name")) == ("llm", "offline")
    (made,) = browser.get("/api/config/llm-profiles").json
    assert (made["profile_name"], made["provider"], made["is_default"]) == (
        "offline", "offline", True,
    )  # fmt: skip


def test_the_demonstration_is_chosen_in_the_composer_of_a_session_too(
    browser: Browser, submit: Callable[..., Any]
) -> None:
    submit("one", session_id="s")
    page = browser.get("/sessions/s").text
    assert 'hx-post="/compose/offline?session_id=s"' in page
    assert browser.post("/compose/offline?session_id=nobody", ASKED).status_code == 404
    page = browser.post("/compose/offline?session_id=s", ASKED, headers=HTMX).text
    assert 'action="/sessions/s/tasks"' in page
    assert chosen(page, "llm_profile_name") == "offline"


def test_the_demonstration_takes_another_name_where_its_own_is_taken(
    browser: Browser, app: APIFlask
) -> None:
    make_profile(app, "offline", **pretended("http://127.0.0.1:1"), is_active=False)
    browser.get("/")
    page = browser.post("/compose/offline", ASKED, headers=HTMX).text
    assert chosen(page, "llm_profile_name") == "offline-2"


def test_the_first_run_offers_the_demonstration_which_needs_nothing_else(
    browser: Browser, stored: Callable[[str], Any]
) -> None:
    page = browser.get("/").text
    assert page.count('class="card try"') == 3
    assert "Watch a model at work" in page
    tried = browser.post("/tasks/offline", {**ASKED, "lane": "main", "priority": "normal"})
    assert (tried.status_code, tried.headers["Location"]) == (303, "/")
    (task,) = browser.get("/api/tasks").json["tasks"]
    assert (task["agent"], task["llm_profile_name"]) == ("llm", "offline")


def test_the_default_profile_and_every_active_server_are_chosen_at_first(
    browser: Browser, app: APIFlask, composed: Callable[..., Any]
) -> None:
    make_profile(app, "first")
    make_profile(app, "second", is_default=True)
    make_profile(app, "asleep", is_active=False)
    make_server(app, "box", {"command": "serve"})
    make_server(app, "files", {"command": "serve"})
    make_server(app, "idle", {"command": "serve"}, is_active=False)
    page = browser.get("/").text
    assert chosen(page, "llm_profile_name") == "second"
    assert checked(page) == {"box": True, "files": True}
    assert "asleep" not in page

    task = composed(llm_profile_name="second", mcp_servers=["box", "files"], mcp_offered="1")
    assert "mcp_servers" not in task.agent_settings  # all there are by then
    some = composed(llm_profile_name="second", mcp_servers=["files"], mcp_offered="1")
    assert some.agent_settings["mcp_servers"] == ["files"]
    none = composed(llm_profile_name="second", mcp_offered="1")
    assert none.agent_settings["mcp_servers"] == []


def test_after_a_task_for_a_model_the_next_text_is_none_for_the_shell(
    browser: Browser, app: APIFlask
) -> None:
    make_profile(app, "first")
    make_profile(app, "second")
    browser.get("/")
    answer = browser.post("/tasks", {**ASKED, "llm_profile_name": "second"}, headers=HTMX)
    assert chosen(answer.text, "agent") == "llm"
    assert chosen(answer.text, "llm_profile_name") == "second"


def test_all_that_was_set_comes_back_for_an_edit_and_into_a_flow(
    browser: Browser, app: APIFlask, composed: Callable[..., Any], stored: Callable[[str], Any]
) -> None:
    make_profile(app, "first")
    make_profile(app, "second", input_price=1.0, output_price=2.0)
    make_server(app, "box", {"command": "serve"})
    make_server(app, "files", {"command": "serve"})
    given = {
        "llm_profile_name": "second", "agent_mode": "no-thinking", "instructions": "Be brief.",
        "memory": "no", "memory_tokens": "500", "workspace_tools": "no", "budget_requests": "7",
        "budget_tokens": "9000", "budget_cost": "0.5", "mcp_server_config": json.dumps(CONFIG),
        "mcp_servers": ["files"], "mcp_offered": "1",
    }  # fmt: skip
    task = composed(**given)
    kept = {n: v for n, v in task.agent_settings.items() if n != "mcp_server_config"}
    assert kept == {
        "llm_profile_name": "second", "agent_mode": "no-thinking", "instructions": "Be brief.",
        "memory": False, "memory_tokens": 500, "workspace_tools": False, "budget_requests": 7,
        "budget_tokens": 9000, "budget_cost": 0.5, "mcp_servers": ["files"],
    }  # fmt: skip

    for address in (f"/?edit={task.task_id}", f"/flows/new?task={task.task_id}"):
        page = text(browser.get(address).text)
        assert SECRET not in page
        assert chosen(page, "agent") == "llm"
        assert chosen(page, "llm_profile_name") == "second"
        assert chosen(page, "agent_mode") == "no-thinking"
        assert (chosen(page, "memory"), chosen(page, "workspace_tools")) == ("no", "no")
        assert checked(page) == {"box": False, "files": True}
        for words in ("Be brief.", 'value="7"', 'value="9000"', 'value="0.5"', '"KEY": "•••'):
            assert words in page
    found = re.search(r'name="mcp_server_config"[^>]*>(.*?)</textarea>', page, re.S)
    assert found
    sent = {**given, "mcp_server_config": found[1]}
    edited = composed(**sent, rerun_of=task.task_id)
    assert masked(edited.agent_settings) == masked(task.agent_settings)
    saved = {**sent, "agent": "llm", "task_description": "x", "name": "F", "lane": "main"}
    assert browser.post("/flows/new", {**saved, "of_task": task.task_id}).status_code == 303
    assert masked(only_flow(app).agent_settings) == masked(task.agent_settings)


def test_a_flow_has_a_budget_of_the_day_and_no_profile_of_its_own_unless_it_is_named(
    browser: Browser, app: APIFlask
) -> None:
    make_profile(app)
    flow = {"agent": "llm", "task_description": "x", "name": "F", "lane": "main"}
    browser.get("/flows/new")
    for fields, said in [
        ({"day_requests": "0"}, "Number must be between 1"),
        ({"day_cost": "-2"}, "Cost must be a number above 0."),
        ({"day_cost": "much"}, "Not a valid float value."),
    ]:
        refused = browser.post("/flows/new", {**flow, **fields})
        assert refused.status_code == 422
        assert problems(refused.text)[0].startswith(said)
        (name,) = fields
        assert f'id="{name}-problem"' in refused.text

    limits = {"day_requests": "50", "day_tokens": "", "day_cost": "1.5"}
    assert browser.post("/flows/new", {**flow, **limits}).status_code == 303

    saved = only_flow(app)
    assert saved.budget == {"requests": 50, "cost": 1.5}
    assert "llm_profile_name" not in saved.agent_settings
    page = browser.get(f"/flows/{saved.flow_id}/edit").text
    assert 'name="day_requests"' in page
    assert 'value="50"' in page
    assert 'value="1.5"' in page
    assert chosen(page, "llm_profile_name") == ""
