"""The client of Composio, against a server that speaks its protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.agents.serving import answer
from tests.llm.composio_server import KEY, VERSION, ComposioServer, Kit, Wrong
from tests.looping import carried_out
from webapp.agents.llm.composio import Composio, Failed

WHO = "/api/v3/auth/session/info"


def ask(
    composio: ComposioServer,
    question: Callable[[Composio], Awaitable[Any]],
    *,
    key: str = KEY,
    **how: Any,
) -> Any:
    """What comes of one question."""

    async def go() -> Any:
        async with Composio(composio.url, key, **how) as service:
            return await question(service)

    return carried_out(go())


def test_a_key_it_does_not_take_is_refused_in_its_words_and_not_repeated(
    composio: ComposioServer,
) -> None:
    with pytest.raises(Failed, match="Invalid API key: ••• Please check the API key") as refusal:
        ask(composio, lambda service: service.who(), key="ak_wrong-wrong")

    assert refusal.value.is_key
    assert len(composio.asked) == 1  # a wrong key does not become right


def test_a_server_that_is_silent_is_given_up(composio: ComposioServer) -> None:
    composio.instead[WHO] = [composio.silent]

    with pytest.raises(Failed, match=r"did not answer within 0.2 s") as refusal:
        ask(composio, lambda service: service.who(), patience_s=0.2)

    assert refusal.value.status is None


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (answer("200 OK", "<html>"), "what is no JSON object"),
        (answer("200 OK", "[" * 100_000), "what is no JSON object"),
        (answer("404 Not Found", "no such page"), r"no such page \(HTTP 404\)"),
        (answer("302 Found", "", Location="http://127.0.0.1:9/"), r"it said nothing \(HTTP 302\)"),
        (answer("400 Bad Request", '{"error": "odd"}'), r"odd \(HTTP 400\)"),
    ],
)
def test_whatever_it_answers_instead_is_a_failure_in_words(
    composio: ComposioServer, script: Any, words: str
) -> None:
    composio.instead[WHO] = [script]

    with pytest.raises(Failed, match=words):
        ask(composio, lambda service: service.who())


def test_what_passes_is_asked_once_more(composio: ComposioServer) -> None:
    composio.instead[WHO] = [Wrong(503, "Busy")]

    found = ask(composio, lambda service: service.who())

    assert found == {"project": "Tests", "organization": "Acme", "email": "ann@example.org"}
    assert len(composio.asked) == 2


def test_all_pages_of_toolkits_are_read(composio: ComposioServer) -> None:
    composio.kits = [Kit(f"kit-{number}", {}) for number in range(1_203)]

    found = ask(composio, lambda service: service.toolkits())

    assert len({one["slug"] for one in found}) == 1_203
    assert len(composio.asked) == 3


def test_the_newest_version_of_tools_is_asked_for_without_those_that_are_given_up(
    composio: ComposioServer,
) -> None:
    composio.kits[0].tools["GITHUB_STAR_OLD"] = {}

    found = ask(composio, lambda service: service.tools("github"))

    assert [tool["slug"] for tool in found] == ["GITHUB_CREATE_ISSUE", "GITHUB_STAR"]
    assert {tool["version"] for tool in found} == {VERSION}


@pytest.mark.parametrize(
    ("path", "items"),
    [
        ("tools", [{}, 5, None, {"slug": ""}]),
        ("connected_accounts", [{}, {"toolkit": 5}, {"toolkit": {}, "status": None}]),
        ("toolkits", [{}, "x"]),
    ],
)
def test_odd_entries_of_a_list_break_nothing(
    composio: ComposioServer, path: str, items: list[Any]
) -> None:
    composio.instead[f"/api/v3/{path}"] = [answer("200 OK", json.dumps({"items": items}))]
    questions: dict[str, Callable[[Composio], Awaitable[Any]]] = {
        "tools": lambda service: service.tools("github"),
        "connected_accounts": lambda service: service.accounts(),
        "toolkits": lambda service: service.toolkits(),
    }

    ask(composio, questions[path])


def test_an_account_that_works_counts_before_newer_ones_that_do_not(
    composio: ComposioServer,
) -> None:
    working = composio.connect("github")
    composio.accounts.append({**composio.accounts[0], "id": "ca_new", "status": "INITIATED"})
    composio.accounts.append({**composio.accounts[0], "id": "ca_off", "is_disabled": True})
    composio.accounts.append({**composio.accounts[0], "id": "ca_other", "user_id": "somebody"})

    found = ask(composio, lambda service: service.accounts("github"))

    assert found == {"github": ("ACTIVE", working)}


@pytest.mark.parametrize(
    ("slug", "how"),
    [("github", "use_composio_managed_auth"), ("tavily", "use_custom_auth")],
)
def test_an_account_is_connected_at_a_page_and_the_way_there_is_used_again(
    composio: ComposioServer, slug: str, how: str
) -> None:
    first = ask(composio, lambda service: service.link(slug))
    second = ask(composio, lambda service: service.link(slug))

    assert first == ("ca_1", "https://connect.composio.example/link/lk_ca_1")
    assert second[0] == "ca_2"
    [config] = composio.auth_configs
    assert config["how"]["type"] == how


def test_a_toolkit_that_needs_an_application_of_ours_says_so(composio: ComposioServer) -> None:
    composio.kits = [Kit("odd", {}, managed=False)]

    with pytest.raises(Failed, match="no Composio managed auth Create an auth config"):
        ask(composio, lambda service: service.link("odd"))


def test_a_tool_is_called_once_with_its_version_and_account(composio: ComposioServer) -> None:
    account = composio.connect("github")

    async def call(service: Composio) -> Any:
        tasks = [
            service.execute(
                "GITHUB_STAR", {"text": "a"}, version=VERSION, account=account, patience_s=9
            ),
            service.execute("GITHUB_STAR", {}, version=VERSION, account=None, patience_s=9),
        ]
        return await asyncio.gather(*tasks, return_exceptions=True)

    done, refused = ask(composio, call)

    assert (done["successful"], done["data"]) == (True, {"starred": True})
    assert "No connected account found" in str(refused)
    assert composio.executed == [("GITHUB_STAR", {"text": "a"})]
