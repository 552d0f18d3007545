"""Settings, MCP servers: made, tested, their tools chosen, changed and deleted by people."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from tests.flowing import Rows, rows
from tests.llm.mcp_servers import TOOLBOX, toolbox
from tests.profiles import make_server
from tests.web.conftest import Browser, as_bearer, make_token
from webapp.models import McpProfile
from webapp.ports import KEY

__all__ = ["rows"]

PAGE = "/settings/mcp-servers"
SECRET = "hunter2-swordfish-x4Qz"
HTMX = {"HX-Request": "true"}
FORM = {
    "display_name": "Tool box",
    "mcp_server_name": "box",
    "kind": "command",
    "command": sys.executable,
    "args": f"{TOOLBOX}\r\nstdio",
    "env": f"TOKEN={SECRET}",
    "is_active": "on",
}


@pytest.fixture
def only(rows: Rows) -> Any:
    """The one server there is."""

    def find() -> Any:
        [row] = rows.read(select(McpProfile.__table__))
        return row

    return find


def test_whoever_may_not_administrate_sees_none_of_it(app: APIFlask) -> None:
    mcp_id = make_server(app, "box", {"url": "http://127.0.0.1:9/mcp"})
    client = as_bearer(app, make_token(app, "operate"))

    for path in (PAGE, f"{PAGE}/new", f"{PAGE}/{mcp_id}/edit", f"{PAGE}/{mcp_id}/ask"):
        assert client.get(path).status_code == 403, path
    assert client.post(f"{PAGE}/{mcp_id}/test").status_code == 403


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"display_name": ""}, "Must not be empty.", "display_name"),
        ({"display_name": "Taken"}, "is taken already", "display_name"),
        ({"mcp_server_name": "two words"}, "is no name of a server", "mcp_server_name"),
        ({"command": ""}, "Must not be empty.", "command"),
        ({"cwd": "here"}, "Must be the absolute path", "cwd"),
        ({"env": f"{SECRET}"}, "Line 1 is not NAME=value.", "env"),
        ({"env": f"A={SECRET}\nA=b"}, "A stands there twice.", "env"),
        ({"env": "TOKEN=•••x4Qz"}, "TOKEN: send the secret itself, not its mask.", "env"),
        ({"kind": "url", "url": "nowhere"}, "Must begin with http:// or https://", "url"),
        ({"kind": "url", "url": "http://h", "headers": "x"}, "is not Name: value.", "headers"),
        ({"startup_timeout_s": "0"}, "Must be a number above 0", "startup_timeout_s"),
        ({"call_timeout_s": "soon"}, "Must be a number above 0", "call_timeout_s"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field_and_no_secret_is_sent_back(
    app: APIFlask, browser: Browser, rows: Rows, wrong: dict[str, str], reason: str, field: str
) -> None:
    make_server(app, "taken", {"url": "http://127.0.0.1:9/mcp"})
    browser.get(f"{PAGE}/new")

    answer = browser.post(f"{PAGE}/new", {**FORM, "description": "kept words", **wrong})

    assert answer.status_code == 422
    beside = answer.text.partition(f'class="problem" id="f-{field}-problem">')[2]
    assert reason in beside.partition("</div>")[0], answer.text
    assert "kept words" in answer.text
    assert str(TOOLBOX) in answer.text
    assert SECRET not in answer.text
    assert len(rows.read(select(McpProfile.__table__))) == 1


def test_a_secret_that_has_to_be_typed_again_is_not_taken_for_another(
    browser: Browser, only: Any
) -> None:
    browser.get(f"{PAGE}/new")
    assert browser.post(f"{PAGE}/new", FORM).status_code == 303
    edit = f"{PAGE}/{only().mcp_id}/edit"
    before = only().mcp_server_params

    changed = {**FORM, "env": "TOKEN=a-new-and-long-secret", "cwd": "wrong"}
    page = browser.post(edit, changed).text
    assert "TOKEN=••• type it again" in page
    again = browser.post(edit, {**FORM, "env": "TOKEN=••• type it again"})

    assert again.status_code == 422
    assert only().mcp_server_params == before


def test_a_server_is_made_and_changed_and_its_secrets_stay_sealed(
    app: APIFlask, browser: Browser, only: Any
) -> None:
    assert "There is no MCP server yet" in browser.get(PAGE).text
    browser.get(f"{PAGE}/new")
    assert browser.post(f"{PAGE}/new", FORM).status_code == 303
    made = only()
    assert made.mcp_server_params["args"] == [str(TOOLBOX), "stdio"]
    pages = [browser.get(path).text for path in (PAGE, f"{PAGE}/{made.mcp_id}/edit")]
    assert SECRET not in "".join(pages)
    assert "TOKEN •••x4Qz" in pages[0]
    assert "a task goes on" in pages[0]
    assert "TOKEN=•••x4Qz" in pages[1]

    kept = {**FORM, "env": "TOKEN=•••x4Qz\r\nDEBUG=1", "is_required": "on", "call_timeout_s": "5"}
    assert browser.post(f"{PAGE}/{made.mcp_id}/edit", kept).status_code == 303
    now = only()
    opened = app.extensions[KEY].vault.open_settings({"env": now.mcp_server_params["env"]})
    assert opened == {"env": {"TOKEN": SECRET, "DEBUG": "1"}}
    assert (now.is_required, now.call_timeout_s) == (True, 5)
    assert "a task fails" in browser.get(PAGE).text

    reached = {**FORM, "kind": "url", "url": "https://h/mcp", "headers": f"X-Key: {SECRET}"}
    assert browser.post(f"{PAGE}/{made.mcp_id}/edit", reached).status_code == 303
    assert set(only().mcp_server_params) == {"url", "headers"}


def test_a_test_shows_the_tools_and_those_that_are_ticked_are_used(
    app: APIFlask, browser: Browser, only: Any
) -> None:
    mcp_id = make_server(app, "box", toolbox(TOKEN=SECRET))
    browser.get(PAGE)
    shown = browser.post(f"{PAGE}/{mcp_id}/test", headers=HTMX).text
    assert "<html" not in shown
    assert "It works; that took" in shown
    assert "<code>echo</code>" in shown
    assert SECRET not in shown

    some = {"known": ["echo", "fail"], "tool": ["echo"]}
    assert browser.post(f"{PAGE}/{mcp_id}/tools", some).status_code == 303  # type: ignore[arg-type]
    assert only().selected_tools == {"echo": True, "fail": False}
    assert "1 of 2 that it had when they were chosen" in browser.get(PAGE).text
    both = {"known": ["echo", "fail"], "tool": ["echo", "fail"]}
    browser.post(f"{PAGE}/{mcp_id}/tools", both)  # type: ignore[arg-type]
    assert only().selected_tools is None


def test_a_server_that_does_not_start_is_said_so_in_its_own_words(
    app: APIFlask, browser: Browser
) -> None:
    complains = "import os, sys; sys.exit('no good: ' + os.environ['TOKEN'])"
    params = {"command": sys.executable, "args": ["-c", complains], "env": {"TOKEN": SECRET}}
    mcp_id = make_server(app, "box", params)
    browser.get(PAGE)

    page = browser.post(f"{PAGE}/{mcp_id}/test").text  # as without JavaScript

    assert "<html" in page
    assert "It does not work, after" in page
    assert "no good" in page
    assert SECRET not in page


def test_a_server_is_switched_and_deleted(app: APIFlask, browser: Browser, only: Any) -> None:
    mcp_id = make_server(app, "box", {"url": "http://127.0.0.1:9/mcp"})
    browser.get(PAGE)
    browser.post(f"{PAGE}/{mcp_id}/switch", {"on": "0"})
    assert only().is_active is False
    assert "Delete this MCP server?" in browser.get(f"{PAGE}/{mcp_id}/ask", headers=HTMX).text

    assert browser.post(f"{PAGE}/{mcp_id}/delete").status_code == 303

    assert "There is no MCP server yet" in browser.get(PAGE).text
    assert browser.get(f"{PAGE}/{mcp_id}/edit").status_code == 404
