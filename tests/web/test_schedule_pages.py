"""The list of schedules, their switches and their ledgers over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask

from tests.api.schedules import put_fates
from tests.factories import MakeFlow, MakeSchedule
from tests.web.conftest import Browser, counted, linked, names, paged, poll
from webapp import clock

HTMX = {"HX-Request": "true"}
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def make_named(make_flow: MakeFlow, make_schedule: MakeSchedule) -> Any:
    """A schedule of a flow of this name, due in an hour; returns the flow's id."""

    def make(name: str, **fields: Any) -> str:
        flow_id = make_flow(name)
        due = None if fields.get("is_enabled") is False else clock.now() + timedelta(hours=1)
        make_schedule(**{"due": due, "flow_id": flow_id, **fields})
        return flow_id

    return make


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "path",
    [
        "/schedules?before=%00",
        "/schedules?after=%00&q=%00",
        "/schedules?state=nothing",
        "/schedules/~rows?shown=x+-1+99999999999999999999999",
        "/schedules?q=" + "x" * 500,
    ],
)
def test_an_address_that_makes_no_sense_is_answered(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 200


@pytest.mark.parametrize("path", ["", "/edit", "/ask/delete"])
def test_a_schedule_that_is_not_there_is_a_page_that_says_so(browser: Browser, path: str) -> None:
    answer = browser.get(f"/schedules/lost{path}")
    assert answer.status_code == 404
    assert "There is no schedule of a flow lost." in answer.text
    assert browser.post("/schedules/lost/switch", {"on": "1"}).status_code == 404


def test_without_schedules_the_page_says_what_they_are_for(browser: Browser) -> None:
    assert "Nothing runs by itself yet." in browser.get("/schedules").text
    assert "There is no flow without a schedule." in browser.get("/schedules/~new").text


@pytest.mark.both_databases
def test_the_list_pages_by_name_without_a_hole_or_a_double(
    browser: Browser, make_named: Any
) -> None:
    for number in reversed(range(120)):
        make_named(f"job {number:03}")
    seen, last = paged(browser, "/schedules")
    assert seen == [f"job {number:03}" for number in range(120)]
    back = linked(last, "prev")
    assert back
    assert names(browser.get(back).text) == [f"job {number:03}" for number in range(50, 100)]


@pytest.mark.both_databases
def test_schedules_are_found_by_text_and_by_state(browser: Browser, make_named: Any) -> None:
    make_named("invoices", cron_expression="0 9 * * 1-5")
    make_named("crawl", is_enabled=False, description="100% of prices")
    make_named("broken", is_enabled=False, paused_at=clock.now())
    make_named("late", missed_at=clock.now(), missed_count=1)
    make_named("endless", cron_expression=None, next_execution_at=None, fire_at=None)

    def found(query: str) -> list[str]:
        return names(browser.get(f"/schedules?{query}").text)

    assert found("q=VOIC") == ["invoices"]
    assert found("q=100%25") == ["crawl"]
    assert found("q=9+*") == ["invoices"]
    assert found("state=on") == ["endless", "invoices", "late"]
    assert found("state=off&q=r") == ["broken", "crawl"]
    assert found("state=attention") == ["broken", "endless", "late"]
    assert "missed 1 due time<" in browser.get("/schedules?state=attention").text
    assert "No schedule here matches “_”." in browser.get("/schedules?q=_").text


def test_a_search_that_ends_early_says_so_and_goes_on(
    browser: Browser, make_named: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.queries.by_name.SEARCHED", 2)
    for name in ("a hay", "b hay", "c hay", "d needle"):
        make_named(name)
    page = browser.get("/schedules?q=needle").text
    assert names(page) == []
    further = page.partition("not been looked at yet.")[2].partition('href="')[2].partition('"')[0]
    assert names(browser.get(further.replace("&amp;", "&")).text) == ["d needle"]


def test_the_switch_is_a_form_and_with_script_answers_its_row(
    browser: Browser, make_named: Any
) -> None:
    flow_id = make_named("invoices")
    page = browser.get("/schedules?state=on").text
    assert 'aria-checked="true"' in page

    back = browser.post(f"/schedules/{flow_id}/switch", {"on": "0", "back": "/schedules?state=on"})
    assert back.status_code == 303
    assert back.location == "/schedules?state=on"
    assert names(browser.get("/schedules?state=off").text) == ["invoices"]

    row = browser.post(f"/schedules/{flow_id}/switch", {"on": "1", "shown": "row"}, headers=HTMX)
    assert row.status_code == 200
    assert 'aria-checked="true"' in row.text
    assert 'id="sched-' in row.text
    away = browser.post(f"/schedules/{flow_id}/switch", {"on": "0", "back": "//elsewhere"})
    assert away.location == f"/schedules/{flow_id}"


def test_a_paused_schedule_says_why_and_is_resumed_with_one_click(
    browser: Browser, make_named: Any
) -> None:
    flow_id = make_named(
        "crawl",
        is_enabled=False,
        paused_at=clock.now(),
        pause_code="paused_after_failures",
        pause_params={"count": 3, "error": "401 Unauthorized"},
    )
    page = browser.get("/schedules").text
    assert "3 failures in a row: 401 Unauthorized" in page
    assert "Resume" in page
    browser.post(f"/schedules/{flow_id}/switch", {"on": "1"})
    assert "Resume" not in browser.get("/schedules").text


def test_when_a_schedule_is_due_and_why_not_is_said_in_words(
    browser: Browser, make_named: Any, api: Any
) -> None:
    past = clock.now() - timedelta(days=3)
    make_named("over", ends_at=past, next_execution_at=None, fire_at=None)
    make_named("spent", next_execution_at=None, fire_at=None)
    make_named("empty", cron_expression=None, next_execution_at=None, fire_at=None)
    page = browser.get("/schedules").text
    assert "never: it has no rule" in page
    assert "never again" in page
    assert "ended <relative-time" in page

    make_named("due")
    assert " UTC</span>" not in browser.get("/schedules").text
    browser.client.set_cookie("lineup_zone", "Europe/Berlin")
    assert " UTC</span>" in browser.get("/schedules").text
    assert "lane paused" not in browser.get("/schedules").text
    assert api.post("/api/lanes/main/pause", json={"reason": "painting"}).status_code == 200
    assert "lane paused" in browser.get("/schedules").text


def test_a_poll_of_the_list_is_answered_only_when_something_changed(
    browser: Browser, make_named: Any, app: APIFlask
) -> None:
    flow_ids = [make_named(f"job {number:02}") for number in range(60)]
    page = browser.get("/schedules").text
    shown = page.partition('name="shown" value="')[2].partition('"')[0].replace(" ", "+")
    address = f"{poll(page, 'rows')}&shown={shown}"
    with counted(app) as statements:
        assert browser.get(address, headers=HTMX).status_code == 204
    asked = [s for s in statements if not s.startswith(("BEGIN", "PRAGMA"))]
    assert len(asked) <= 3, asked

    browser.post(f"/schedules/{flow_ids[3]}/switch", {"on": "0"})
    with counted(app) as statements:
        answer = browser.get(address, headers=HTMX)
    assert answer.status_code == 200
    assert names(answer.text) == [f"job {number:02}" for number in range(50)]
    assert answer.text.count('aria-checked="false"') == 1
    asked = [s for s in statements if not s.startswith(("BEGIN", "PRAGMA"))]
    assert len(asked) <= 6, asked


def test_a_line_shows_how_the_last_runs_ended(
    browser: Browser, make_named: Any, submit: Any, claim: Any, finish: Any
) -> None:
    flow_id = make_named("invoices")
    submit("invoices", flow_id=flow_id)
    finish(claim(), "sent")
    for _ in range(12):
        submit("invoices", flow_id=flow_id)
    page = browser.get("/schedules").text
    assert "The last 10 runs: 10 waiting" in page
    assert page.count('class="run-pending"') == 10


@pytest.fixture
def ledger(make_named: Any, app: APIFlask, make_flow: MakeFlow, make_schedule: MakeSchedule) -> str:
    """The page of a schedule in Berlin with 120 fates, every tenth skipped, and a range."""
    flow_id = make_flow("invoices")
    schedule_id = make_schedule(flow_id=flow_id, timezone="Europe/Berlin")
    lines: list[Any] = []
    for hour in range(120):
        skipped = hour % 10 == 0
        more = {"code": "skipped_overlap", "params": {}} if skipped else {"late_ms": 1500}
        lines.append((START + timedelta(hours=hour), "skipped" if skipped else "fired", more))
    until = START + timedelta(days=30)
    gone = {"until": until, "count": 1240, "code": "missed_down", "params": {}}
    put_fates(app, schedule_id, *lines, (START + timedelta(days=10), "missed", gone))
    return f"/schedules/{flow_id}"


def lines_of(page: str) -> list[str]:
    return page.split('id="due-')[1:]


@pytest.mark.both_databases
def test_a_ledger_is_read_from_the_newest_to_the_oldest_and_back(
    browser: Browser, ledger: str
) -> None:
    page = browser.get(ledger).text
    first = lines_of(page)
    assert "1,240 due times from Wed, Mar 11, 2026 01:00 to Tue, Mar 31, 2026" in first[0]
    assert "Lineup was not running" in first[0]
    assert len(first) == 50
    seen = len(first)
    assert linked(page, "prev") is None
    while (further := linked(page, "next")) is not None:
        page = browser.get(further).text
        seen += len(lines_of(page))
    assert seen == 121
    assert "Sun, Mar 1, 2026 01:00" in lines_of(page)[-1]

    above = linked(page, "prev")
    assert above
    middle = browser.get(above).text
    assert len(lines_of(middle)) == 50
    top = linked(middle, "prev")
    assert top
    assert [line.split('"')[0] for line in lines_of(browser.get(top).text)] == [
        line.split('"')[0] for line in first
    ]


def test_due_times_that_come_while_a_ledger_is_read_announce_themselves(
    browser: Browser, app: APIFlask, make_flow: MakeFlow, make_schedule: MakeSchedule
) -> None:
    flow_id = make_flow("invoices")
    schedule_id = make_schedule(flow_id=flow_id)
    address = poll(browser.get(f"/schedules/{flow_id}").text, "standing")
    with counted(app) as statements:
        assert browser.get(address, headers=HTMX).status_code == 204
    asked = [s for s in statements if not s.startswith(("BEGIN", "PRAGMA"))]
    assert len(asked) <= 4, asked

    put_fates(app, schedule_id, (START, "fired", {"late_ms": 3}))
    assert "New due times are in the ledger" in browser.get(address, headers=HTMX).text
    assert "New due times" not in browser.get(f"/schedules/{flow_id}").text


def test_a_ledger_is_narrowed_to_a_fate(browser: Browser, ledger: str) -> None:
    skipped = browser.get(f"{ledger}?fate=skipped").text
    assert len(lines_of(skipped)) == 12
    assert "The run before it was not finished." in skipped
    assert len(lines_of(browser.get(f"{ledger}?fate=missed").text)) == 1
    assert len(lines_of(browser.get(f"{ledger}?fate=x&before=y&after=z").text)) == 50


def test_a_schedule_is_deleted_after_being_asked_once_and_its_flow_stays(
    browser: Browser, ledger: str
) -> None:
    assert "The flow stays" in browser.get(f"{ledger}/ask/delete").text
    answer = browser.post(f"{ledger}/delete", follow_redirects=True)
    assert "The schedule of “invoices” is removed." in answer.text
    assert browser.get(ledger).status_code == 404
    assert "invoices" in browser.get("/schedules/~new").text
