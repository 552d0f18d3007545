"""Health, status, session ids, and the description of the API itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from webapp import clock
from webapp.db import db
from webapp.doors import health
from webapp.models import Runner
from webapp.ports import KEY, Snapshot
from webapp.runtime.context import Context
from webapp.web.refusals import answers_json

Send = Callable[..., dict[str, Any]]


class Told:
    """A runtime that says of itself what a test wants it to."""

    def __init__(self, **said: Any) -> None:
        self.said = Snapshot(**said)

    def snapshot(self) -> Snapshot:
        """How it is doing."""
        return self.said


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/no/such/thing"])
def test_an_unknown_address_under_api_is_404_in_json(api: FlaskClient, path: str) -> None:
    answer = api.get(path)

    assert answer.status_code == 404
    assert answer.get_json()["error"] == "not_found"


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api//tasks/submit"),
        ("GET", "/api//tasks"),
        ("GET", "/api/tasks//"),
        ("GET", "/api//docs"),
        ("POST", "/hooks//secret"),
        ("GET", "/health//ready"),
    ],
)
def test_an_address_with_doubled_slashes_is_404_in_json(
    api: FlaskClient, method: str, path: str
) -> None:
    answer = api.open(path, method=method, json={})

    assert (answer.status_code, answer.get_json()["error"]) == (404, "not_found")


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/flows", 200),
        ("/api/schedule", 200),
        ("/api/tasks", 200),
        ("/api/config/llm-profiles", 200),
        ("/api/config/mcp-profiles", 200),
        ("/api/files", 200),
        ("/health", 200),
        ("/health/ready", 503),
        ("/api/files/upload", 404),
        ("/api/tasks/submit", 405),
        ("/api/nothing", 404),
    ],
)
def test_a_slash_behind_an_address_changes_nothing(
    api: FlaskClient, path: str, status: int
) -> None:
    plain, slashed = api.get(path), api.get(f"{path}/")

    assert plain.status_code == slashed.status_code == status
    assert slashed.is_json


@pytest.mark.any_database
def test_a_slash_leads_to_the_same_call_of_programs_and_to_no_page(app: APIFlask) -> None:
    addresses = app.url_map.bind("127.0.0.1")
    for rule in app.url_map.iter_rules():
        path = re.sub("<[^>]+>", "7", rule.rule)
        for method in rule.methods or set() if "<path:" not in rule.rule else ():
            if answers_json(path) and path not in ("/api/openapi.json", "/hooks/7"):
                there = addresses.match(path, method)
                assert addresses.match(f"{path}/", method) == there, path
            else:
                assert path == "/" or not addresses.test(f"{path}/", method), path


def test_a_wrong_method_is_405_in_json(api: FlaskClient) -> None:
    answer = api.put("/api/tasks/submit", json={})

    assert (answer.status_code, answer.get_json()["error"]) == (405, "method_not_allowed")


def test_without_a_runtime_nothing_claims_to_be_ready(api: FlaskClient) -> None:
    answer = api.get("/health/ready")

    assert (answer.status_code, answer.get_json()["status"]) == (503, "not ready")


@pytest.mark.parametrize(
    ("lanes", "late", "said"),
    [
        ({"main": True, "side": False}, timedelta(0), "The worker of the lane “side” is dead"),
        ({"main": True}, health.LATE + timedelta(seconds=1), "has not ticked for 61 s"),
    ],
)
def test_a_runtime_that_is_broken_is_not_ready_and_says_why_although_another_lives(
    app: APIFlask,
    api: FlaskClient,
    context: Context,
    lanes: dict[str, bool],
    late: timedelta,
    said: str,
) -> None:
    ticked = clock.now() - late
    app.extensions[KEY].health = Told(runner_id="this", lanes=lanes, last_tick=ticked)

    answer = api.get("/health/ready")

    assert (answer.status_code, answer.get_json()["status"]) == (503, "not ready")
    [problem] = answer.get_json()["problems"]
    assert said in problem


def test_a_runner_that_has_long_been_silent_makes_nothing_ready(
    api: FlaskClient, context: Context
) -> None:
    silent = clock.now() - health.SILENT - timedelta(seconds=1)
    with context.app.app_context(), db.engines[None].begin() as connection:
        connection.execute(Runner.__table__.update().values(heartbeat_at=silent))

    body = api.get("/health/ready").get_json()

    assert body["runners_alive"] == 0
    assert body["problems"] == ["Nothing runs tasks: what is submitted waits."]


def test_a_process_without_a_runner_is_ready_while_another_runs_the_tasks(
    api: FlaskClient, context: Context
) -> None:
    answer = api.get("/health/ready")

    assert (answer.status_code, answer.get_json()["status"]) == (200, "ready")
    assert (answer.get_json()["runner"], answer.get_json()["runners_alive"]) == (None, 1)


def test_health_is_bare_and_needs_no_login(anonymous: FlaskClient) -> None:
    body = anonymous.get("/health").get_json()

    assert set(body) == {"status", "timestamp", "service", "version"}
    assert body["status"] == "healthy"


def test_a_runner_makes_it_ready(api: FlaskClient, live: None) -> None:
    body = api.get("/health/ready").get_json()

    assert (body["status"], body["lanes"]) == ("ready", {"main": True})
    assert body["oldest_waiting_s"] is None


@pytest.mark.any_database
@pytest.mark.parametrize("query", ["", "prefix=mine", f"prefix={'x' * 5000}", "prefix=a&prefix=b"])
def test_session_ids_are_uuids_of_version_7_whatever_the_prefix(
    api: FlaskClient, query: str
) -> None:
    body = api.get(f"/generate-session-id?{query}").get_json()

    assert UUID(body["session_id"]).version == 7
    assert body["timestamp"]


def test_the_status_counts_every_state(api: FlaskClient, send: Send) -> None:
    send("true")

    body = api.get("/api/status").get_json()

    assert set(body) == {"system_status", "active_task", "counts", "timestamp"}
    assert body["counts"] == {
        "pending": 1, "running": 0, "paused": 0, "completed": 0, "failed": 0, "stopped": 0,
    }  # fmt: skip


def test_the_status_shows_the_task_of_lane_main_and_else_the_oldest_of_other_lanes(
    api: FlaskClient, live: None, send: Send, becomes: Callable[[str, str], Any]
) -> None:
    for lane in ("aside", "backups"):
        api.post("/api/lanes", json={"name": lane})

    def begin(lane: str) -> str:
        task_id: str = send("read line", lane=lane)["task_id"]
        becomes(task_id, "running")
        return task_id

    def shown() -> tuple[str, str]:
        body = api.get("/api/status").get_json()
        return body["system_status"], body["active_task"]["task_id"]

    oldest, _younger = begin("backups"), begin("aside")
    assert shown() == ("running", oldest)
    api.post(f"/api/tasks/{oldest}/pause")
    becomes(oldest, "paused")
    assert shown() == ("paused", oldest)
    in_main = begin("main")
    assert shown() == ("running", in_main)


def test_the_api_describes_every_one_of_its_doors(app: APIFlask, api: FlaskClient) -> None:
    spec = api.get("/api/openapi.json").get_json()

    assert spec["openapi"].startswith("3.1")
    described = {
        (path, method.upper()) for path, methods in spec["paths"].items() for method in methods
    }
    for rule in app.url_map.iter_rules():
        told = rule.rule.startswith(("/api/openapi", "/api/docs"))  # what describes the doors
        if rule.rule.startswith("/api/") and not told:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert (path, method) in described


def test_every_door_of_the_api_says_what_it_answers_and_refuses(api: FlaskClient) -> None:
    spec = api.get("/api/openapi.json").get_json()

    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            assert {"200", "201"} & operation["responses"].keys(), (method, path)
            assert operation.get("summary"), (method, path)
            if "requestBody" in operation:
                assert "400" in operation["responses"], (method, path)
