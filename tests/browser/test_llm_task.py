"""A newcomer on an empty server: from the first page to the report of a model that was steered."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.agents.serving import Server as Site
from tests.agents.serving import answer
from tests.browser.conftest import PHONE, Windows, log_in, new_home
from tests.browser.test_polling import polls
from tests.llm.mcp_servers import DRIVERS
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say
from tests.processes.server import Server

LINK = re.compile(r"http://\S+/login/link/\S+")
STEP_S = 1.0
"""How long the demonstration takes for a step: quick, and still slow enough to be steered."""


@pytest.fixture
def empty(
    migrated_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A server on which nothing has happened yet, and which finds what drives a browser."""
    monkeypatch.setenv("PATH", f"{DRIVERS}:{os.environ['PATH']}")
    home = new_home(migrated_database, tmp_path / "data")
    yield home.server(durability="normal", stop_grace_s="0.5", shutdown_grace_s="0.1").start()
    home.close()


@pytest.fixture
def newcomer(chromium: Browser, empty: Server) -> Iterator[Windows]:
    """Windows of somebody who came in by the printed link; their consoles stay silent."""
    link = LINK.search(empty.said())
    assert link
    made = Windows(chromium, empty.url, log_in(chromium, link[0]))
    yield made
    made.close()
    assert made.complaints == []


def hurry(server: Server) -> None:
    """Have the demonstration take its steps quickly."""
    path = "/api/config/llm-profiles/offline"
    answer = server.http.put(path, json={"provider_config": {"delay_s": STEP_S}})
    assert answer.status_code == 200, answer.text


def compose(page: Page, text: str) -> None:
    """Choose the demonstration for a task by the one click that the composer offers."""
    page.get_by_label("Agent").select_option("llm")
    page.get_by_label("What should be done?").fill(text)
    page.get_by_role("button", name="Use the offline demonstration").click()
    expect(page.get_by_label("Model")).to_have_value("offline")
    expect(page.get_by_label("What should be done?")).to_have_value(text)


def test_a_task_of_the_demonstration_is_watched_and_steered_to_its_report(
    newcomer: Windows, empty: Server
) -> None:
    page = newcomer.open("/")
    compose(page, "Say what there is.")
    hurry(empty)
    page.get_by_role("button", name="Run now").click()
    riding = page.locator("section.riding")
    expect(riding.locator(".peek")).to_contain_text("I am the offline demonstration")
    riding.get_by_role("link", name="Say what there is.").click()

    call = page.locator(".step.call").first
    expect(call).to_contain_text("list_files")
    call.locator("summary").click()
    expect(call.locator("pre").first).to_contain_text('"path": "."')
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator(".task-title")).to_contain_text("paused")
    page.get_by_label("Instruction").fill("Mention the weather.")
    page.get_by_role("button", name="Send").click()
    receipt = page.locator(".receipt")
    expect(receipt).to_contain_text("delivered")

    page.get_by_role("button", name="Resume").click()
    expect(receipt).to_contain_text(re.compile(r"read .*step \d"))
    expect(page.locator(".transcript")).to_contain_text("You added: Mention the weather.")
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    expect(call).to_have_attribute("open", "")  # through all the polls
    expect(page.locator(".model-facts")).to_contain_text(re.compile("[56] requests"))
    calls = page.locator(".step.call")
    expect(page.locator(".step.call", has_text="ok")).to_have_count(calls.count())

    page.get_by_role("link", name="Result", exact=True).click()
    expect(page.locator(".tab-result")).to_contain_text("I heard 1 instruction")
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.locator(".tab-report article")).to_contain_text("Mention the weather.")


def test_a_call_that_was_opened_stays_open_while_more_happens(
    newcomer: Windows, empty: Server
) -> None:
    page = newcomer.open("/", viewport=PHONE)
    compose(page, "Say what there is.")
    hurry(empty)
    page.get_by_role("button", name="Run now").click()
    page.get_by_role("link", name="Say what there is.").first.click()
    thought = page.locator(".step.thought").first
    thought.locator("summary").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator(".task-title")).to_contain_text("paused")
    page.get_by_label("Instruction").fill("Hurry.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".receipt")).to_contain_text("delivered")
    polls(page, "/live")
    assert thought.evaluate("element => element.open")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Stop…").click()
    expect(page.locator("#ask")).to_contain_text("The request under way is cancelled")
    page.get_by_role("button", name="Stop it").click()
    expect(page.locator(".task-title")).to_contain_text("stopped")


def test_the_first_thing_to_try_runs_by_one_click(newcomer: Windows) -> None:
    page = newcomer.open("/")
    card = page.locator(".try", has_text="Watch a model at work")
    card.get_by_role("button", name="Put it in the composer").click()
    expect(page.get_by_label("Agent")).to_have_value("llm")
    expect(page.get_by_label("What should be done?")).to_have_value(re.compile("write a report"))
    card.get_by_role("button", name="Run it").click()
    expect(page.locator("section.riding .peek")).to_contain_text("offline demonstration")


def test_a_model_in_a_browser_is_followed_by_the_pictures_of_its_pages(
    newcomer: Windows, empty: Server
) -> None:
    with Site() as site, OpenAIServer() as model:
        site.on("/", answer("200 OK", "<h1>Open until six</h1>", Content_Type="text/html"))
        profile = {"profile_name": "tiny", "provider": "openai_compatible", "model": "tiny-1"}
        path = "/api/config/llm-profiles"
        made = empty.http.post(path, json={**profile, "base_url": model.url, "api_key": "sk-1"})
        assert made.status_code < 300, made.text
        page = newcomer.open("/")
        page.get_by_label("Agent").select_option("browser")
        expect(page.get_by_label("Model")).to_be_visible()
        page.get_by_label("What should be done?").fill("How long are they open?")
        opens = call("browser_navigate", {"url": site.url})
        model.script(say("I am there."), opens, say("Until six."))  # it is asked first, once
        page.get_by_role("button", name="Run now").click()
        page.locator("#composer").get_by_role("link", name="its page").click()

        expect(page.locator(".transcript")).to_contain_text("Until six.")
        picture = page.locator(".picture img")
        expect(picture).to_have_attribute("alt", "A picture of the page")
        expect(picture).to_have_js_property("naturalWidth", 1280)
