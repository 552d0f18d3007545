"""Running flows over JSON: their parameters, their place in line, and making one of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import NOBODY, Make, output

SHOWS = 'printf "%s|" "$LINEUP_TASK_PARAM_TEXT" "$LINEUP_TASK_PARAM_N" "$LINEUP_TASK_PARAM_YES"'
DECLARED = [
    {"name": "text", "type": "text", "default": "plain"},
    {"name": "n", "type": "number", "required": True},
    {"name": "yes", "type": "boolean", "default": False},
    {"name": "more", "type": "json"},
]


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("body", "named", "reason"),
    [
        ({}, "params.n", "must be given"),
        ({"params": {"n": "1"}}, "params.n", "number"),
        ({"params": {"n": 1, "N": 2}}, "params.N", "no such parameter"),
        ({"params": {"n": 1, "\ud800": 2}}, "params.\ud800", "no such parameter"),
        ({"params": {"n": 1, "text": "a\0"}}, "params.text", "NUL"),
        ({"params": {"n": 1, "text": "x" * 100_001}}, "params.text", "100,000"),
        ({"params": [1]}, "params", "dict"),
        ({"params": {"n": 1}, "when_busy": "panic"}, "when_busy", "reject"),
        ({"params": {"n": 1}, "priority": 1}, "priority", "no such field"),
    ],
)
def test_a_run_with_a_wrong_value_is_refused_and_nothing_is_in_the_lineup(
    api: FlaskClient, make: Make, body: dict[str, Any], named: str, reason: str
) -> None:
    address = f"/api/flows/{make(parameters=DECLARED)['flow_id']}/run"

    answer = api.post(address, json=body)

    assert answer.status_code == 400
    assert reason in answer.get_json()["fields"][named]
    assert api.get("/api/tasks").get_json()["tasks"] == []


@pytest.mark.any_database
@pytest.mark.parametrize(
    "sent",
    [
        '{"params": {"n": NaN}}',
        '{"params": {"n": 1e999}}',
        '{"params": {"n": 1, "more": [-Infinity]}}',
        '{"params": {"n": ' + "9" * 400 + "}}",
        '{"params": {"n": 1, "more": ' + "[" * 500 + "]" * 500 + "}}",
        '{"params": {"n": 1, "more": ' + '{"a":' * 5000 + "1" + "}" * 5000 + "}}",
        '{"params": {"n": 1, "more": ' + "[" * 200_000,
    ],
    ids=["nan", "too large", "infinity", "digits", "deep", "deeper", "deepest"],
)
def test_numbers_and_depths_that_nobody_can_store_are_400(
    api: FlaskClient, make: Make, sent: str
) -> None:
    address = f"/api/flows/{make(parameters=DECLARED)['flow_id']}/run"

    answer = api.post(address, data=sent, content_type="application/json")

    assert answer.status_code == 400, answer.text
    assert api.get("/api/tasks").get_json()["tasks"] == []


def test_a_command_gets_its_parameters_as_variables_and_never_as_code(
    api: FlaskClient, make: Make, live: None, becomes: Callable[..., Any]
) -> None:
    flow = make(
        task_description=f'{SHOWS} "${{LINEUP_TASK_PARAM_MORE-unset}}"', parameters=DECLARED
    )
    params = {"text": '"; touch /tmp/owned; $(id) `id` \n', "n": 1.5, "yes": True}

    answer = api.post(f"/api/flows/{flow['flow_id']}/run", json={"params": params})

    task_id = answer.get_json()["task_id"]
    becomes(task_id, "completed")
    assert output(api, task_id) == '"; touch /tmp/owned; $(id) `id` \n|1.5|true|unset|'


def test_a_run_is_a_task_with_the_flows_values_that_says_where_it_came_from(
    api: FlaskClient, make: Make
) -> None:
    flow = make(
        priority=7,
        timeout_s=60,
        silence_timeout_s=30,
        waiting_timeout_s=600,
        max_retries=2,
        retry_delay_s=5,
        rerun_interrupted=True,
        session_id="nightly",
        parameters=DECLARED,
    )

    answer = api.post(f"/api/flows/{flow['flow_id']}/run", json={"params": {"n": 1}}).get_json()

    task = api.get(f"/api/tasks/{answer['task_id']}").get_json()
    copied = ("flow_id", "task_description", "agent", "lane", "priority", "session_id")
    copied += ("timeout_s", "silence_timeout_s", "max_retries", "retry_delay_s")
    copied += ("rerun_interrupted", "agent_settings")
    assert {name: task[name] for name in copied} == {name: flow[name] for name in copied}
    assert task["expires_at"] is not None
    assert task["task_metadata"] == {
        "trigger": "hand",
        "params": {"text": "plain", "n": 1, "yes": False},
        "flow_name": "Nightly",
    }
    assert answer["status"] == "submitted"
    [listed] = api.get(f"/api/tasks?flow_id={flow['flow_id']}").get_json()["tasks"]
    assert listed["task_id"] == answer["task_id"]


def test_a_run_by_hand_leaves_the_schedule_and_its_ledger_as_they_are(
    api: FlaskClient, make: Make
) -> None:
    flow_id = make()["flow_id"]
    rule = {"flow_id": flow_id, "cron_expression": "0 9 * * *", "timezone": "Asia/Tokyo"}
    before = api.post("/api/schedule", json=rule).get_json()

    assert api.post(f"/api/flows/{flow_id}/run").status_code == 200

    assert api.get(f"/api/schedule/{flow_id}").get_json() == before
    ledger = api.get(f"/api/schedule/{flow_id}/occurrences").get_json()
    assert ledger == {"occurrences": [], "next_cursor": None}


def test_runs_queue_unless_they_are_told_to_be_rejected(api: FlaskClient, make: Make) -> None:
    address = f"/api/flows/{make()['flow_id']}/run"

    first, second = api.post(address, json={}), api.post(address)
    third = api.post(address, json={"when_busy": "reject"})

    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 409)
    assert "others in its lane: 1" in second.get_json()["message"]
    assert third.get_json()["error"] == "task_running"


def test_a_run_during_a_freeze_waits_and_says_so(api: FlaskClient, make: Make) -> None:
    api.post("/api/freeze", json={"reason": "moving house"})

    answer = api.post(f"/api/flows/{make()['flow_id']}/run", json={})

    assert "moving house" in answer.get_json()["message"]


def test_a_run_that_is_asked_for_twice_with_one_key_is_made_once(
    api: FlaskClient, make: Make
) -> None:
    address = f"/api/flows/{make(parameters=DECLARED)['flow_id']}/run"
    key = {"Idempotency-Key": "once"}
    body = {"params": {"n": 1}}

    first = api.post(address, json=body, headers=key).get_json()
    again = api.post(address, json=body, headers=key).get_json()
    other = api.post(address, json={"params": {"n": 2}}, headers=key)

    assert again == first
    assert other.status_code == 422
    assert len(api.get("/api/tasks").get_json()["tasks"]) == 1


def test_an_edit_changes_later_runs_and_not_those_in_the_lineup(
    api: FlaskClient, make: Make
) -> None:
    address = f"/api/flows/{make()['flow_id']}"
    before = api.post(f"{address}/run").get_json()["task_id"]

    api.put(address, json={"task_description": "make other"})
    after = api.post(f"{address}/run").get_json()["task_id"]

    said = [api.get(f"/api/tasks/{one}").get_json()["task_description"] for one in (before, after)]
    assert said == ["make backup", "make other"]


def test_running_a_flows_task_again_is_a_run_of_the_flow_with_the_same_values(
    api: FlaskClient, make: Make
) -> None:
    flow = make(parameters=DECLARED, retry_delay_s=5, rerun_interrupted=True)
    run = api.post(f"/api/flows/{flow['flow_id']}/run", json={"params": {"n": 3}}).get_json()

    again = api.post(f"/api/tasks/{run['task_id']}/rerun", json={"when_busy": "queue"}).get_json()

    task = api.get(f"/api/tasks/{again['task_id']}").get_json()
    assert (task["flow_id"], task["task_metadata"]["params"]["n"]) == (flow["flow_id"], 3)
    assert (task["retry_delay_s"], task["rerun_interrupted"]) == (5, True)


@pytest.mark.any_database
def test_a_task_is_no_run_of_a_flow_because_it_says_so(api: FlaskClient, make: Make) -> None:
    fields = {"agent": "shell", "task_description": "true", "flow_id": make()["flow_id"]}

    answer = api.post("/api/tasks/submit", json=fields)

    assert answer.status_code == 400
    assert "/api/flows/" in answer.get_json()["fields"]["flow_id"]


def test_a_flow_is_made_of_a_task_without_its_session_and_what_is_only_for_hands(
    api: FlaskClient, send: Callable[..., dict[str, Any]]
) -> None:
    task_id = send("make it", priority=4, env={"A": "1"}, session_id="s", timeout_s=9)["task_id"]

    answer = api.post(f"/api/tasks/{task_id}/make-flow", json={"name": "It", "max_retries": 2})

    flow = answer.get_json()
    assert answer.status_code == 201
    said = ("name", "task_description", "priority", "timeout_s", "max_retries", "session_id")
    assert [flow[name] for name in said] == ["It", "make it", 4, 9, 2, None]
    assert (flow["agent_settings"]["stdin"], flow["agent_settings"]["env"]) == (
        "none",
        {"A": "•••"},
    )


@pytest.mark.any_database
def test_a_flow_is_not_made_of_no_task_or_without_a_name(
    api: FlaskClient, send: Callable[..., dict[str, Any]]
) -> None:
    unknown = api.post(f"/api/tasks/{NOBODY}/make-flow", json={"name": "It"})
    nameless = api.post(f"/api/tasks/{send('true')['task_id']}/make-flow", json={})

    assert (unknown.status_code, unknown.get_json()["error"]) == (404, "no_such_task")
    assert (nameless.status_code, list(nameless.get_json()["fields"])) == (400, ["name"])


def test_a_secret_goes_from_task_to_flow_to_copy_to_run_and_is_never_shown(
    api: FlaskClient,
    send: Callable[..., dict[str, Any]],
    live: None,
    becomes: Callable[..., Any],
) -> None:
    secret = {"KEY": "swordfish-and-more"}
    task_id = send("echo $KEY", secret_env=secret)["task_id"]
    answers = [api.post(f"/api/tasks/{task_id}/make-flow", json={"name": "It"})]
    answers.append(api.post(f"/api/flows/{answers[0].get_json()['flow_id']}/clone"))
    address = f"/api/flows/{answers[1].get_json()['flow_id']}"
    answers.append(api.put(address, json={**answers[1].get_json(), "priority": 3}))
    assert [answer.status_code for answer in answers] == [201, 201, 200]

    run = api.post(f"{address}/run").get_json()["task_id"]
    becomes(run, "completed")

    assert output(api, run) == "swordfish-and-more\n"
    answers.append(api.get(f"/api/tasks/{run}"))
    assert not any("swordfish" in answer.text for answer in answers[:3])
    assert answers[3].get_json()["agent_settings"]["secret_env"] == {"KEY": "•••more"}


def test_every_attempt_is_listed_with_its_reason(
    api: FlaskClient, make: Make, live: None, becomes: Callable[..., Any]
) -> None:
    flow = make(task_description="exit $LINEUP_TASK_ATTEMPT", max_retries=1, retry_delay_s=0.01)
    task_id = api.post(f"/api/flows/{flow['flow_id']}/run").get_json()["task_id"]
    becomes(task_id, "failed")

    attempts = api.get(f"/api/tasks/{task_id}/attempts").get_json()["attempts"]

    told = [(one["number"], one["outcome"], one["exit_code"]) for one in attempts]
    assert told == [(1, "failed", 1), (2, "failed", 2)]
    assert all(one["error"] and one["started_at"] <= one["ended_at"] for one in attempts)
    assert api.get(f"/api/tasks/{NOBODY}/attempts").status_code == 404


def test_a_flow_asks_for_what_it_declares_and_what_its_secrets_give(make: Make) -> None:
    flow = make(
        agent="http",
        url="http://127.0.0.1/{{place}}?key={{KEY}}",
        parameters=[{"name": "place"}],
        secret_params={"KEY": "swordfish-and-more"},
    )

    assert flow["agent_settings"]["secret_params"] == {"KEY": "•••more"}


def test_what_a_request_asks_for_must_be_given_when_it_is_run(api: FlaskClient, make: Make) -> None:
    flow = make(agent="http", url="http://127.0.0.1/{{place}}", parameters=[{"name": "place"}])
    address = f"/api/flows/{flow['flow_id']}"

    refused = api.post(f"{address}/run", json={"params": {"place": None}})

    assert refused.status_code == 400
    assert refused.get_json()["fields"] == {"params.place": "must be given: url asks for it"}
    rule = {"flow_id": flow["flow_id"], "cron_expression": "@daily"}
    unheard = api.post("/api/schedule", json=rule)
    assert unheard.status_code == 400
    assert "place" in unheard.get_json()["fields"]["flow_id"]
    assert api.get("/api/tasks").get_json()["tasks"] == []
    with_default = {"parameters": [{"name": "place", "default": "here"}]}
    assert api.put(address, json=with_default).status_code == 200
    assert api.post("/api/schedule", json=rule).status_code == 200
    assert api.post(f"{address}/run").status_code == 200
