"""The browser agent: a model drives a real Chromium, and people see what it sees."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.recording import until
from tests.agents.serving import Server, answer
from tests.llm.mcp_servers import DRIVERS
from tests.llm.openai_server import OpenAIServer
from tests.llm.replies import call, say
from tests.llm.talking import Talk, profile
from webapp.agents.browser import BrowserAgent
from webapp.agents.process_table import TABLE
from webapp.agents.processes import RUN_MARK, find_marked, run_mark
from webapp.agents.protocol import AgentFailed, Limits

FORM = """<!doctype html><title>Order</title><h1>Order</h1>
<form action="/done"><button>Send it</button></form>"""


def agent(path: str) -> BrowserAgent:
    """The agent on a machine whose programs lie there."""
    environment = {"PATH": path, "HOME": os.environ.get("HOME", "/")}
    return BrowserAgent(Limits(stop_grace_s=2.0, environment=environment))


@pytest.fixture
def talk(openai_server: OpenAIServer, tmp_path: Path) -> Talk:
    own = agent(f"{DRIVERS}:{os.environ['PATH']}")
    return Talk(tmp_path, profile(openai_server.url), agent=own)


@pytest.fixture
def site() -> Iterator[Server]:
    with Server() as server:
        server.on("/", answer("200 OK", FORM, Content_Type="text/html"))
        server.on("/done?", answer("200 OK", "<h1>Thank you</h1>", Content_Type="text/html"))
        yield server


def left_of(talk: Talk) -> list[object]:
    return [*find_marked(TABLE, f"{RUN_MARK}={run_mark(talk.task_id, 1)}")]


@pytest.mark.parametrize(
    ("programs", "code"), [((), "browser_no_chromium"), (("chromium",), "browser_no_driver")]
)
def test_a_machine_without_a_browser_or_a_driver_is_told_what_to_install(
    openai_server: OpenAIServer, tmp_path: Path, programs: tuple[str, ...], code: str
) -> None:
    for name in programs:
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    talk = Talk(tmp_path, profile(openai_server.url), agent=agent(str(tmp_path)))

    with pytest.raises(AgentFailed) as failure:
        talk.start("Look.").result()

    assert (failure.value.message, failure.value.for_good) == (code, True)
    assert openai_server.questions == []


def test_it_opens_a_page_uses_it_and_leaves_a_picture_of_each_step(
    talk: Talk, openai_server: OpenAIServer, site: Server
) -> None:
    openai_server.script(
        call("browser_navigate", {"url": f"{site.url}/"}),
        call("browser_snapshot", {}),
        call("browser_click", {"element": "the button", "target": "button"}),
        say("It was sent."),
    )

    result = talk.start("Send the order.").result(60.0)

    assert result.text == "It was sent."
    assert [asked.path for asked in site.asked if asked.path != "/favicon.ico"] == ["/", "/done?"]
    assert "Send it" in "".join(talk.results())
    pictures = [params["file"] for code, params in talk.console.said if code == "browser_picture"]
    assert len(pictures) == 2  # looking at the page changes nothing
    for name in pictures:
        assert (talk.workspace / name).read_bytes().startswith(b"\xff\xd8\xff")  # JPEG
    assert left_of(talk) == []


def test_what_would_run_code_or_open_files_of_this_machine_is_out_of_its_reach(
    talk: Talk, openai_server: OpenAIServer
) -> None:
    openai_server.script(call("browser_navigate", {"url": "file:///etc/passwd"}), say("No."))

    assert talk.start("Read it.").result(60.0).text == "No."

    offered = openai_server.tools(0)
    assert "browser_navigate" in offered
    assert {"browser_run_code_unsafe", "browser_file_upload", "browser_drop"} & {*offered} == set()
    assert "blocked" in talk.results("llm_tool_failed")[0]


def test_a_stop_while_a_page_does_not_load_ends_the_browser(
    talk: Talk, openai_server: OpenAIServer, site: Server
) -> None:
    site.on("/", site.trickle)
    openai_server.script(call("browser_navigate", {"url": f"{site.url}/"}))
    run = talk.start("Wait.")
    until(lambda: site.asked)

    run.controls.stop(2.0)

    run.result()
    assert left_of(talk) == []
