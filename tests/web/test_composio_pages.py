"""Settings, Composio: its key, its toolkits, their accounts and tools, for people."""

from __future__ import annotations

import re
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from tests.flowing import Rows, rows
from tests.llm.composio_server import KEY, ComposioServer, Kit, Wrong
from tests.profiles import make_profile
from tests.web.conftest import Browser, as_bearer, make_token
from webapp.config import Settings
from webapp.models import Credential, Toolkit

__all__ = ["rows"]

PAGE = "/settings/composio"
GITHUB = f"{PAGE}/toolkit/github"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def settings(settings: Settings, composio: ComposioServer) -> Settings:
    return settings.model_copy(update={"composio_url": composio.url})


@pytest.fixture
def keyed(browser: Browser) -> Browser:
    """A person who has given the key."""
    browser.get(PAGE)
    assert browser.post(f"{PAGE}/key", {"api_key": KEY}).status_code == 303
    return browser


@pytest.fixture
def github(rows: Rows) -> Any:
    """The toolkit as it is stored now."""

    def find() -> Any:
        [row] = rows.read(select(Toolkit.__table__).where(Toolkit.slug == "github"))
        return row

    return find


def test_whoever_may_not_administrate_sees_none_of_it(app: APIFlask) -> None:
    client = as_bearer(app, make_token(app, "operate"))

    assert client.get(PAGE).status_code == 403
    assert client.get(GITHUB).status_code == 403
    for path in ("key", "test", "toolkits", "toolkit/github/switch", "toolkit/github"):
        assert client.post(f"{PAGE}/{path}").status_code == 403, path


@pytest.mark.parametrize(
    ("key", "reason"),
    [("ak_quite-wrong", "Invalid API key: •••"), ("two words", "one word"), ("", "empty")],
)
def test_a_key_that_is_not_taken_is_said_beside_its_field_and_not_sent_back(
    browser: Browser, rows: Rows, key: str, reason: str
) -> None:
    assert "There is no key for Composio yet" in browser.get(PAGE).text

    answer = browser.post(f"{PAGE}/key", {"api_key": key})

    assert answer.status_code == 422
    beside = answer.text.partition('id="f-api_key-problem">')[2].partition("</div>")[0]
    assert reason in beside
    assert not key or key not in answer.text
    assert rows.read(select(Credential.__table__)) == []


def test_a_key_is_recognised_by_its_ending_tested_and_replaced(
    keyed: Browser, composio: ComposioServer
) -> None:
    page = keyed.get(PAGE).text
    assert "ends …x4Qz" in page
    assert KEY not in page
    assert "It works." in keyed.post(f"{PAGE}/test", headers=HTMX).text

    composio.key = "ak_another-swordfish-9zZz"
    told = keyed.post(f"{PAGE}/test").text
    assert "It does not work." in told
    assert "Invalid API key" in told
    keyed.post(f"{PAGE}/key", {"api_key": composio.key})
    assert "ends …9zZz" in keyed.get(PAGE).text


def test_a_toolkit_is_switched_on_connected_and_checked(
    keyed: Browser, composio: ComposioServer, github: Any
) -> None:
    page = keyed.post(f"{GITHUB}/switch", {"on": "1"}).text
    assert 'href="https://connect.composio.example/link/lk_ca_1" target="_blank"' in page
    assert "not connected" in page
    assert github().enabled

    composio.connect("github")
    assert keyed.post(f"{GITHUB}/check").status_code == 303
    page = keyed.get(PAGE).text
    assert "“Github” is connected." in page
    assert "Connect anew" in page

    assert keyed.post(f"{GITHUB}/switch", {"on": "0"}).status_code == 303
    assert not github().enabled
    assert keyed.post(f"{PAGE}/toolkit/hackernews/switch", {"on": "1"}).status_code == 303
    assert "none is needed" in keyed.get(PAGE).text


def test_toolkits_that_are_on_are_chosen_in_the_composer_and_kept_for_the_next_time(
    keyed: Browser, app: APIFlask, composio: ComposioServer
) -> None:
    make_profile(app)
    assert 'name="toolkits"' not in keyed.get("/").text
    composio.connect("github")
    for slug in ("github", "hackernews"):
        keyed.get(PAGE)
        assert keyed.post(f"{PAGE}/toolkit/{slug}/switch", {"on": "1"}).status_code == 303
    page = keyed.get("/").text
    assert re.findall(r'name="toolkits" value="(\w+)"\s+checked', page) == ["github", "hackernews"]

    ask: Any = {"agent": "llm", "task_description": "Tidy up.", "when_busy": "queue"}
    ask |= {"toolkits": ["github"], "toolkits_offered": "1"}
    answer = keyed.post("/tasks", ask, headers=HTMX)
    assert answer.status_code == 200
    [task] = keyed.get("/api/tasks").json["tasks"]  # type: ignore[index]
    again = keyed.get(f"/?edit={task['task_id']}").text
    assert re.findall(r'name="toolkits" value="(\w+)"\s+checked', again) == ["github"]


def test_what_composio_refuses_is_said_on_the_page(
    keyed: Browser, composio: ComposioServer, github: Any
) -> None:
    composio.instead["/api/v3/auth_configs"] = [Wrong(400, "Plan <b>exceeded</b>")]

    page = keyed.post(f"{GITHUB}/switch", {"on": "1"}).text

    assert "Plan &lt;b&gt;exceeded&lt;/b&gt; (HTTP 400)" in page
    assert not github().enabled
    composio.__exit__()
    assert 'role="alert"' in keyed.post(f"{PAGE}/toolkits").text


def test_tools_are_chosen_also_while_composio_is_away(
    keyed: Browser, composio: ComposioServer, github: Any
) -> None:
    page = keyed.get(GITHUB).text
    assert "<code>GITHUB_STAR</code>" in page
    assert "Does GITHUB_STAR." in page
    composio.__exit__()
    assert "Composio says:" in keyed.get(GITHUB).text

    some: Any = {"known": ["GITHUB_CREATE_ISSUE", "GITHUB_STAR"], "tool": ["GITHUB_STAR"]}
    assert keyed.post(GITHUB, some).status_code == 303

    assert github().tools == {"GITHUB_CREATE_ISSUE": False, "GITHUB_STAR": True}


def test_many_toolkits_are_searched(keyed: Browser, composio: ComposioServer) -> None:
    composio.kits += [Kit(f"kit-{number}", {}) for number in range(100)]
    assert keyed.post(f"{PAGE}/toolkits").status_code == 303

    assert "43 more: search for the one you mean." in keyed.get(PAGE).text
    found = keyed.get(f"{PAGE}?q=KIT-77").text
    assert 'id="toolkit-kit-77"' in found
    assert 'id="toolkit-github"' not in found
    assert "None that is off says “&lt;x&gt;”." in keyed.get(f"{PAGE}?q=<x>").text
