"""An edit of a schedule by its form: what nobody touched stays as it was."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.factories import MakeFlow, MakeSchedule
from tests.web.conftest import Browser
from webapp import clock

HTMX = {"HX-Request": "true"}


def offered(page: str) -> dict[str, str]:
    """What stands in every field, but for what is ticked."""
    form = dict(re.findall(r'<input[^>]*? name="(\w+)"[^>]*? value="([^"]*)"', page))
    form |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n([^<]*)<', page))
    chosen = r'<select[^>]* name="(\w+)".*?value="([^"]*)" selected'
    return form | dict(re.findall(chosen, page, re.S))


def test_saving_what_nobody_changed_changes_nothing(
    browser: Browser, make_flow: MakeFlow, api: Any
) -> None:
    flow_id = make_flow("invoices")
    own = {
        "cron_expression": "0 9 * * 1-5",
        "timezone": "Europe/Berlin",
        "description": "two\nlines",
        "starts_at": "2030-01-01T08:00:30+01:00",
        "grace_s": 0.125,
        "jitter_s": 3600,
        "catch_up": "once",
        "catch_up_limit": 7,
        "catch_up_window_s": 1234567.5,
        "calendar": ["12-25"],
    }
    before = api.post("/api/schedule", json={"flow_id": flow_id, **own}).json
    form = offered(browser.get(f"/schedules/{flow_id}/edit").text)
    form |= {"preset": "weekdays", "is_enabled": "1"}
    assert browser.post(f"/schedules/{flow_id}", form).status_code == 303
    after = api.get(f"/api/schedule/{flow_id}").json
    assert {name: after[name] for name in own} == {name: before[name] for name in own}
    assert after["version"] == before["version"]


@pytest.mark.parametrize(
    "own",
    [
        {"ends_at": "2027-10-31T00:30:00+00:00"},
        {"ends_at": "2027-10-31T01:30:00+00:00"},
        {"starts_at": "2030-01-01T07:00:00.250000+00:00"},
        {"grace_s": 0.0001},
        {"grace_s": 1e-07, "jitter_s": 86399.123456},
    ],
)
def test_what_the_form_cannot_show_in_full_is_saved_as_it_was(
    browser: Browser, make_flow: MakeFlow, api: Any, own: dict[str, Any]
) -> None:
    flow_id = make_flow("invoices")
    usual = {"cron_expression": "0 9 * * *", "timezone": "Europe/Berlin"}
    before = api.post("/api/schedule", json={"flow_id": flow_id, **usual, **own}).json
    form = offered(browser.get(f"/schedules/{flow_id}/edit").text)
    form |= {"preset": "daily", "is_enabled": "1"}
    seen_again = offered(browser.post("/schedules/~preview", form, headers=HTMX).text)

    assert browser.post(f"/schedules/{flow_id}", {**form, **seen_again}).status_code == 303

    after = api.get(f"/api/schedule/{flow_id}").json
    assert {name: after[name] for name in own} == own
    assert after["version"] == before["version"]


def test_a_moment_is_read_anew_where_it_or_its_zone_was_changed(
    browser: Browser, make_flow: MakeFlow, api: Any
) -> None:
    flow_id = make_flow("invoices")
    own = {"cron_expression": "0 9 * * *", "timezone": "Europe/Berlin"}
    ends = {"ends_at": "2027-10-31T01:30:00+00:00"}
    api.post("/api/schedule", json={"flow_id": flow_id, **own, **ends})

    for change, stored in (
        ({"ends_at": "2027-10-31T04:30"}, "2027-10-31T03:30:00+00:00"),
        ({"timezone": "Asia/Tokyo"}, "2027-10-30T19:30:00+00:00"),
        ({"ends_at": ""}, None),
    ):
        form = offered(browser.get(f"/schedules/{flow_id}/edit").text)
        form |= {"preset": "daily", "is_enabled": "1", **change}
        assert browser.post(f"/schedules/{flow_id}", form).status_code == 303
        assert api.get(f"/api/schedule/{flow_id}").json["ends_at"] == stored


def test_a_pause_and_its_reason_outlive_an_edit_of_the_note(
    browser: Browser, make_schedule: MakeSchedule, make_flow: MakeFlow
) -> None:
    why = {"count": 3, "error": "401 Unauthorized"}
    paused = {"paused_at": clock.now(), "pause_code": "paused_after_failures", "pause_params": why}
    flow_id = make_flow("invoices")
    make_schedule(flow_id=flow_id, is_enabled=False, **paused)
    form = offered(browser.get(f"/schedules/{flow_id}/edit").text)
    form |= {"preset": "daily", "description": "called them"}
    form.pop("is_enabled", None)

    assert browser.post(f"/schedules/{flow_id}", form).status_code == 303

    page = browser.get(f"/schedules/{flow_id}").text
    assert "called them" in page
    assert "3 failures in a row: 401 Unauthorized" in page
    assert "Resume" in page


def test_who_was_told_that_it_changed_meanwhile_may_save_all_the_same(
    browser: Browser, make_flow: MakeFlow, api: Any
) -> None:
    flow_id = make_flow("invoices")
    api.post("/api/schedule", json={"flow_id": flow_id, "cron_expression": "0 9 * * *"})
    form = offered(browser.get(f"/schedules/{flow_id}/edit").text)
    form |= {"preset": "daily", "is_enabled": "1", "description": "mine"}
    api.put(f"/api/schedule/{flow_id}", json={"description": "theirs"})

    refused = browser.post(f"/schedules/{flow_id}", form)

    assert refused.status_code == 422
    assert "compare it with the schedule as it is now" in refused.text
    assert api.get(f"/api/schedule/{flow_id}").json["description"] == "theirs"
    again = offered(refused.text) | {"preset": "daily", "is_enabled": "1"}
    assert browser.post(f"/schedules/{flow_id}", again).status_code == 303
    assert api.get(f"/api/schedule/{flow_id}").json["description"] == "mine"
