"""LLM profiles and MCP servers in a browser: made, tested where they stand, corrected."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Windows
from tests.llm.mcp_servers import everything
from tests.llm.openai_server import OpenAIServer, openai_server
from tests.processes.server import Home, Server

__all__ = ["openai_server"]

PROFILES, SERVERS = "/settings/llm-profiles", "/settings/mcp-servers"
KEY = "sk-quite-wrong-x4Qz"


@pytest.fixture
def emptied(home: Home) -> Iterator[None]:
    """A server without profiles and servers of tools, which has none again afterwards."""

    def empty() -> None:  # past the doors, which keep the default
        with closing(sqlite3.connect(home.data / "lineup.db", timeout=30)) as database, database:
            for table in ("llm_profiles", "mcp_profiles"):
                database.execute(f"DELETE FROM {table}")

    empty()
    yield
    empty()


@pytest.mark.usefixtures("emptied")
def test_a_newcomer_tries_it_without_a_key_and_then_adds_a_model(
    windows: Windows, openai_server: OpenAIServer
) -> None:
    windows.forgive("status of 422")
    openai_server.key = "another-key"
    page = windows.open(PROFILES)
    page.get_by_role("button", name="Try it without a key").click()
    card = page.get_by_role("region", name="LLM profile offline")
    expect(card).to_contain_text("the default")
    card.get_by_role("button", name="Test").click()
    expect(card.get_by_role("status")).to_contain_text("demo answered.")

    page.get_by_role("link", name="Add a profile").click()
    page.get_by_label("Name", exact=True).fill("cloud")
    page.get_by_label("Key", exact=True).fill(KEY)
    provider = page.get_by_label("Provider", exact=True)
    provider.select_option("openai_compatible")
    expect(page.locator("#provider-fields")).to_contain_text("say its address")
    expect(page.get_by_label("Key", exact=True)).to_have_value(KEY)
    page.get_by_label("Model", exact=True).fill("tiny-1")
    page.get_by_role("button", name="Save the profile").click()
    expect(page.locator("#f-base_url-problem")).to_contain_text("Must be given")
    expect(page.get_by_label("Model", exact=True)).to_have_value("tiny-1")
    expect(page.get_by_label("Key", exact=True)).to_have_value("")
    page.get_by_label("Address").fill(openai_server.url)
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_label("Address").press("Enter")

    added = page.get_by_role("region", name="LLM profile cloud")
    expect(added).to_contain_text("ends …x4Qz")
    added.get_by_role("button", name="Test").click()
    expect(added.get_by_role("status")).to_contain_text("Incorrect API key provided")
    assert KEY not in page.content()

    openai_server.key = KEY
    added.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="List the provider’s models").click()
    expect(page.locator("#provider-fields")).to_contain_text("has 2 models")
    page.goto(PROFILES)
    added.get_by_role("switch").click()
    expect(added.get_by_role("switch")).not_to_be_checked()
    added.get_by_role("button", name="Delete").click()
    ask = page.get_by_role("dialog", name="Please confirm")
    expect(ask).to_contain_text("Its key goes with it.")
    ask.get_by_role("button", name="Delete it").click()
    expect(page.locator("#notices")).to_contain_text("“cloud” is deleted")


@pytest.mark.usefixtures("emptied")
def test_a_server_of_tools_is_added_tested_and_its_tools_are_chosen(windows: Windows) -> None:
    params = everything()
    page = windows.open(f"{SERVERS}/new")
    page.get_by_label("A server at an address").check()
    expect(page.get_by_label("Command")).to_be_hidden()
    page.get_by_label("A program that is started").check()
    expect(page.get_by_label("Address", exact=True)).to_be_hidden()
    page.get_by_label("Name", exact=True).fill("Everything")
    page.get_by_label("Name before its tools").fill("every")
    page.get_by_label("Command").fill(params["command"])
    page.get_by_label("Arguments").fill("\n".join(params["args"]))
    page.get_by_role("button", name="Save the server").click()

    card = page.get_by_role("region", name="MCP server Everything")
    card.get_by_role("button", name="Test").click()
    expect(card.get_by_role("status")).to_contain_text("It works")
    echo = card.get_by_label("echo", exact=False).first
    expect(echo).to_be_checked()
    echo.uncheck()
    card.get_by_role("button", name="Save this choice").click()
    expect(card).to_contain_text("that it had when they were chosen")
    card.get_by_role("button", name="Test").click()
    expect(card.get_by_label("echo", exact=False).first).not_to_be_checked()


@pytest.mark.usefixtures("emptied")
def test_it_works_without_javascript(windows: Windows) -> None:
    page = windows.open(f"{PROFILES}/new", java_script_enabled=False)
    page.get_by_label("Name", exact=True).fill("plain")
    page.get_by_label("Provider", exact=True).select_option("offline")
    page.get_by_role("button", name="Show what it takes").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("demo")
    expect(page.get_by_label("Name", exact=True)).to_have_value("plain")
    page.get_by_role("button", name="Save the profile").click()
    card = page.get_by_role("region", name="LLM profile plain")
    card.get_by_role("button", name="Test").click()
    expect(card.get_by_role("status")).to_contain_text("demo answered.")


@pytest.mark.usefixtures("emptied")
def test_the_settings_of_models_fit_a_phone(windows: Windows, server: Server) -> None:
    long = "a-model-with-a-name-that-is-much-too-long-for-any-telephone-there-is"
    fields = {"profile_name": long, "provider": "offline", "model": long}
    assert server.http.post("/api/config/llm-profiles", json=fields).status_code == 200
    params = {"command": f"/opt/{long}/bin/server", "args": [long, long]}
    names = {"display_name": long, "mcp_server_name": "long", "mcp_server_params": params}
    mcp_id = server.http.post("/api/config/mcp-profiles", json=names).json()["mcp_id"]
    page = windows.open(PROFILES, viewport=PHONE)
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for path in (PROFILES, f"{PROFILES}/new", f"{PROFILES}/{long}/edit", f"{PROFILES}/{long}/ask",
                 SERVERS, f"{SERVERS}/new", f"{SERVERS}/{mcp_id}/edit"):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("load")
        assert page.evaluate(width) == 0, path
