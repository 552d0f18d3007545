"""Files of flows and schedules: all or nothing, switched off, and back out as they went in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from apiflask import APIFlask
from flask.testing import FlaskClient

from webapp import clock

BACKUP = """\
lineup: 1
flows:
- name: backup
  description: every night
  agent: shell
  task_description: |
    cd /srv
    make backup
  timeout_s: 3600
  parameters:
  - name: depth
    type: integer
    default: 3
  lane: nightly
  schedule:
    cron_expression: '0 2 * * *'
    timezone: Europe/Berlin
    overlap: skip
    calendar: [12-25, 2026-12-31]
    starts_at: '2026-01-01T00:00:00+00:00'
- name: by hand
  agent: shell
  task_description: 'true'
"""


def send(api: FlaskClient, text: str, **fields: Any) -> dict[str, Any]:
    """Import a file; what is answered, refused or not."""
    answer = api.post("/api/import", json={"text": text, **fields})
    assert answer.status_code in (200, 400), answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def problems(api: FlaskClient, text: str, **fields: Any) -> list[tuple[int, str | None]]:
    """Where a file is refused: line and field."""
    answer = send(api, text, **fields)
    assert answer["success"] is False
    return [(found["line"], found["field"]) for found in answer["problems"]]


def flows(api: FlaskClient) -> dict[str, dict[str, Any]]:
    """Every flow by its name."""
    return {flow["name"]: flow for flow in api.get("/api/flows").get_json()["flows"]}


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("lineup: 2\nflows: []", 1, "version"),
        ("- a\n- b", 1, "lineup: 1"),
        ("lineup: 1\nflows: 7", 2, "list"),
        ("lineup: 1\nflows:\n- name: &a x\n  description: *a", 4, "quote"),
        ("lineup: 1\nflows:\n- name: x\n  name: y", 4, "twice"),
        ("lineup: 1\nflows:\n- name: !!python/name:os.system x", 3, "tag"),
        ("lineup: 1\nflows: " + "[" * 50_000, 2, "deep"),
        ("lineup: 1\nflows:\n- a: b: c", 3, "YAML"),
        ("lineup: 1\nflows:\n" + "- name: x\n" * 1001, 3, "1,000"),
        ("lineup: 1\nflows:\n- just text", 3, "fields"),
        ("lineup: 1\nflows:\n- name: x\n  schedule:\n    cron_expression: * * * * *", 5, "quoted"),
        ("lineup: 1\nflows: []", 1, "no flow"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_its_line(
    api: FlaskClient, text: str, line: int, said: str
) -> None:
    answer = send(api, text, format="yaml")

    assert answer["problems"][0]["line"] == line
    assert said in answer["problems"][0]["reason"]
    assert flows(api) == {}


@pytest.mark.any_database
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "x" * 500_001},
        {"text": "x\0"},
        {"text": "x", "existing": "y"},
        {"text": BACKUP, "timezone": "Mars"},
        {"text": BACKUP, "lane": "a b"},
    ],
)
def test_a_request_that_cannot_be_used_names_its_field(
    api: FlaskClient, body: dict[str, Any]
) -> None:
    answer = api.post("/api/import", json=body)

    assert answer.status_code == 400
    assert answer.get_json()["fields"].keys() <= {"text", "existing", "timezone", "lane"}


def test_every_problem_is_told_with_its_line_and_nothing_is_stored(api: FlaskClient) -> None:
    wrong = BACKUP.replace("0 2 * * *", "0 25 * * *").replace("timeout_s: 3600", "timeout_s: no")
    wrong += "- name: by hand\n  agent: shell\n  task_description: again\n  colour: red\n"

    found = problems(api, wrong)

    assert (9, "timeout_s") in found
    assert (27, "colour") in found
    assert flows(api) == {}

    rule = BACKUP.replace("0 2 * * *", "0 25 * * *")
    assert problems(api, rule) == [(16, "schedule.cron_expression")]
    twice = BACKUP + "- name: by hand\n  agent: shell\n  task_description: again\n"
    assert problems(api, twice)[0][0] == 24
    assert flows(api) == {}
    assert api.get("/api/lanes").get_json()["lanes"][0]["name"] == "main"
    assert len(api.get("/api/lanes").get_json()["lanes"]) == 1


def test_a_dry_run_says_all_that_is_wrong_with_an_entry_at_once(api: FlaskClient) -> None:
    send(api, BACKUP)
    wrong = BACKUP.replace("0 2 * * *", "99 * * * *").replace("timeout_s: 3600", "timeout_s: no")
    wrong = wrong.replace("    default: 3", "    required: true").replace("starts_at", "evil")
    wrong = wrong.replace("overlap: skip", "is_enabled: maybe")

    found = problems(api, wrong, dry_run=True)

    assert found == [
        (3, "flow_id"),
        (3, "name"),
        (9, "timeout_s"),
        (16, "schedule.cron_expression"),
        (18, "schedule.is_enabled"),
        (20, "schedule.evil"),
        (21, "name"),
    ]


@pytest.mark.parametrize("existing", ["refuse", "replace", "rename"])
def test_a_name_that_no_flow_can_have_is_refused_by_its_line(
    api: FlaskClient, existing: str
) -> None:
    text = BACKUP.replace("name: by hand", 'name: "a\\0b"')

    assert problems(api, text, existing=existing) == [(21, "name")]


def test_a_dry_run_says_what_would_be_and_stores_nothing(api: FlaskClient) -> None:
    answer = send(api, BACKUP, dry_run=True)

    assert (answer["success"], answer["dry_run"], answer["lanes"]) == (True, True, ["nightly"])
    assert [(flow["name"], flow["flow_id"]) for flow in answer["flows"]] == [
        ("backup", None),
        ("by hand", None),
    ]
    assert flows(api) == {}
    assert api.get("/api/schedule").get_json() == []
    assert problems(api, BACKUP.replace("0 2", "0 25"), dry_run=True)


def test_what_is_imported_is_there_and_switched_off(api: FlaskClient) -> None:
    answer = send(api, BACKUP)

    assert answer["message"] == "2 flows are imported, switched off."
    found = flows(api)
    assert found["backup"]["task_description"] == "cd /srv\nmake backup\n"
    assert found["backup"]["lane"] == "nightly"
    [schedule] = api.get("/api/schedule").get_json()
    assert (schedule["is_enabled"], schedule["next_execution_at"]) == (False, None)
    assert schedule["calendar"] == ["12-25", "2026-12-31"]
    on = api.put(f"/api/schedule/{found['backup']['flow_id']}", json={"is_enabled": True})
    assert on.get_json()["next_execution_at"] is not None


def test_what_is_exported_is_imported_as_the_same(api: FlaskClient, app: APIFlask) -> None:
    send(api, BACKUP)
    first = api.get("/api/export")
    assert first.content_type.startswith("application/yaml")
    text = first.text
    for name, flow in flows(api).items():
        gone = api.delete(f"/api/flows/{flow['flow_id']}?cascade=true")
        assert gone.status_code == 200, name

    answer = send(api, text)

    assert answer["success"] is True, answer
    again = api.get("/api/export").text
    assert again.partition("\nlineup:")[2] == text.partition("\nlineup:")[2]
    assert yaml.safe_load(text)["flows"][0]["schedule"]["timezone"] == "Europe/Berlin"


def test_only_the_flows_that_are_named_are_exported(api: FlaskClient) -> None:
    send(api, BACKUP)
    wanted = flows(api)["by hand"]["flow_id"]

    found = yaml.safe_load(api.get(f"/api/export?flow_id={wanted}").text)["flows"]

    assert [flow["name"] for flow in found] == ["by hand"]


def test_names_that_exist_are_refused_replaced_or_renamed_by_choice(api: FlaskClient) -> None:
    send(api, BACKUP)
    before = flows(api)["backup"]
    changed = BACKUP.replace("make backup", "make copy").replace("0 2 * * *", "0 3 * * *")

    assert (3, "name") in problems(api, changed)

    assert send(api, changed, existing="rename")["flows"][0]["name"] == "backup (2)"
    assert flows(api)["backup"] == before

    answer = send(api, changed, existing="replace")
    assert answer["flows"][0]["action"] == "replace"
    after = flows(api)["backup"]
    assert after["flow_id"] == before["flow_id"]
    assert "make copy" in after["task_description"]
    schedule = api.get(f"/api/schedule/{after['flow_id']}").get_json()
    assert schedule["cron_expression"] == "0 3 * * *"


def test_a_replacement_lands_off_and_a_schedule_that_failures_paused_still_says_so(
    api: FlaskClient, change_schedule: Callable[..., None]
) -> None:
    send(api, BACKUP)
    path = f"/api/schedule/{flows(api)['backup']['flow_id']}"
    why = {"pause_code": "paused_after_failures", "pause_params": {"count": 3, "error": "401"}}
    change_schedule(api.get(path).get_json()["id"], paused_at=clock.now(), **why)

    assert send(api, BACKUP, existing="replace")["success"] is True

    kept = api.get(path).get_json()
    assert kept["is_enabled"] is False
    assert kept["pause_reason"] == "Switched off after 3 failures in a row: 401"


def test_secrets_are_not_exported_and_a_replaced_flow_keeps_its_own(api: FlaskClient) -> None:
    secret = {"secret_env": {"TOKEN": "very-long-secret-4711"}, "env": {"HIDDEN": "swordfish"}}
    body = {"name": "deploy", "agent": "shell", "task_description": "true", **secret}
    flow_id = api.post("/api/flows", json=body).get_json()["flow_id"]

    text = api.get("/api/export").text

    assert "very-long" not in text
    assert "swordfish" not in text
    assert "# not in here: env.HIDDEN, secret_env.TOKEN" in text
    assert send(api, text, existing="replace")["flows"][0]["notes"] == []
    kept = api.get(f"/api/flows/{flow_id}").get_json()["agent_settings"]
    assert kept["secret_env"]["TOKEN"].startswith("•••")
    [note] = send(api, text, existing="rename")["flows"][0]["notes"][:1]
    assert "env.HIDDEN, secret_env.TOKEN" in note
    copied = flows(api)["deploy (2)"]["agent_settings"]
    assert (copied["env"], copied["secret_env"]) == ({}, {})


@pytest.mark.any_database
def test_one_is_spoken_of_as_one(api: FlaskClient) -> None:
    one = "0 3 * * * true"

    assert send(api, "hello")["message"] == "Nothing can be imported: there is a problem."
    assert send(api, "a\nb")["message"] == "Nothing can be imported: there are 2 problems."
    assert send(api, one, dry_run=True)["message"] == "A flow would be imported, switched off."
    assert send(api, one)["message"] == "A flow is imported, switched off."


def test_a_reader_may_export_and_not_import(api: FlaskClient, app: APIFlask) -> None:
    from tests.web.conftest import as_bearer, make_token

    reader = as_bearer(app, make_token(app, "read"))

    assert reader.get("/api/export").status_code == 200
    assert reader.post("/api/import", json={"text": BACKUP}).status_code == 403
