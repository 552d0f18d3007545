"""Schedules by JSON: what is refused, what is stored, and what a change leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.schedules import HOURLY, put_fates
from tests.factories import MakeFlow
from webapp import clock

FIELDS = {
    *("id", "flow_id", "cron_expression", "is_enabled", "description", "last_execution_at"),
    *("next_execution_at", "execution_count", "created_at", "updated_at"),
}
WRONG = {
    "cron_expression": ["61 * * * *", "0 0 31 2 *", "", 7, "* " * 200],
    "timezone": ["Europe/Berln", "", "localtime", "../etc/passwd", 1],
    "is_enabled": ["yes", 1],
    "overlap": ["sometimes", 3],
    "catch_up": ["maybe"],
    "catch_up_limit": [0, -1, 1.5, 10**9, True],
    "catch_up_window_s": [-1, 1e12, "1"],
    "grace_s": [-0.1, 1e12],
    "jitter_s": [-1, 86401],
    "starts_at": ["2026-11-23T09:00:00", "tomorrow", "9999-12-31T23:59:59Z", 5],
    "ends_at": ["2001-01-01T00:00:00Z", "never"],
    "calendar": [["2026-02-30"], ["12-32"], ["2027-01-02/2026-12-24"], "2026-12-25", [5]],
    "calendar_ics": ["no calendar at all"],
    "pause_after_failures": [0, -3, 1.5],
    "description": ["nul \0", 5, "x" * 10_001],
    "colour": ["red"],
}


@pytest.fixture
def flow_id(make_flow: MakeFlow) -> str:
    """A flow without a schedule."""
    return make_flow("backup")


def create(api: FlaskClient, flow_id: str, **fields: Any) -> dict[str, Any]:
    """Give a flow a schedule."""
    body = {"flow_id": flow_id, "cron_expression": HOURLY, **fields}
    answer = api.post("/api/schedule", json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def change(api: FlaskClient, of_flow: str, **fields: Any) -> dict[str, Any]:
    """Change a schedule."""
    answer = api.put(f"/api/schedule/{of_flow}", json=fields)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


@pytest.mark.any_database
@pytest.mark.parametrize("field", WRONG)
def test_a_field_that_cannot_be_used_is_named_and_nothing_is_stored(
    api: FlaskClient, flow_id: str, field: str
) -> None:
    for wrong in WRONG[field]:
        body = {"flow_id": flow_id, "cron_expression": HOURLY, "timezone": "UTC", field: wrong}
        answer = api.post("/api/schedule", json=body)

        assert answer.status_code == 400, wrong
        assert field in answer.get_json()["fields"], (wrong, answer.text)
    assert api.get("/api/schedule").get_json() == []


@pytest.mark.any_database
def test_a_zone_that_is_none_is_refused_with_near_ones(api: FlaskClient, flow_id: str) -> None:
    def said(zone: str) -> str:
        body = {"flow_id": flow_id, "timezone": zone}
        return str(api.post("/api/schedule", json=body).get_json()["detail"])

    assert "Europe/Berlin" in said("Europe/Berln")
    assert "Europe/Berlin" in said("berlin")
    assert "Asia/Kolkata" in said("Kolkatta")
    assert create(api, flow_id, timezone="europe/berlin")["timezone"] == "Europe/Berlin"


@pytest.mark.any_database
def test_ends_must_lie_after_starts_and_leave_a_time_between(
    api: FlaskClient, flow_id: str
) -> None:
    body = {"flow_id": flow_id, "cron_expression": "0 0 * * *", "timezone": "UTC"}
    for starts, ends in (
        ("2030-01-02T00:00:00Z", "2030-01-01T00:00:00Z"),
        ("2030-01-01T00:01:00Z", "2030-01-01T23:59:00Z"),
    ):
        answer = api.post("/api/schedule", json={**body, "starts_at": starts, "ends_at": ends})
        assert answer.status_code == 400
        assert "ends_at" in answer.get_json()["fields"]


def test_an_unknown_flow_and_a_second_schedule_are_refused(api: FlaskClient, flow_id: str) -> None:
    assert api.post("/api/schedule", json={"flow_id": "nobody"}).status_code == 404
    assert api.post("/api/schedule", json={"flow_id": "nul\0"}).status_code in (400, 404)
    create(api, flow_id)

    twice = api.post("/api/schedule", json={"flow_id": flow_id, "cron_expression": HOURLY})

    assert twice.status_code == 409
    assert "backup" in twice.get_json()["detail"]
    for method in (api.get, api.delete):
        assert method("/api/schedule/nobody").status_code == 404
    assert api.put("/api/schedule/nobody", json={"is_enabled": False}).status_code == 404
    assert api.get("/api/schedule/nobody/occurrences").status_code == 404


def test_of_many_who_schedule_a_flow_at_once_one_does(
    api: FlaskClient, app: APIFlask, flow_id: str
) -> None:
    def one(_: int) -> int:
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = api.environ_base["HTTP_AUTHORIZATION"]
        body = {"flow_id": flow_id, "cron_expression": HOURLY}
        return client.post("/api/schedule", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(8))) == [200, *[409] * 7]


def test_a_flow_that_must_be_given_something_cannot_be_scheduled(
    api: FlaskClient, make_flow: MakeFlow
) -> None:
    given = [{"name": "year", "type": "integer", "default": 2026, "required": True}]
    asked = [*given, {"name": "customer", "type": "string", "required": True}]
    create(api, make_flow("with defaults", parameters=given))

    flow_id = make_flow("invoices", parameters=asked)
    answer = api.post("/api/schedule", json={"flow_id": flow_id, "cron_expression": HOURLY})

    assert answer.status_code == 400
    assert "customer" in answer.get_json()["detail"]
    assert "year" not in answer.get_json()["detail"]


def test_a_schedule_begins_with_its_next_time_and_every_field(
    api: FlaskClient, flow_id: str
) -> None:
    made = create(api, flow_id, timezone="Asia/Kolkata", description="each hour")

    due = datetime.fromisoformat(made["next_execution_at"])
    assert made.keys() >= FIELDS
    assert timedelta() < due - clock.now() <= timedelta(hours=1)
    assert due.minute == 30  # the zone lies half an hour beside the others
    assert made["is_enabled"] is True
    assert made["execution_count"] == 0
    assert api.get(f"/api/schedule/{flow_id}").get_json() == made
    assert api.get("/api/schedule").get_json() == [made]


def test_the_first_time_is_not_before_its_start(api: FlaskClient, flow_id: str) -> None:
    made = create(api, flow_id, timezone="UTC", starts_at="2035-05-05T10:00:00+02:00")

    assert made["next_execution_at"] == "2035-05-05T08:00:00+00:00"


def test_without_a_rule_or_switched_off_it_has_no_next_time(
    api: FlaskClient, make_flow: MakeFlow
) -> None:
    off = create(api, make_flow("a"), is_enabled=False)
    ruleless = create(api, make_flow("b"), cron_expression=None)

    assert (off["next_execution_at"], ruleless["next_execution_at"]) == (None, None)
    assert change(api, off["flow_id"], is_enabled=True)["next_execution_at"] is not None
    assert change(api, off["flow_id"], is_enabled=False)["next_execution_at"] is None


def test_only_what_is_sent_changes(api: FlaskClient, flow_id: str) -> None:
    made = create(api, flow_id, calendar=["12-25"], description="first", grace_s=30)
    answer = change(api, flow_id, flow_id=flow_id, description="second", overlap="skip")

    different = {name for name in made if made[name] != answer[name]}
    assert different == {"description", "overlap", "updated_at", "version"}
    assert change(api, flow_id, description=None, calendar=None)["calendar"] is None
    assert api.put(f"/api/schedule/{flow_id}", json={"flow_id": "other"}).status_code == 400


def test_a_change_that_does_not_touch_when_it_runs_leaves_the_next_time_alone(
    api: FlaskClient, change_schedule: Callable[..., None], flow_id: str
) -> None:
    made = create(api, flow_id)
    late = clock.now().replace(microsecond=0) + timedelta(minutes=7)
    change_schedule(made["id"], next_execution_at=late, fire_at=late)

    same = change(api, flow_id, is_enabled=True, cron_expression=HOURLY, description="words")
    assert same["next_execution_at"] == late.isoformat()

    other = change(api, flow_id, cron_expression="30 * * * *", timezone="UTC")
    assert datetime.fromisoformat(other["next_execution_at"]).minute == 30


def test_a_due_time_that_has_its_fate_is_not_due_again(
    api: FlaskClient, app: APIFlask, flow_id: str
) -> None:
    first = create(api, flow_id, timezone="UTC", cron_expression="0 * * * *")
    due = datetime.fromisoformat(first["next_execution_at"])
    put_fates(app, first["id"], (due, "fired", {"late_ms": 0}))  # by a server whose clock is ahead

    again = change(api, flow_id, cron_expression="0 */1 * * *")

    assert datetime.fromisoformat(again["next_execution_at"]) == due + timedelta(hours=1)


def test_a_change_of_what_somebody_else_changed_is_refused(api: FlaskClient, flow_id: str) -> None:
    made = create(api, flow_id)
    change(api, flow_id, description="theirs", version=made["version"])

    answer = api.put(
        f"/api/schedule/{flow_id}", json={"description": "mine", "version": made["version"]}
    )

    assert (answer.status_code, answer.get_json()["error"]) == (409, "changed_meanwhile")
    assert api.get(f"/api/schedule/{flow_id}").get_json()["description"] == "theirs"


def test_a_switch_by_hand_ends_an_automatic_pause(
    api: FlaskClient, change_schedule: Callable[..., None], flow_id: str
) -> None:
    made = create(api, flow_id, is_enabled=False)
    paused = {"paused_at": clock.now(), "pause_code": "missed_down", "pause_params": {}}
    change_schedule(made["id"], **paused)
    shown = api.get(f"/api/schedule/{flow_id}").get_json()
    assert shown["pause_reason"].startswith("Lineup was not running")

    answer = change(api, flow_id, is_enabled=True)

    assert (answer["paused_at"], answer["pause_reason"]) == (None, None)
    assert answer["next_execution_at"] is not None


@pytest.mark.any_database
def test_everything_that_is_said_of_a_schedule_is_described(api: FlaskClient, flow_id: str) -> None:
    made = create(api, flow_id)

    described = api.get("/api/openapi.json").get_json()["components"]["schemas"]["ScheduleAnswer"]

    assert made.keys() == described["properties"].keys()


def test_a_removed_schedule_takes_its_ledger_along_and_leaves_its_flow(
    api: FlaskClient, app: APIFlask, flow_id: str
) -> None:
    made = create(api, flow_id)
    put_fates(app, made["id"], (datetime(2026, 1, 1, tzinfo=UTC), "fired", {"late_ms": 3}))

    answer = api.delete(f"/api/schedule/{flow_id}")

    assert answer.status_code == 200
    assert "backup" in answer.get_json()["message"]
    create(api, flow_id)
    ledger = api.get(f"/api/schedule/{flow_id}/occurrences").get_json()
    assert ledger == {"occurrences": [], "next_cursor": None}


def test_schedules_are_listed_newest_first_and_by_whether_they_are_on(
    api: FlaskClient, make_flow: MakeFlow
) -> None:
    for name in ("a", "b", "c"):
        create(api, make_flow(name), is_enabled=name != "b")

    def listed(query: str = "") -> list[str]:
        return [row["flow_name"] for row in api.get(f"/api/schedule{query}").get_json()]

    assert listed() == ["c", "b", "a"]
    assert listed("?is_enabled=true") == ["c", "a"]
    assert listed("?is_enabled=false") == ["b"]
    assert api.get("/api/schedule?is_enabled=perhaps").status_code == 400
