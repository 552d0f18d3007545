"""Settings, LLM profiles: made, tested, changed and deleted by people; what a day allows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import insert, select

from tests.flowing import Rows, rows
from tests.llm.openai_server import OpenAIServer, openai_server
from tests.llm.replies import Failed
from tests.profiles import API_KEY, OFFLINE, make_profile, pretended
from tests.web.conftest import Browser, as_bearer, later, make_token
from webapp import clock
from webapp.config import Settings
from webapp.domain.spending import OVERALL, allowed
from webapp.models import Flow, LlmProfile, SpentDay

__all__ = ["openai_server", "rows"]

PAGE = "/settings/llm-profiles"
FORM = {
    "profile_name": "writer",
    "provider": "openai",
    "model": "gpt-5",
    "api_key": API_KEY,
    "is_active": "on",
}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A server that allows 1,000 tokens on a day."""
    return settings.model_copy(update={"day_tokens": 1_000})


@pytest.fixture
def stored(rows: Rows) -> Any:
    """The columns of the profile with this name."""

    def find(name: str) -> Any:
        [row] = rows.read(select(LlmProfile.__table__).filter_by(profile_name=name))
        return row

    return find


def test_whoever_may_not_administrate_sees_none_of_it(app: APIFlask) -> None:
    make_profile(app)
    client = as_bearer(app, make_token(app, "operate"))

    for path in (PAGE, f"{PAGE}/new", f"{PAGE}/demo/edit", f"{PAGE}/demo/ask"):
        assert client.get(path).status_code == 403, path
    assert client.post(f"{PAGE}/demo/test").status_code == 403


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"profile_name": ""}, "Must not be empty."),
        ({"profile_name": "a/b"}, "Must not contain a slash"),
        ({"profile_name": "demo"}, "is taken already"),
        ({"provider": "nobody"}, "There is no provider &#39;nobody&#39;"),
        ({"model": " "}, "Must not be empty."),
        ({"api_key": "two words"}, "Must be one word"),
        ({"base_url": "ftp://x"}, "Must begin with http:// or https://"),
        ({"temperature": "9"}, "Must be a number from 0 to 2."),
        ({"temperature": "warm"}, "Must be a number from 0 to 2."),
        ({"max_tokens": "1.5"}, "Must be a whole number"),
        ({"request_timeout_s": "nan"}, "Must be a number above 0"),
        ({"input_price": "1"}, "Must be given, too"),
        ({"run_cost": "1", "model": "made-up"}, "Nobody knows what this model costs"),
        ({"provider_config": "{nonsense"}, "This is no JSON: "),
        ({"provider_config": '"text"'}, "Must be an object."),
        ({"provider_config": '{"api_key": "x"}'}, "looks like a secret"),
        ({"is_active": None, "is_default": "on"}, "is not active, and cannot be the default"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field_and_the_rest_is_kept(
    app: APIFlask, browser: Browser, wrong: dict[str, Any], reason: str, rows: Rows
) -> None:
    make_profile(app)
    browser.get(f"{PAGE}/new")
    form = {**FORM, "description": "kept words", **wrong}

    answer = browser.post(f"{PAGE}/new", {k: v for k, v in form.items() if v is not None})

    assert answer.status_code == 422
    beside = answer.text.partition('class="problem"')[2]
    assert reason in beside, answer.text
    assert "kept words" in answer.text
    assert API_KEY not in answer.text
    assert len(rows.read(select(LlmProfile.__table__))) == 1


def test_all_that_is_wrong_is_said_at_once(browser: Browser) -> None:
    browser.get(f"{PAGE}/new")

    page = browser.post(f"{PAGE}/new", {**FORM, "seed": "x", "top_p": "2", "model": ""}).text

    assert page.count('class="problem"') == 3
    assert "The key that was typed is not sent back" in page


def test_without_a_profile_one_click_makes_the_one_that_needs_no_key(
    browser: Browser, stored: Any
) -> None:
    assert "Try it without a key" in browser.get(PAGE).text

    assert browser.post(f"{PAGE}/offline").status_code == 303

    assert (stored("offline").provider, stored("offline").is_default) == ("offline", True)
    page = browser.get(PAGE).text
    assert "Try it without a key" not in page
    assert "none, and none is needed" in page
    assert "demo answered." in browser.post(f"{PAGE}/offline/test").text


def test_a_profile_is_made_and_changed_and_its_key_never_comes_back(
    browser: Browser, stored: Any
) -> None:
    browser.get(f"{PAGE}/new")
    numbers = {"temperature": "0.5", "max_tokens": "800", "run_requests": "20", "run_cost": "1.5"}
    prices = {"input_price": "1.25", "output_price": "10"}
    config = {"provider_config": '{"api": "chat"}', "description": "Long texts"}
    assert browser.post(f"{PAGE}/new", FORM | numbers | prices | config).status_code == 303
    made = stored("writer")
    assert (made.temperature, made.max_tokens, made.provider_config) == (0.5, 800, {"api": "chat"})

    pages = [browser.get(path).text for path in (PAGE, f"{PAGE}/writer/edit")]
    assert API_KEY not in "".join(pages)
    assert re.search(r"set on \d+ \w{3} \d{4}, ends …x4Qz", pages[0])
    assert "20 requests, 1.50 USD" in pages[0]
    assert "1.25 USD in, 10.00 USD out" in pages[0]

    edited = {**FORM, "api_key": "", "model": "gpt-6-luna", "request_timeout_s": "30"}
    assert browser.post(f"{PAGE}/writer/edit", edited).status_code == 303
    now = stored("writer")
    assert (now.model, now.request_timeout_s, now.temperature) == ("gpt-6-luna", 30, None)
    assert now.api_key == made.api_key
    assert now.provider_config is None


def test_a_profile_may_be_made_before_its_key_is_there(browser: Browser, stored: Any) -> None:
    assert "OpenAI answers nobody without a key." in browser.get(f"{PAGE}/new").text

    assert browser.post(f"{PAGE}/new", {**FORM, "api_key": ""}).status_code == 303

    assert stored("writer").api_key is None
    assert "none, and OpenAI answers nobody without one" in browser.get(PAGE).text
    assert "“writer” has no API key" in browser.post(f"{PAGE}/writer/test", headers=HTMX).text


def test_the_default_moves_and_cannot_be_switched_off_or_deleted(
    app: APIFlask, browser: Browser, stored: Any
) -> None:
    for name in ("one", "two"):
        make_profile(app, name)
    browser.get(PAGE)
    assert browser.post(f"{PAGE}/one/delete").status_code == 400
    assert "stays: make another one the default first" in browser.get(f"{PAGE}/one/ask").text
    off = browser.post(f"{PAGE}/one/edit", {"profile_name": "one", **_sent(OFFLINE)})
    assert off.status_code == 422
    assert "make another one the default before it is switched off" in off.text

    assert browser.post(f"{PAGE}/two/default").status_code == 303
    assert browser.post(f"{PAGE}/one/switch", {"on": "0"}).status_code == 303
    assert (stored("two").is_default, stored("one").is_active) == (True, False)
    assert browser.post(f"{PAGE}/one/switch", {"on": "1"}).status_code == 303
    assert stored("one").is_active
    assert "Delete this LLM profile?" in browser.get(f"{PAGE}/one/ask", headers=HTMX).text
    assert browser.post(f"{PAGE}/one/delete").status_code == 303
    assert ">one<" not in browser.get(PAGE).text


def test_the_test_shows_the_providers_own_words_and_the_time(
    app: APIFlask, browser: Browser, openai_server: OpenAIServer
) -> None:
    openai_server.key = "another-key-entirely"
    make_profile(app, "cloud", **pretended(openai_server.url))
    browser.get(PAGE)

    refused = browser.post(f"{PAGE}/cloud/test", headers=HTMX)
    assert "<html" not in refused.text
    assert "Incorrect API key provided" in refused.text
    assert re.search(r"It does not work, after [\d,]+ ms\.", refused.text)
    assert API_KEY not in refused.text

    openai_server.key = API_KEY
    page = browser.post(f"{PAGE}/cloud/test").text  # as without JavaScript
    assert "<html" in page
    assert re.search(r"It works; that took [\d,]+ ms\.", page)


def test_the_form_adapts_to_the_provider_and_keeps_what_was_typed(browser: Browser) -> None:
    page = browser.get(f"{PAGE}/new").text
    assert "OpenAI answers nobody without a key." in page

    chosen = {**FORM, "provider": "ollama", "adapt": "1", "description": "kept words"}
    whole = browser.post(f"{PAGE}/new", chosen).text
    assert 'value="qwen3"' in whole
    assert "http://127.0.0.1:11434/v1" in whole
    assert "kept words" in whole
    assert API_KEY not in whole
    own = browser.post(f"{PAGE}/new", {**chosen, "model": "my-own"}, headers=HTMX).text
    assert 'value="my-own"' in own
    assert "<html" not in own

    offline = browser.post(f"{PAGE}/new", {**chosen, "provider": "offline"}, headers=HTMX).text
    assert 'name="base_url"' not in offline
    assert "No model is behind it" in offline


def test_the_providers_models_are_listed_where_a_profile_can_ask(
    app: APIFlask, browser: Browser, openai_server: OpenAIServer
) -> None:
    wanted = {**FORM, "provider": "openai_compatible", "list": "1"}
    browser.get(f"{PAGE}/new")
    assert "No LLM profile of this provider is active" in browser.post(f"{PAGE}/new", wanted).text

    make_profile(app, "cloud", **pretended(openai_server.url))
    listed = browser.post(f"{PAGE}/new", wanted, headers=HTMX).text
    assert '<option value="large-2">' in listed
    assert "has 2 models" in listed
    openai_server.models = Failed(500, "the list is broken")
    assert "the list is broken" in browser.post(f"{PAGE}/new", wanted, headers=HTMX).text


def test_what_models_may_use_today_is_shown_with_what_is_near_its_end(
    browser: Browser, rows: Rows
) -> None:
    today = allowed(clock.now(), clock.machine_zone(), {}).day
    assert "0 of 1,000 tokens" in browser.get(PAGE).text
    budgets = {"busy": {"tokens": 100}, "spent": {"cost": 0.5}, "idle": {"requests": 9}}
    for name, budget in budgets.items():
        rows.flow(name)
        rows.write(Flow.__table__.update().where(Flow.name == name).values(budget=budget))
    ids = {row.name: row.flow_id for row in rows.read(select(Flow.__table__))}
    used = [("busy", 80, 0.0), ("spent", 5, 0.5), (OVERALL, 820, 0.5)]
    for name, tokens, cost in used:
        spent = {"day": today, "flow_id": ids.get(name, name), "requests": 1}
        values = {**spent, "tokens": tokens, "cost": cost, "warned": False}
        rows.write(insert(SpentDay).values(**values))

    page = browser.get(PAGE).text
    shown = [page.index(words) for words in ("820 of 1,000 tokens", "0.50 of 0.50 USD",
             "80 of 100 tokens", "0 of 9 requests")]  # fmt: skip
    assert shown == sorted(shown)
    assert (page.count(">used up<"), page.count(">nearly used up<")) == (1, 2)
    with later(days=1):
        assert ">used up<" not in browser.get(PAGE).text


def _sent(fields: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items() if not isinstance(value, dict)}
