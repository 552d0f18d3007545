"""What pages say of a task for a model: why it waits, whom it asks, what that took so far."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.factories import MakeFlow
from tests.profiles import make_profile, pretended
from tests.web.conftest import Browser, counted, poll
from webapp import clock
from webapp.domain.spending import allowed
from webapp.ports import KEY
from webapp.runtime.context import Context
from webapp.services import lanes, spending
from webapp.services.claims import Assignment
from webapp.services.profiles import llm
from webapp.services.spending import Used
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


@pytest.fixture
def talk(submit: Submit) -> Submit:
    """Submit a task for a model past the doors."""

    def make(text: str = "Talk.", settings: dict[str, Any] | None = None, **fields: Any) -> Any:
        given = {"llm_profile_name": "demo", **(settings or {})}
        return submit(text, agent="llm", agent_settings=given, **fields)

    return make


@pytest.fixture
def spends(context: Context) -> Callable[..., None]:
    """A claimed task asks its model, and that is counted for today."""

    def spend(taken: Assignment, requests: int = 1, cost: float | None = 0.5) -> None:
        now = clock.now()
        used = Used("tiny-1", requests, input_tokens=1000, output_tokens=234, cost=cost)
        allowance = allowed(now, clock.machine_zone(), {})
        call = (spending.keep, taken.task_id, taken.attempt, {}, now)
        context.call(*call, used=used, allowance=allowance)

    return spend


def allow(app: APIFlask, **limits: Any) -> None:
    """Let the server allow so much a day."""
    ports = app.extensions[KEY]
    ports.settings = ports.settings.model_copy(update=limits)


def why(page: str) -> list[str]:
    """What the lines of those that wait say."""
    found = re.findall(r'class="quiet why">(.*?)</span>', page, re.S)
    return [html.unescape(one) for one in found]


def facts(page: str) -> list[str]:
    """The line about the model, piece by piece."""
    line = re.search(r'<p class="facts model-facts">(.*?)</p>', page, re.S)
    assert line
    pieces = re.findall(r"<span[^>]*>(.*?)</span>", line[1], re.S)
    return [" ".join(re.sub(r"<[^>]+>", "", one).split()) for one in pieces]


def test_a_task_that_waits_for_another_of_its_session_says_so_until_that_is_over(
    *, app: APIFlask, browser: Browser, talk: Submit, claim: Any, finish: Any
) -> None:
    with app.app_context():
        lanes.create("side", by="tester", now=clock.now())
    talk("First.", session_id="s")
    second = talk("Second.", session_id="s", lane="side")
    talk("Third.", lane="side")
    first = claim()

    assert why(browser.get("/").text) == [
        "waits: another task of its session",
        "waits: about to start",
    ]
    page = browser.get(f"/tasks/{second.task_id}").text
    assert "It waits: Another task of its session talks to a model; it is next." in page
    live = poll(page, "live")
    assert browser.get(live).status_code == 204

    finish(first)

    fresh = browser.get(live)
    assert fresh.status_code == 200
    assert "It waits:" not in fresh.text


def test_a_task_that_waits_for_the_budget_of_the_day_says_so(
    *, app: APIFlask, browser: Browser, talk: Submit, claim: Any, finish: Any, spends: Any
) -> None:
    talk("First.")
    first = claim()
    spends(first)
    finish(first)
    waiting = talk("Second.")
    assert why(browser.get("/").text) == ["waits: about to start"]

    allow(app, day_requests=1)

    assert why(browser.get("/").text) == ["waits: budget of the day"]
    page = browser.get(f"/tasks/{waiting.task_id}").text
    assert "It waits: The day&#39;s budget of 1 requests to models is used up." in page


def test_a_task_that_waits_for_the_budget_of_its_flow_says_so(
    *, browser: Browser, talk: Submit, make_flow: MakeFlow, claim: Any, finish: Any, spends: Any
) -> None:
    flow_id = make_flow("Ask", budget={"cost": 0.25})
    talk("First.", flow_id=flow_id)
    first = claim()
    spends(first)
    finish(first)
    waiting = talk("Second.", flow_id=flow_id)
    talk("Of no flow.")

    assert why(browser.get("/").text) == [
        "waits: budget of its flow for the day",
        "waits: about to start",
    ]
    assert "<dd>$0.50 of $0.25</dd>" in browser.get(f"/flows/{flow_id}").text
    page = html.unescape(browser.get(f"/tasks/{waiting.task_id}").text)
    assert "The flow “Ask” has used up its budget of 0.25 USD for today: 0.50 USD." in page


def test_the_reasons_of_many_cost_as_much_as_those_of_one(
    *, app: APIFlask, browser: Browser, talk: Submit, make_flow: MakeFlow
) -> None:
    allow(app, day_requests=5)

    def cost() -> int:
        with counted(app) as asked:
            assert browser.client.get("/now/riding").status_code == 200
        return len(asked)

    talk(flow_id=make_flow("Ask", budget={"requests": 1}))
    one = cost()
    for number in range(9):
        talk(session_id=f"s{number}", flow_id=make_flow(f"Ask {number}", budget={"requests": 1}))
    app.extensions["lineup.fragments"].clear()
    assert cost() == one


def test_what_a_model_costs_is_left_out_where_nobody_knows_it(
    browser: Browser, app: APIFlask, talk: Submit, claim: Any, spends: Any
) -> None:
    make_profile(app, "demo", **pretended("http://127.0.0.1:1"))
    talk()
    taken = claim()
    spends(taken, cost=None)

    page = browser.get(f"/tasks/{taken.task_id}").text
    assert facts(page) == ["demo", "tiny-1", "1 request", "1,234 tokens"]
    assert "price unknown" in browser.get(f"/tasks/{taken.task_id}/details").text

    spends(taken, cost=0.00123)
    page = browser.get(f"/tasks/{taken.task_id}").text
    assert facts(page)[2:] == ["2 requests", "2,468 tokens", "$0.00123 and more"]


def test_the_head_of_a_task_says_whom_it_asks_and_what_that_took(
    browser: Browser, app: APIFlask, talk: Submit, claim: Any, spends: Any
) -> None:
    make_profile(app, "first")
    make_profile(app, "demo", **pretended("http://127.0.0.1:1"))
    talk(settings={"agent_mode": "flash"})
    taken = claim()
    page = browser.get(f"/tasks/{taken.task_id}").text
    assert facts(page) == ["demo", "tiny-1", "as quick as it can"]
    assert '<a href="/settings/llm-profiles/demo/edit">demo</a>' in page

    spends(taken, requests=3, cost=0.0012)
    page = browser.get(f"/tasks/{taken.task_id}").text
    assert facts(page)[3:] == ["3 requests", "1,234 tokens", "$0.0012"]
    details = browser.get(f"/tasks/{taken.task_id}/details").text
    assert "1,000, 234" in details
    assert '"unpriced": 0' in html.unescape(details)

    with app.app_context():
        llm.remove("demo", by="tester", now=clock.now())
    assert facts(browser.get(f"/tasks/{taken.task_id}").text)[0] == "demo (deleted)"


def test_a_budget_is_shown_with_what_is_used_of_it(
    browser: Browser, app: APIFlask, talk: Submit, claim: Any, spends: Any
) -> None:
    limits = {"run_requests": 50, "run_cost": 2.0, "input_price": 1.0, "output_price": 1.0}
    make_profile(app, "demo", **pretended("http://127.0.0.1:1", **limits))
    talk(settings={"budget_requests": 20, "budget_tokens": 5000})
    taken = claim()
    page = browser.get(f"/tasks/{taken.task_id}").text
    assert facts(page)[2:] == ["0 of 20 requests", "0 of 5,000 tokens", "$0 of $2.00"]

    spends(taken, requests=12, cost=0.25)

    page = browser.get(f"/tasks/{taken.task_id}").text
    assert facts(page)[2:] == ["12 of 20 requests", "1,234 of 5,000 tokens", "$0.25 of $2.00"]


def test_what_can_be_asked_of_it_is_said_in_its_own_words(
    browser: Browser, talk: Submit, claim: Any
) -> None:
    talk()
    taken = claim()
    for page in (browser.get("/").text, browser.get(f"/tasks/{taken.task_id}").text):
        assert "Add an instruction…" in page
        assert "End input" not in page
    for verb, words in {"pause": "It takes no further step", "stop": "is cancelled"}.items():
        assert words in browser.get(f"/tasks/{taken.task_id}/ask/{verb}").text
