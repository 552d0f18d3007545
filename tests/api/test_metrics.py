"""/metrics: what Prometheus reads, and no stranger does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from tests.profiles import make_profile
from webapp import clock
from webapp.db import db, transaction
from webapp.models import Occurrence

Send = Callable[..., dict[str, Any]]


def figures(api: FlaskClient) -> dict[tuple[str, ...], float]:
    """Every figure by its name and the values of its labels."""
    answer = api.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.content_type.startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.any_database
def test_strangers_are_told_to_prove_themselves(anonymous: FlaskClient) -> None:
    answer = anonymous.get("/metrics")

    assert (answer.status_code, answer.get_json()["error"]) == (401, "unauthorized")


@pytest.mark.any_database
def test_a_token_that_may_only_read_is_enough(app: APIFlask, anonymous: FlaskClient) -> None:
    from webapp.services import people

    with app.app_context():
        owner = people.ensure_owner(clock.now())
        token = people.create_token(owner, "prometheus", "read", by="tests", now=clock.now())

    answer = anonymous.get("/metrics", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200


def test_tasks_lanes_and_the_runner_are_told_as_they_are(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    becomes(send("true")["task_id"], "completed")
    becomes(send("exit 1")["task_id"], "failed")
    running = send("sleep 60")["task_id"]
    becomes(running, "running")
    send("true")

    told = figures(api)

    counts = {status: told["lineup_tasks", status] for status in ("completed", "failed", "pending")}
    assert counts == {"completed": 1, "failed": 1, "pending": 1}
    assert told["lineup_lane_tasks", "main", "running"] == 1
    assert told["lineup_lane_tasks", "main", "pending"] == 1
    assert told["lineup_lane_worker_up", "main"] == told["lineup_up",] == 1
    assert told["lineup_oldest_waiting_seconds",] > 0
    assert told["lineup_frozen",] == 0
    api.post(f"/api/tasks/{running}/stop", json={})


@pytest.mark.any_database
def test_where_nothing_runs_tasks_that_is_told(api: FlaskClient) -> None:
    told = figures(api)

    assert told["lineup_up",] == told["lineup_runners",] == 0


@pytest.mark.any_database
def test_requests_are_counted_by_method_and_status_and_no_stranger_adds_a_line(
    api: FlaskClient, anonymous: FlaskClient
) -> None:
    before = figures(api)
    anonymous.get("/api/tasks")
    for method in ("BREW", "COFFEE"):
        api.open("/api/tasks", method=method)

    told = figures(api)

    assert told["lineup_http_requests_total", "GET", "4xx"] == 1
    assert told["lineup_http_requests_total", "other", "4xx"] == 2
    counted = ("lineup_http_request_seconds_count",)
    assert told[counted] - before[counted] == 4


@pytest.fixture
def schedule(api: FlaskClient) -> int:
    """The number of a schedule that is not due."""
    body = {"name": "nightly", "agent": "shell", "task_description": "true"}
    flow_id = api.post("/api/flows", json=body).get_json()["flow_id"]
    rule = {"flow_id": flow_id, "cron_expression": "0 0 1 1 *"}
    return int(api.post("/api/schedule", json=rule).get_json()["id"])


@pytest.fixture
def happened(app: APIFlask, schedule: int) -> Callable[..., None]:
    """Write due times with their fates into the ledger, recorded so many seconds ago."""
    written = [0]

    def write(*fates: dict[str, Any], ago_s: float = 60) -> None:
        at = clock.now() - timedelta(seconds=ago_s)
        rows = []
        for fate in fates:
            written[0] += 1
            due = {"due_at": at - timedelta(days=1) + timedelta(seconds=written[0])}
            base = {"late_ms": None, "count": 1, "schedule_id": schedule, "recorded_at": at}
            rows.append({**base, **due, **fate})

        @transaction
        def add() -> None:
            db.session.execute(insert(Occurrence.__table__), rows)

        with app.app_context():
            add()

    return write


def test_fates_are_counted_on_and_the_lag_is_that_of_the_newest_fires(
    api: FlaskClient, happened: Callable[..., None]
) -> None:
    happened({"fate": "fired", "late_ms": 9_000})
    first = figures(api)
    fired = [{"fate": "fired", "late_ms": late} for late in range(100, 1100, 100)]
    happened(*fired, {"fate": "missed", "count": 7}, {"fate": "skipped"})
    happened({"fate": "skipped"}, ago_s=0)

    told = figures(api)

    fates = {
        fate: told["lineup_occurrences_total", fate] for fate in ("fired", "skipped", "missed")
    }
    assert first["lineup_occurrences_total", "fired"] == 0  # those before were asked for by nobody
    assert fates == {"fired": 10, "skipped": 1, "missed": 7}  # the newest is not settled yet
    assert told["lineup_fire_lag_seconds", "1"] == 9
    assert told["lineup_fire_lag_seconds", "0.5"] == 0.6
    assert figures(api)["lineup_occurrences_total", "fired"] == 10
    assert told["lineup_schedules", "true"] == 1
    assert told["lineup_overdue_seconds",] == 0


def test_what_models_used_today_is_told(
    api: FlaskClient, live: None, app: APIFlask, becomes: Any
) -> None:
    make_profile(app)
    body = {"agent": "llm", "task_description": "Show me.", "when_busy": "queue"}
    becomes(api.post("/api/tasks/submit", json=body).get_json()["task_id"], "completed")

    told = figures(api)

    assert told["lineup_models_used_today", "requests"] == 5
    assert told["lineup_models_used_today", "tokens"] > 0
    assert told["lineup_models_used_today", "cost"] == 0
