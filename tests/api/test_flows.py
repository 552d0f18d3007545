"""Flows over JSON: made, looked at, changed, copied, deleted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import NIGHTLY, NOBODY, Make


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("fields", "named", "reason"),
    [
        ({"name": None}, "name", "string"),
        ({"name": ""}, "name", "empty"),
        ({"name": "x" * 201}, "name", "200"),
        ({"name": "a\nb"}, "name", "one line"),
        ({"name": "a\0b"}, "name", "NUL"),
        ({"name": "\ud800"}, "name", "Unicode"),
        ({"name": "\u202egnp.exe"}, "name", "cannot be seen"),
        ({"task_description": None}, "task_description", "string"),
        ({"description": "a\0b"}, "description", "NUL"),
        ({"agent": None}, "agent", "which agent"),
        ({"agent": "telepathy"}, "agent", "no agent"),
        ({"lane": "nowhere"}, "lane", "no lane"),
        ({"retry_delay_s": 0}, "retry_delay_s", "above 0"),
        ({"retry_delay_s": 86401}, "retry_delay_s", "86400"),
        ({"rerun_interrupted": "yes"}, "rerun_interrupted", "boolean"),
        ({"when_busy": "queue"}, "when_busy", "each run"),
        ({"upload_file_ids": ["x"]}, "upload_file_ids", "session"),
        ({"llm_profile_name": "x"}, "llm_profile_name", "not a setting of shell"),
        ({"notify": 7}, "notify", "object"),
        ({"notify": {"bogus": True}}, "notify", "no rule"),
        ({"notify": {"channels": ["nowhere"]}}, "notify", "nowhere"),
        ({"working_dir": "/no/such/place"}, "working_dir", "not an existing"),
        ({"agent_settings": {"wroking_dir": "/"}}, "wroking_dir", "not a setting"),
        ({"agent_settings": {"name": "x"}}, "agent_settings", "no setting"),
        ({"agent_settings": 7}, "agent_settings", "dictionary"),
        ({"parameters": {}}, "parameters", "list"),
        ({"parameters": [{"name": "1a"}]}, "parameters.0.name", "no digit first"),
        ({"taks": 1}, "taks", "not a setting"),
        ({"agent": "http", "url": "http://x/{{y}}"}, "url", "asks for y"),
        ({"agent": "http", "url": "http://x/", "body": [{"a": "{{ y }}"}]}, "body", "asks for y"),
    ],
)
def test_a_field_that_cannot_be_used_is_named_with_the_reason_and_no_flow_is_stored(
    api: FlaskClient, fields: dict[str, Any], named: str, reason: str
) -> None:
    answer = api.post("/api/flows", json={**NIGHTLY, **fields})

    assert answer.status_code == 400
    assert reason in answer.get_json()["fields"][named]
    assert api.get("/api/flows").get_json()["flows"] == []


def test_a_flow_is_answered_with_all_it_is_made_of(api: FlaskClient, make: Make) -> None:
    flow = make(
        description="every night",
        priority=5,
        timeout_s=60,
        max_retries=3,
        retry_delay_s=10,
        rerun_interrupted=True,
        env={"TOKEN": "secret"},
        parameters=[{"name": "target", "default": "disk", "required": True}],
    )

    shown = api.get(f"/api/flows/{flow['flow_id']}").get_json()
    assert shown == flow
    assert flow["agent_settings"] == {
        "shell": "/bin/sh",
        "working_dir": None,
        "env": {"TOKEN": "•••"},
        "secret_env": {},
        "stdin": "none",
    }
    assert flow["parameters"] == [
        {"name": "target", "type": "text", "required": True, "default": "disk"}
    ]
    kept = ("name", "description", "priority", "timeout_s", "max_retries", "retry_delay_s")
    assert [flow[name] for name in kept] == ["Nightly", "every night", 5, 60, 3, 10]
    assert (flow["rerun_interrupted"], flow["has_hook"], flow["version"]) == (True, False, 1)
    assert "hook_hash" not in flow


def test_a_name_is_taken_once_however_many_ask_for_it_at_the_same_time(
    api: FlaskClient,
) -> None:
    def create(_number: int) -> int:
        client = api.application.test_client()
        client.environ_base.update(api.environ_base)
        return int(client.post("/api/flows", json=NIGHTLY).status_code)

    with ThreadPoolExecutor(20) as threads:
        answers = sorted(threads.map(create, range(20)))

    assert answers == [201] + [409] * 19
    assert len(api.get("/api/flows").get_json()["flows"]) == 1


def test_a_change_changes_what_is_sent_and_null_puts_back_the_default(
    api: FlaskClient, make: Make
) -> None:
    flow = make(priority=5, timeout_s=60, env={"A": "1", "B": "2"})
    address = f"/api/flows/{flow['flow_id']}"

    changed = api.put(address, json={"timeout_s": None, "task_description": "make all"}).get_json()

    assert (changed["timeout_s"], changed["task_description"]) == (None, "make all")
    assert (changed["priority"], changed["name"], changed["version"]) == (5, "Nightly", 2)
    assert changed["agent_settings"] == flow["agent_settings"]


def test_what_was_shown_can_be_sent_back_and_hidden_values_are_kept(
    api: FlaskClient, make: Make, becomes: Callable[..., Any], live: None
) -> None:
    flow = make(task_description='echo "$TOKEN $OTHER"', env={"TOKEN": "secret", "OTHER": "x"})
    address = f"/api/flows/{flow['flow_id']}"
    flow["agent_settings"]["env"]["OTHER"] = "new"

    answer = api.put(address, json=flow)

    assert answer.status_code == 200, answer.text
    task_id = api.post(f"{address}/run", json={}).get_json()["task_id"]
    becomes(task_id, "completed")
    output = api.get(f"/api/tasks/{task_id}/output").get_json()["data"]
    assert output == "secret new\n"


@pytest.mark.parametrize(
    ("fields", "named", "reason"),
    [
        ({"flow_id": "another"}, "flow_id", "cannot be changed"),
        ({"created_by": "somebody"}, "created_by", "cannot be changed"),
        ({"failures_in_row": 7}, "failures_in_row", "cannot be changed"),
        ({"hook_hash": "x"}, "hook_hash", ""),
        ({"budget": {"usd": 1}}, "budget", "there is no 'usd'"),
        ({"budget": {"requests": 0}}, "budget", "requests must be a number above 0"),
        ({"budget": {"tokens": 1.5}}, "budget", "tokens must be a whole number"),
        ({"budget": {"requests": 1}}, "budget", "is for flows that talk to a model"),
        ({"name": ""}, "name", "empty"),
        ({"version": "1"}, "version", "integer"),
    ],
)
@pytest.mark.any_database
def test_what_a_change_may_not_change_is_refused_and_nothing_is(
    api: FlaskClient,
    make: Make,
    fields: dict[str, Any],
    named: str,
    reason: str,
) -> None:
    flow = make()
    address = f"/api/flows/{flow['flow_id']}"

    answer = api.put(address, json={**fields, "priority": 9})

    assert answer.status_code == 400
    assert reason in answer.get_json()["fields"][named]
    assert api.get(address).get_json() == flow


def test_a_flows_own_rules_of_notices_are_stored_kept_and_put_back(
    api: FlaskClient, make: Make
) -> None:
    flow = make(notify={"failed_after": 3, "missed": False})
    address = f"/api/flows/{flow['flow_id']}"

    assert flow["notify"] == {"failed_after": 3, "missed": False}
    assert api.put(address, json={"priority": 1}).get_json()["notify"] == flow["notify"]
    assert api.put(address, json={"notify": None}).get_json()["notify"] is None


def test_an_edit_of_an_older_version_is_refused(api: FlaskClient, make: Make) -> None:
    address = f"/api/flows/{make()['flow_id']}"
    assert api.put(address, json={"priority": 1, "version": 1}).status_code == 200

    answer = api.put(address, json={"priority": 2, "version": 1})

    assert (answer.status_code, answer.get_json()["error"]) == (409, "flow_changed")
    assert api.get(address).get_json()["priority"] == 1


def test_edits_of_different_fields_at_the_same_moment_all_stand(
    api: FlaskClient, make: Make
) -> None:
    address = f"/api/flows/{make()['flow_id']}"
    edits = [{"priority": 7}, {"timeout_s": 8}, {"max_retries": 9}, {"description": "ten"}]

    def edit(fields: dict[str, Any]) -> int:
        client = api.application.test_client()
        client.environ_base.update(api.environ_base)
        return int(client.put(address, json=fields).status_code)

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(edit, edits)) == {200}

    flow = api.get(address).get_json()
    assert [flow[name] for edit in edits for name in edit] == [7, 8, 9, "ten"]


def test_a_name_that_another_flow_has_is_409(api: FlaskClient, make: Make) -> None:
    make()
    other = make(name="Other")

    answer = api.put(f"/api/flows/{other['flow_id']}", json={"name": "Nightly"})

    assert (answer.status_code, answer.get_json()["error"]) == (409, "flow_name_taken")
    assert "Nightly" in answer.get_json()["detail"]


def test_copies_have_names_of_their_own(api: FlaskClient, make: Make) -> None:
    flow = make(env={"A": "1"}, parameters=[{"name": "x"}])
    address = f"/api/flows/{flow['flow_id']}/clone"

    copies = [api.post(address, json=body) for body in ({}, {}, {"name": "Weekly"})]

    assert [copy.status_code for copy in copies] == [201] * 3
    found = [copy.get_json() for copy in copies]
    assert [copy["name"] for copy in found] == ["Nightly (copy)", "Nightly (copy 2)", "Weekly"]
    own = ("flow_id", "seq", "name", "created_at", "updated_at")
    for copy in found:
        assert {n: v for n, v in copy.items() if n not in own} == {
            n: v for n, v in flow.items() if n not in own
        }
    assert api.post(address, json={"name": "Weekly"}).status_code == 409


def test_flows_are_listed_newest_first_by_page_and_found_by_text(
    api: FlaskClient, make: Make
) -> None:
    for number in range(5):
        make(name=f"Flow {number}", description="100% odd" if number % 2 else None)

    first = api.get("/api/flows?limit=3").get_json()
    rest = api.get(f"/api/flows?limit=3&cursor={first['next_cursor']}").get_json()
    odd = api.get("/api/flows?q=0%25 ODD").get_json()

    assert [flow["name"] for flow in first["flows"]] == ["Flow 4", "Flow 3", "Flow 2"]
    assert [flow["name"] for flow in rest["flows"]] == ["Flow 1", "Flow 0"]
    assert rest["next_cursor"] is None
    assert [flow["name"] for flow in odd["flows"]] == ["Flow 3", "Flow 1"]
    assert api.get(f"/api/flows?q=x&cursor={first['next_cursor']}").status_code == 400


@pytest.mark.any_database
def test_a_scheduled_flow_may_not_come_to_need_what_its_schedule_cannot_give(
    api: FlaskClient, make: Make
) -> None:
    flow_id = make()["flow_id"]
    api.post("/api/schedule", json={"flow_id": flow_id, "cron_expression": "0 2 * * *"})
    needed = [{"name": "target", "required": True}]

    refused = api.put(f"/api/flows/{flow_id}", json={"parameters": needed})

    assert refused.status_code == 400
    assert "schedule" in refused.get_json()["fields"]["parameters"]
    needed[0]["default"] = "disk"
    assert api.put(f"/api/flows/{flow_id}", json={"parameters": needed}).status_code == 200


def test_odd_texts_in_addresses_find_nothing_and_break_nothing(
    api: FlaskClient, make: Make
) -> None:
    make(name="Größe Ä_1")

    for q, count in [("%00", 0), ("%C3%84_1", 1), ("_", 1), ("/", 0), ("%25", 0), ("%5C", 0)]:
        answer = api.get(f"/api/flows?q={q}")
        assert (answer.status_code, len(answer.get_json()["flows"])) == (200, count), q
    for flow_id in ("%00", "%ED%A0%80", "x" * 500, "%2e%2e"):
        assert api.get(f"/api/flows/{flow_id}").status_code == 404, flow_id
        assert api.post(f"/api/flows/{flow_id}/run", json={}).status_code == 404, flow_id


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/run"),
        ("POST", "/clone"),
    ],
)
def test_an_unknown_flow_is_404(api: FlaskClient, method: str, path: str) -> None:
    body = {} if method in ("PUT", "POST") else None
    answer = api.open(f"/api/flows/{NOBODY}{path}", method=method, json=body)

    assert (answer.status_code, answer.get_json()["error"]) == (404, "no_such_flow")
