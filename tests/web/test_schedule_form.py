"""The form of a schedule over HTTP: read back while typing, refused in words, saved."""

from __future__ import annotations

import re
from typing import Any

import pytest
from apiflask import APIFlask

from tests.factories import MakeFlow, MakeSchedule
from tests.web.conftest import Browser, counted
from webapp import clock

HTMX = {"HX-Request": "true"}
USUAL = {
    "preset": "daily",
    "at": "09:00",
    "cron_expression": "0 9 * * *",
    "written": "0 9 * * *",
    "timezone": "UTC",
    "overlap": "queue_one",
    "catch_up": "skip",
    "grace_s": "5m",
    "jitter_s": "0",
    "is_enabled": "1",
}


@pytest.fixture
def preview(browser: Browser) -> Any:
    """What the form says back to fields that were typed."""

    def ask(**fields: str) -> str:
        answer = browser.post("/schedules/~preview", {**USUAL, **fields}, headers=HTMX)
        assert answer.status_code == 200
        return answer.text

    return ask


def value(page: str, name: str) -> str:
    """What stands in a field."""
    found = re.search(rf'name="{name}"[^>]*? value="([^"]*)"', page)
    return found[1] if found else ""


def problem(page: str, name: str) -> str:
    """What is said beside a field."""
    found = re.search(rf'id="f-{name}-problem">([^<]+)<', page)
    return found[1].replace("&#39;", "'") if found else ""


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("cron_expression", "0 9 * *", "It has 4 fields"),
        ("cron_expression", "0 0 30 2 *", "never"),
        ("timezone", "Berlin", "do you mean Europe/Berlin?"),
        ("timezone", "", ""),
        ("grace_s", "soon", "Write a duration like 90, 10m or 1h 30m."),
        ("jitter_s", "9999d", "Must be a number of seconds"),
        ("pause_after_failures", "often", "Write a whole number."),
        ("pause_after_failures", "0", "Must be a whole number from 1"),
        ("starts_at", "tomorrow", "Write a day and a time"),
        ("calendar", "12-44", "'12-44' is no day such as"),
        ("overlap", "collide", "Must be one of"),
        ("n", "0", "Write a number of minutes from 1 to 59."),
        ("at", "25:00", "Write a time from 00:00 to 23:59."),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_what_was_typed_stays(
    browser: Browser, make_flow: MakeFlow, field: str, typed: str, said: str
) -> None:
    flow_id = make_flow("invoices")
    fields = {**USUAL, "flow_id": flow_id, "description": "kept <b>", field: typed}
    if field == "n":
        fields["preset"] = "minutes"
    answer = browser.post("/schedules", fields)
    assert answer.status_code == 422
    assert said in problem(answer.text, field)
    assert "kept &lt;b&gt;</textarea>" in answer.text
    if field not in ("calendar", "overlap"):
        assert value(answer.text, field) == typed
    assert browser.get(f"/schedules/{flow_id}").status_code == 404


def test_a_rule_is_read_though_its_zone_cannot_be(browser: Browser, make_flow: MakeFlow) -> None:
    wrong = {"cron_expression": "61 2 * * *", "timezone": "Europe/Berln"}
    page = browser.post("/schedules", {**USUAL, "flow_id": make_flow("invoices"), **wrong}).text
    assert "Berlin" in problem(page, "timezone")
    assert "61" in problem(page, "cron_expression")


def test_without_a_flow_nothing_is_made(browser: Browser, make_flow: MakeFlow) -> None:
    make_flow("invoices")
    answer = browser.post("/schedules", USUAL)
    assert answer.status_code == 422
    assert problem(answer.text, "flow_id") == "Choose the flow that is to run."
    assert browser.post("/schedules", {**USUAL, "flow_id": "lost"}).status_code == 422


def test_a_schedule_is_made_with_the_form_as_it_is_offered(
    browser: Browser, make_flow: MakeFlow
) -> None:
    flow_id = make_flow("invoices")
    page = browser.get(f"/schedules/~new?flow={flow_id}").text
    assert "Schedule of invoices" in page
    assert value(page, "cron_expression") == "0 9 * * *"
    assert page.count("<time datetime") == 10
    made = browser.post("/schedules", {**USUAL, "flow_id": flow_id, "fixed": "1"})
    assert (made.status_code, made.location) == (303, f"/schedules/{flow_id}")
    assert "The schedule is made." in browser.get(made.location).text
    assert browser.get(f"/schedules/~new?flow={flow_id}").location == f"/schedules/{flow_id}/edit"
    assert browser.post("/schedules", {**USUAL, "flow_id": flow_id}).status_code == 422


def test_every_field_is_stored_and_offered_again(
    browser: Browser, make_flow: MakeFlow, api: Any
) -> None:
    flow_id = make_flow("invoices")
    typed = {
        "cron_expression": "15 */2 * * 1-5",
        "timezone": "europe/berlin",
        "overlap": "replace",
        "catch_up": "all",
        "catch_up_window_s": "2d",
        "catch_up_limit": "7",
        "grace_s": "90",
        "jitter_s": "1m 30s",
        "starts_at": "2030-01-01T08:00",
        "ends_at": "2031-01-01T08:00",
        "calendar": "2030-12-24/2031-01-02, 05-01",
        "pause_after_failures": "3",
        "description": "from the crontab",
    }
    form = {**USUAL, **typed, "flow_id": flow_id}
    del form["is_enabled"]
    assert browser.post("/schedules", form).status_code == 303
    stored = api.get(f"/api/schedule/{flow_id}").json
    assert stored["is_enabled"] is False
    assert stored["timezone"] == "Europe/Berlin"
    assert (stored["grace_s"], stored["jitter_s"], stored["catch_up_window_s"]) == (90, 90, 172800)
    assert stored["starts_at"] == "2030-01-01T07:00:00+00:00"
    assert stored["calendar"] == ["05-01", "2030-12-24/2031-01-02"]

    page = browser.get(f"/schedules/{flow_id}/edit").text
    assert 'value="custom" checked' in page
    offered = {name: value(page, name) for name in typed if name not in ("overlap", "catch_up")}
    assert offered["grace_s"] == "1m 30s"
    assert offered["starts_at"] == "2030-01-01T08:00"
    assert offered["catch_up_window_s"] == "2d"
    assert "05-01\n2030-12-24/2031-01-02" in page


def test_an_edit_that_somebody_overtook_is_refused_and_keeps_what_was_typed(
    browser: Browser, make_schedule: MakeSchedule, make_flow: MakeFlow
) -> None:
    flow_id = make_flow("invoices")
    make_schedule(flow_id=flow_id)
    page = browser.get(f"/schedules/{flow_id}/edit").text
    seen = value(page, "version")
    first = {**USUAL, "version": seen, "description": "first"}
    assert browser.post(f"/schedules/{flow_id}", first).status_code == 303
    second = browser.post(f"/schedules/{flow_id}", {**first, "description": "second"})
    assert second.status_code == 422
    assert "This schedule was changed in the meantime" in second.text
    assert "second</textarea>" in second.text


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({"preset": "minutes", "n": "15"}, "*/15 * * * *"),
        ({"preset": "minutes", "n": "1"}, "* * * * *"),
        ({"preset": "hourly", "minute": "7"}, "7 * * * *"),
        ({"preset": "daily", "at": "18:05"}, "5 18 * * *"),
        ({"preset": "weekdays", "at": "00:00"}, "0 0 * * 1-5"),
        ({"preset": "weekly", "weekday": "0"}, "0 9 * * 0"),
        ({"preset": "monthly", "monthday": "L"}, "0 9 L * *"),
    ],
)
def test_a_preset_writes_the_expression_and_is_recognised_in_it(
    preview: Any, fields: dict[str, str], expression: str
) -> None:
    page = preview(**fields)
    assert value(page, "cron_expression") == value(page, "written") == expression
    assert page.count("<time datetime") == 10
    typed = preview(cron_expression=f" {expression} ", written="something else")
    assert f'value="{fields["preset"]}" checked' in typed


def test_who_types_an_expression_means_that_one(preview: Any) -> None:
    page = preview(cron_expression="0 9,17 * * 1", written="0 9 * * *")
    assert value(page, "cron_expression") == "0 9,17 * * 1"
    assert 'value="custom" checked' in page


def test_the_preview_marks_what_a_clock_change_does(browser: Browser, preview: Any) -> None:
    browser.client.set_cookie("lineup_zone", "America/New_York")
    page = preview(
        cron_expression="30 2 * * *", timezone="Europe/Berlin", starts_at="2027-03-27T00:00"
    )
    runs = re.sub(r"<[^>]+>", " ", page.partition('id="preview"')[2])
    assert "Sat, Mar 27 02:30 CET" in runs
    assert "Sun, Mar 28 03:00 CEST" in runs
    assert "Moved from 02:30: clocks go forward." in runs
    assert "yours, New York" in runs
    assert "Fri 21:30" in runs  # the same moment on the reader's clock, the evening before
    assert "days away" in runs


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"overlap": "skip"}, "at work or waiting is skipped."),
        ({"overlap": "replace"}, "is stopped, those that wait are taken out"),
        ({"catch_up": "once"}, "the newest due time that passed is run"),
        (
            {"catch_up": "all", "catch_up_window_s": "2h", "catch_up_limit": "5"},
            "every due time of the last 2 hours is run, at most the newest 5.",
        ),
        ({"grace_s": "90"}, "up to 1 minute 30 seconds late is still started"),
        ({"cron_expression": "* * * * *", "written": ""}, "up to 30 seconds late"),
        ({"grace_s": "0"}, "is left to the rule for outages"),
        ({"jitter_s": "10m"}, "up to 10 minutes after it is due"),
        ({"calendar": "12-25"}, "are skipped: Dec 25 of each year."),
        ({"pause_after_failures": "3"}, "3 failed runs in a row switch it off"),
        ({"pause_after_failures": "1"}, "The first run that fails switches it off"),
        ({"ends_at": "2020-01-01T00:00"}, "It ends before it is ever due."),
        ({"cron_expression": "*/7 * * * *", "written": ""}, "after minute 56 comes minute 0"),
        ({"cron_expression": "0 0 31 * *", "written": ""}, "Months without a day 31"),
        ({"cron_expression": "0 0 13 * 5", "written": ""}, "it runs where either fits"),
        ({"cron_expression": "0 0 */2 * 1", "written": ""}, "it runs where both fit"),
        ({"cron_expression": "", "written": ""}, "it never fires"),
    ],
)
def test_each_policy_says_what_will_happen(preview: Any, fields: dict[str, str], said: str) -> None:
    page = re.sub(r"\s+", " ", preview(**{"preset": "custom", **fields}))
    assert said in page


def test_days_off_are_marked_in_the_preview(preview: Any) -> None:
    tomorrow = f"{clock.now():%Y-%m-%d}/2999-01-01"
    page = preview(calendar=tomorrow)
    assert page.count("skipped: the calendar leaves this day out") == 10
    assert "The calendar leaves out all of these." in page


def test_without_script_the_preview_is_a_page(browser: Browser, make_flow: MakeFlow) -> None:
    make_flow("invoices")
    page = browser.post("/schedules/~preview", {**USUAL, "preset": "weekly", "weekday": "3"}).text
    assert "<title>New schedule" in page
    assert value(page, "cron_expression") == "0 9 * * 3"


def test_typing_costs_a_bounded_number_of_queries(app: APIFlask, browser: Browser) -> None:
    with counted(app) as statements:
        assert browser.post("/schedules/~preview", USUAL, headers=HTMX).status_code == 200
    asked = [s for s in statements if not s.startswith(("BEGIN", "PRAGMA"))]
    assert len(asked) <= 2, asked
