"""What a run of a model is given: its profile, its servers and its memory, as they are stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import NOON
from tests.profiles import API_KEY, make_profile, make_server
from webapp import clock
from webapp.agents.protocol import AgentFailed, Equipment, ToolServer
from webapp.domain.providers import PROVIDERS
from webapp.ports import KEY
from webapp.queries import profiles
from webapp.runtime.console import RunConsole
from webapp.runtime.context import Context
from webapp.runtime.equipment import equip
from webapp.services import claims, spending
from webapp.services.claims import Assignment
from webapp.services.profiles import llm, mcp
from webapp.services.submissions import Submitted
from webapp.vault import SecretLost

SECRET = "swordfish-123456"
STDIO = {"command": "tool", "args": ["--fast"], "env": {"TOKEN": SECRET}}
HTTP = {"url": "https://example.org/mcp", "headers": {"Authorization": f"Bearer {SECRET}"}}


@dataclass
class Room:
    """A task that was claimed, and the console of its run."""

    context: Context
    assignment: Assignment
    console: RunConsole

    def equip(self, **settings: Any) -> Equipment:
        return equip(self.context, self.assignment, settings, self.console)

    def told(self) -> list[tuple[str | None, Mapping[str, Any]]]:
        """What the log was told since it was last asked."""
        return [(entry.code, entry.params) for entry in self.console.take().entries]

    def say(self, *texts: str) -> None:
        """Store messages of this session, a hundred at most in one transaction."""
        messages = [{"kind": "request", "parts": [{"content": text}]} for text in texts]
        task = self.assignment
        self.context.call(
            spending.keep,
            task.task_id,
            task.attempt,
            dict(enumerate(messages)),
            NOON,
            used=None,
            allowance=self.context.allowance(NOON),
        )


@pytest.fixture
def room(context: Context, submit: Callable[..., Submitted]) -> Room:
    submit("Go.", agent="llm")
    taken = context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
    assert taken is not None
    context.now = lambda: NOON
    return Room(context, taken, RunConsole(context, taken, lambda: None))


def used_at(context: Context) -> dict[str, Any]:
    """When each profile and each server was last used, by name."""
    found = {row.profile_name: row.last_used_at for row in context.call(profiles.llm_all)}
    servers = context.call(profiles.mcp_all)
    return found | {row.mcp_server_name: row.last_used_at for row in servers}


def names(equipment: Equipment) -> list[str]:
    return [server.name for server in equipment.servers]


def test_a_run_without_a_profile_to_use_is_refused(room: Room) -> None:
    with pytest.raises(AgentFailed) as raised:
        room.equip()
    assert raised.value.message == "llm_profile_none"


def test_a_profile_that_is_gone_is_named(app: APIFlask, room: Room) -> None:
    make_profile(app)
    with pytest.raises(AgentFailed) as raised:
        room.equip(llm_profile_name="gone")
    assert (raised.value.message, raised.value.params) == ("llm_profile_gone", {"profile": "gone"})


def test_a_profile_that_was_made_inactive_is_refused_and_not_used(
    app: APIFlask, room: Room
) -> None:
    make_profile(app)
    make_profile(app, "off", is_active=False)
    with pytest.raises(AgentFailed) as raised:
        room.equip(llm_profile_name="off")
    assert (raised.value.message, raised.value.params) == (
        "llm_profile_inactive",
        {"profile": "off"},
    )
    assert used_at(room.context) == {"demo": None, "off": None}


def test_a_secret_that_no_key_opens_is_refused_and_nothing_counts_as_used(
    app: APIFlask, room: Room
) -> None:
    make_profile(app)
    make_server(app, "box", STDIO)
    vault = app.extensions[KEY].vault
    vault.add_key()
    vault.drop_older()
    with pytest.raises(SecretLost):
        room.equip()
    assert used_at(room.context) == {"demo": None, "box": None}


def test_the_profile_is_the_default_one_or_the_one_that_is_named(app: APIFlask, room: Room) -> None:
    make_profile(app, "first")
    make_profile(app, "second", model="another")
    assert room.equip().profile["profile_name"] == "first"
    assert room.equip(llm_profile_name="second").profile["model"] == "another"


def test_its_key_is_opened_and_its_address_known(app: APIFlask, room: Room) -> None:
    make_profile(app, provider="deepseek", model="chat", api_key=API_KEY, provider_config=None)

    profile = room.equip().profile

    assert profile["api_key"] == API_KEY
    assert profile["base_url"] == PROVIDERS["deepseek"].default_base_url
    assert str(profile["base_url"]).startswith("https://")
    stored = room.context.call(profiles.llm, "demo")
    assert API_KEY not in json.dumps(stored.api_key)
    assert stored.base_url is None


def test_an_address_of_its_own_stays(app: APIFlask, room: Room) -> None:
    fields = {"provider": "deepseek", "model": "chat", "provider_config": None}
    make_profile(app, base_url="http://127.0.0.1:9/v1", **fields)
    profile = room.equip().profile
    assert (profile["base_url"], profile["api_key"]) == ("http://127.0.0.1:9/v1", None)


def test_a_server_has_its_secrets_opened_and_all_that_was_set_for_it(
    app: APIFlask, room: Room
) -> None:
    make_profile(app)
    chosen = {"echo": True, "crash": False}
    make_server(
        app,
        "box",
        STDIO,
        selected_tools=chosen,
        startup_timeout_s=7.0,
        call_timeout_s=9.0,
        is_required=True,
    )
    make_server(app, "far", HTTP)

    box, far = room.equip().servers

    assert box == ToolServer("box", STDIO, chosen, 7.0, 9.0, required=True)
    assert far == ToolServer("far", HTTP, None, 30.0, 60.0, required=False)
    stored = room.context.call(profiles.mcp_all)
    assert SECRET not in json.dumps([row.mcp_server_params for row in stored])


def test_what_a_run_is_given_shows_no_secret_where_it_is_printed(app: APIFlask, room: Room) -> None:
    make_profile(app, api_key=API_KEY)
    make_server(app, "box", STDIO)
    printed = repr(room.equip())
    assert API_KEY not in printed
    assert SECRET not in printed


def test_profile_and_servers_of_a_run_are_known_as_used_and_no_other(
    app: APIFlask, room: Room
) -> None:
    make_profile(app)
    make_profile(app, "other")
    make_server(app, "box", STDIO)
    make_server(app, "far", HTTP)

    room.equip(mcp_servers=["far"])

    assert used_at(room.context) == {"demo": NOON, "other": None, "box": None, "far": NOON}
    assert room.context.call(profiles.llm, "demo").version == 1, "that is no edit"


@pytest.mark.parametrize(
    ("wanted", "given"),
    [(None, ["box", "far"]), ([], []), (["far"], ["far"]), (["far", "box"], ["far", "box"])],
)
def test_a_run_has_all_active_servers_none_or_those_it_names(
    app: APIFlask, room: Room, wanted: list[str] | None, given: list[str]
) -> None:
    make_profile(app)
    make_server(app, "box", STDIO)
    make_server(app, "far", HTTP)
    make_server(app, "off", STDIO, is_active=False)

    assert names(room.equip(mcp_servers=wanted)) == given
    assert room.told() == []


@pytest.mark.parametrize("name", ["nowhere", "off"])
def test_a_server_that_is_wanted_and_not_there_is_told(
    app: APIFlask, room: Room, name: str
) -> None:
    make_profile(app)
    make_server(app, "box", STDIO)
    make_server(app, "off", STDIO, is_active=False)

    assert names(room.equip(mcp_servers=[name, "box"])) == ["box"]

    assert room.told() == [("llm_server_unknown", {"server": name})]


def test_a_server_of_the_task_stands_in_for_the_stored_one_of_its_name(
    app: APIFlask, room: Room
) -> None:
    make_profile(app)
    make_server(app, "box", STDIO, is_required=True)
    make_server(app, "far", HTTP)
    own = {"box": {"command": "mine", "timeout": 3.0}, "more": {"command": "more"}}

    equipment = room.equip(mcp_server_config={"mcpServers": own})

    assert names(equipment) == ["far", "box", "more"]
    assert equipment.servers[1] == ToolServer("box", own["box"], call_timeout_s=3.0)
    assert equipment.servers[2] == ToolServer("more", own["more"], call_timeout_s=60.0)
    assert room.told() == [("llm_server_replaced", {"server": "box"})]
    assert used_at(room.context) == {"demo": NOON, "box": None, "far": NOON}


def test_a_change_of_profile_or_server_is_what_the_next_run_is_given(
    app: APIFlask, room: Room
) -> None:
    make_profile(app)
    mcp_id = make_server(app, "box", STDIO)
    room.equip()
    change = {"by": "tester", "now": NOON}
    room.context.call(llm.change, "demo", {"model": "newer"}, **change)
    room.context.call(mcp.change, mcp_id, {"call_timeout_s": 5.0}, **change)

    equipment = room.equip()

    assert equipment.profile["model"] == "newer"
    assert equipment.servers[0].call_timeout_s == 5.0


def said(equipment: Equipment) -> list[str]:
    return [message["parts"][0]["content"] for message in equipment.memory]


def test_a_run_is_told_what_was_said_in_its_session_and_in_no_other(
    app: APIFlask, room: Room
) -> None:
    make_profile(app)
    room.say("I am Ada.", "Hello, Ada.")
    assert said(room.equip(memory_tokens=1_000)) == ["I am Ada.", "Hello, Ada."]

    room.assignment = replace(room.assignment, session_id="another")
    assert room.equip(memory_tokens=1_000).memory == []


@pytest.mark.parametrize(
    "wanted", [{"memory": False, "memory_tokens": 1_000}, {"memory_tokens": 0}]
)
def test_a_run_that_wants_no_memory_is_told_nothing(
    app: APIFlask, room: Room, wanted: dict[str, Any]
) -> None:
    make_profile(app)
    room.say("I am Ada.")
    assert room.equip(**wanted).memory == []


def test_of_a_long_session_only_about_as_much_is_read_as_is_told(app: APIFlask, room: Room) -> None:
    make_profile(app)
    room.say(*(f"{number} {'x' * 1_000}" for number in range(450)))

    few, all_of_it = room.equip(memory_tokens=10_000), room.equip(memory_tokens=1_000_000)

    assert 40 <= len(few.memory) <= 150, "40,000 characters, and what is read with them at once"
    assert said(few) == said(all_of_it)[-len(few.memory) :], "the newest, oldest first"
    assert len(all_of_it.memory) == 450
