"""The pages of flows: the list, one and its runs, running with values, and the web hook."""

from __future__ import annotations

import re

import pytest
from apiflask import APIFlask

from tests.web.conftest import Browser, as_bearer, make_token, names, poll
from tests.web.flows import TARGET, Make, only_flow, problems, text
from webapp.queries import flows, tasks


def test_without_flows_the_page_says_what_one_is(browser: Browser) -> None:
    page = browser.get("/flows").text

    assert "A flow is a task that is saved under a name" in page
    assert 'href="/flows/new"' in page


def test_one_click_runs_a_flow_without_parameters_once(
    browser: Browser, make: Make, app: APIFlask
) -> None:
    address = make()
    keyed = {"idempotency_key": "one-click"}

    first = browser.post(f"{address}/run", keyed).headers["Location"]

    assert browser.post(f"{address}/run", keyed).headers["Location"] == first
    with app.app_context():
        row = tasks.find(first.rpartition("/")[2])
    assert row.task_metadata["trigger"] == "hand"
    assert names(browser.get("/tasks").text) == ["make backup"]
    assert "make backup" in browser.get(f"{address}/runs").text


def test_values_are_typed_and_what_will_not_do_is_said_beside_it(
    browser: Browser, make: Make, app: APIFlask
) -> None:
    address = make(**TARGET)
    assert browser.get("/flows").text.count("#run") == 1  # values are asked for first

    wrong = browser.post(f"{address}/run", {"params.target": "moon", "params.level": "high"})
    assert wrong.status_code == 422
    assert problems(wrong.text) == [
        "Must be one of disk, tape.",
        "Must be a whole number of at most 64 bits.",
    ]
    assert 'value="high"' in wrong.text
    missing = browser.post(f"{address}/run", {"params.level": ""})
    assert problems(missing.text) == ["Must be given."]

    done = browser.post(f"{address}/run", {"params.target": "tape", "params.level": "5"})

    with app.app_context():
        row = tasks.find(done.headers["Location"].rpartition("/")[2])
    assert row.task_metadata["params"] == {"target": "tape", "level": 5}


def test_a_draining_lane_is_a_sentence_on_the_flows_page(browser: Browser, make: Make) -> None:
    address = make()
    browser.post("/settings/lanes/main/drain", {"reason": "moving away"})

    answer = browser.post(f"{address}/run")

    assert answer.status_code == 422
    assert "it takes nothing new. moving away" in problems(answer.text)[0]
    assert "(draining)" in answer.text


def test_deleting_asks_and_names_the_schedule_that_goes_too(
    browser: Browser, make: Make, app: APIFlask
) -> None:
    address = make()
    script = as_bearer(app, make_token(app))
    flow_id = only_flow(app).flow_id
    made = {"flow_id": flow_id, "cron_expression": "0 3 * * *"}
    assert script.post("/api/schedule", json=made).status_code == 200
    assert "Every day at 03:00" in browser.get(address).text
    assert "Every day at 03:00" in browser.get("/flows").text

    assert "Its schedule and the ledger" in browser.get(f"{address}/ask/delete").text
    assert browser.post(f"{address}/delete").status_code == 409  # nobody said so
    assert browser.post(f"{address}/delete", {"with_schedule": "1"}).status_code == 303
    assert browser.get(address).status_code == 404


def test_a_copy_is_shown_to_be_changed(browser: Browser, make: Make) -> None:
    address = make(**TARGET)

    copy = browser.post(f"{address}/clone", follow_redirects=True).text

    assert 'value="Nightly (copy)"' in copy
    assert 'value="target"' in copy


def test_a_web_hook_is_shown_once_and_ends_when_revoked(
    browser: Browser, make: Make, app: APIFlask
) -> None:
    address = make()
    page = browser.post(f"{address}/hook").text
    found = re.search(r"http://[^/]+(/hooks/[\w-]+)", page)
    assert found
    shown = browser.get(address).text
    assert found[1] not in shown
    assert f"…{found[1][-4:]}" in shown
    assert app.test_client().post(found[1], json={}).status_code == 200

    browser.post(f"{address}/hook/revoke")

    assert app.test_client().post(found[1], json={}).status_code == 404


def test_the_list_is_by_name_searched_and_silent_while_nothing_changes(
    browser: Browser, make: Make, app: APIFlask
) -> None:
    for name in ("Charlie", "alpha", "Bravo"):
        make(name=name, description=f"the flow {name}")
    listed = browser.get("/flows").text
    assert set(names(listed)) == {"Charlie", "alpha", "Bravo"}
    assert names(browser.get("/flows?q=BRAVO").text) == ["Bravo"]
    assert "No flow is like “zulu”." in text(browser.get("/flows?q=zulu").text)

    address = poll(listed, "rows")
    shown = re.search(r'name="shown" value="([^"]+)"', listed)
    assert shown
    address = f"{address}&shown={shown[1].replace(' ', '+')}"
    assert browser.get(address).status_code == 204
    with app.app_context():
        flow_id = flows.page(flows.Wanted(), before=None, limit=1).rows[0].flow_id
    browser.post(f"/flows/{flow_id}/run")
    assert browser.get(address).status_code == 200


def test_pages_of_the_list_lead_on_and_back(
    browser: Browser, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.queries.by_name.PAGE", 2)
    for number in range(5):
        make(name=f"flow {number}")

    first = browser.get("/flows").text
    assert names(first) == ["flow 0", "flow 1"]
    further = browser.get("/flows?after=flow+1").text
    assert names(further) == ["flow 2", "flow 3"]
    assert names(browser.get("/flows?before=flow+2").text) == ["flow 0", "flow 1"]


def test_who_may_only_read_changes_nothing(app: APIFlask, browser: Browser, make: Make) -> None:
    address = make()
    script = as_bearer(app, make_token(app, "read"))

    assert script.get(address).status_code == 200
    for path in ("/flows/new", f"{address}/run", f"{address}/delete", f"{address}/hook"):
        assert script.post(path).status_code == 403


def test_what_waits_and_rides_goes_by_the_name_of_its_flow(browser: Browser, make: Make) -> None:
    address = make(name="Nightly backup", task_description="for i in 1 2; do echo $i; done")
    assert browser.post(f"{address}/run", {}).status_code == 303
    now = text(browser.get("/").text)
    assert ">Nightly backup</a>" in now
    assert "for i in 1 2" not in now
