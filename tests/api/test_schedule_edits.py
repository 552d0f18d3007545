"""Edits at the very moment: what is due has its fate by the rule as it was, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.factories import MakeFlow, MakeSchedule
from webapp import clock
from webapp.config import Settings
from webapp.services.firing import rounds, writing
from webapp.services.submissions import Bounds

Edit = Callable[..., Any]
YEARLY = "0 0 1 1 *"
EDITS: list[dict[str, Any]] = [
    {"cron_expression": "30 5 * * *"},
    {"timezone": "Asia/Tokyo"},
    {"is_enabled": False},
    {"starts_at": "2040-01-01T00:00:00Z"},
]
RULE = "schedule: {cron_expression: '@daily'}"


def moment() -> datetime:
    """A due time that has just come, to the second."""
    return clock.now().replace(microsecond=0) - timedelta(seconds=1)


def ledger(api: FlaskClient, flow_id: str) -> list[dict[str, Any]]:
    """What became of each due time."""
    page = api.get(f"/api/schedule/{flow_id}/occurrences").get_json()
    found: list[dict[str, Any]] = page["occurrences"]
    return found


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: next(iter(edit)))
def test_what_was_due_when_it_was_edited_is_fired_once_by_the_rule_as_it_was(
    api: FlaskClient, make_flow: MakeFlow, make_schedule: MakeSchedule, edit: dict[str, Any]
) -> None:
    flow_id, due = make_flow(), moment()
    make_schedule(due, flow_id=flow_id, cron_expression=YEARLY)

    for _ in range(2):
        assert api.put(f"/api/schedule/{flow_id}", json=edit).status_code == 200

    [line] = ledger(api, flow_id)
    assert (line["due_at"], line["fate"]) == (due.isoformat(), "fired")
    [task] = api.get(f"/api/tasks?flow_id={flow_id}").get_json()["tasks"]
    assert task["task_id"] == line["task_id"]
    after = api.get(f"/api/schedule/{flow_id}").get_json()
    assert after["execution_count"] == 1
    upcoming = after["next_execution_at"]
    assert upcoming is None or datetime.fromisoformat(upcoming) > clock.now()


def test_what_was_due_when_a_file_replaced_it_is_fired_by_the_rule_as_it_was(
    api: FlaskClient, make_flow: MakeFlow, make_schedule: MakeSchedule
) -> None:
    flow_id, due = make_flow("Back up"), moment()
    make_schedule(due, flow_id=flow_id, cron_expression=YEARLY)
    text = f"lineup: 1\nflows:\n- {{name: Back up, agent: shell, task_description: 'true', {RULE}}}"

    answer = api.post("/api/import", json={"text": text, "existing": "replace"})

    assert answer.status_code == 200, answer.text
    [line] = ledger(api, flow_id)
    assert (line["due_at"], line["fate"]) == (due.isoformat(), "fired")


def test_while_several_edit_it_and_others_fire_it_every_second_has_one_fate(
    api: FlaskClient, app: APIFlask, make_flow: MakeFlow, settings: Settings
) -> None:
    flow_id, rule = make_flow(), "* * * * * *"
    body = {"flow_id": flow_id, "cron_expression": rule, "overlap": "queue_all", "catch_up": "all"}
    first = api.post("/api/schedule", json=body).get_json()["next_execution_at"]
    enough = datetime.fromisoformat(first) + timedelta(seconds=1)

    def edit(zone: str) -> None:
        script = app.test_client()
        script.environ_base["HTTP_AUTHORIZATION"] = api.environ_base["HTTP_AUTHORIZATION"]
        while clock.now() < enough:
            given = {"timezone": zone}
            assert script.put(f"/api/schedule/{flow_id}", json=given).status_code == 200

    def fire(_: str) -> None:
        terms = writing.Terms(Bounds(1000, settings.data / "workspaces"))
        while clock.now() < enough:
            with app.app_context():
                rounds.fire_due(clock.now(), terms)

    with ThreadPoolExecutor(3) as pool:
        works = [pool.submit(edit, "UTC"), pool.submit(edit, "Asia/Tokyo"), pool.submit(fire, "")]
    for work in works:
        work.result()
    api.put(f"/api/schedule/{flow_id}", json={"is_enabled": False})

    due = [datetime.fromisoformat(line["due_at"]) for line in ledger(api, flow_id)][::-1]
    assert due == [due[0] + timedelta(seconds=number) for number in range(len(due))]
    assert due[0].isoformat() == first
    assert {line["fate"] for line in ledger(api, flow_id)} == {"fired"}


def test_an_edit_of_other_things_leaves_what_is_due_to_the_clockwork(
    api: FlaskClient, make_flow: MakeFlow, make_schedule: MakeSchedule
) -> None:
    flow_id, due = make_flow(), moment()
    make_schedule(due, flow_id=flow_id, cron_expression=YEARLY)

    answer = api.put(f"/api/schedule/{flow_id}", json={"description": "x", "overlap": "skip"})

    assert answer.get_json()["next_execution_at"] == due.isoformat()
    assert ledger(api, flow_id) == []


def test_a_due_time_that_waits_for_its_jitter_is_skipped_by_an_edit_and_says_so(
    api: FlaskClient, make_flow: MakeFlow, make_schedule: MakeSchedule
) -> None:
    flow_id, due = make_flow(), moment()
    waiting = {"fire_at": due + timedelta(hours=1), "jitter_s": 7200.0}
    make_schedule(due, flow_id=flow_id, cron_expression=YEARLY, **waiting)

    api.put(f"/api/schedule/{flow_id}", json={"cron_expression": "30 5 * * *"})

    [line] = ledger(api, flow_id)
    assert (line["fate"], line["task_id"]) == ("skipped", None)
    assert "changed before" in line["reason"]


def test_that_it_is_fired_is_no_edit_that_a_form_would_stumble_over(
    api: FlaskClient, make_flow: MakeFlow, make_schedule: MakeSchedule
) -> None:
    flow_id = make_flow()
    make_schedule(moment(), flow_id=flow_id, cron_expression=YEARLY)
    seen = api.get(f"/api/schedule/{flow_id}").get_json()["version"]

    answer = api.put(f"/api/schedule/{flow_id}", json={"timezone": "Asia/Tokyo", "version": seen})

    assert answer.status_code == 200
    assert answer.get_json()["execution_count"] == 1


def test_what_fell_due_in_a_freeze_is_not_fired_by_whoever_thaws_before_the_clockwork_looks(
    api: FlaskClient, make_flow: MakeFlow, make_schedule: MakeSchedule
) -> None:
    flow_id, due = make_flow(), moment()
    api.post("/api/freeze", json={"reason": "moving house"})
    make_schedule(due, flow_id=flow_id, cron_expression=YEARLY, catch_up="all")

    assert api.delete("/api/freeze").status_code == 200

    [line] = ledger(api, flow_id)
    assert (line["due_at"], line["fate"]) == (due.isoformat(), "skipped")
    assert "moving house" in line["reason"]
