"""Deleting flows: never a schedule by accident, never a task, and nobody is held up by it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event, func, insert, select

from tests.api.conftest import Make
from tests.conftest import NOON
from webapp.db import db, transaction
from webapp.models import Occurrence, Schedule
from webapp.services.firing import ledger

_occurrences = Occurrence.__table__


def test_a_flow_with_a_schedule_is_deleted_only_with_it_and_knowingly(
    api: FlaskClient, make: Make
) -> None:
    flow_id = make()["flow_id"]
    api.post("/api/schedule", json={"flow_id": flow_id, "cron_expression": "0 2 * * *"})

    refused = api.delete(f"/api/flows/{flow_id}")
    assert (refused.status_code, refused.get_json()["error"]) == (409, "flow_scheduled")
    assert "0 2 * * *" in refused.get_json()["detail"]
    assert "Nightly" in refused.get_json()["detail"]

    assert api.delete(f"/api/flows/{flow_id}?cascade=true").status_code == 200
    assert api.get("/api/schedule").get_json() == []
    assert api.get(f"/api/flows/{flow_id}").status_code == 404


def test_a_deleted_flow_leaves_its_tasks_which_still_know_its_name(
    api: FlaskClient, make: Make
) -> None:
    flow_id = make()["flow_id"]
    task_id = api.post(f"/api/flows/{flow_id}/run").get_json()["task_id"]

    answer = api.delete(f"/api/flows/{flow_id}")

    assert answer.status_code == 200
    assert "1 runs of it are not over" in answer.get_json()["message"]
    assert api.get(f"/api/flows/{flow_id}").status_code == 404
    task = api.get(f"/api/tasks/{task_id}").get_json()
    assert (task["flow_id"], task["status"]) == (flow_id, "pending")
    assert task["task_metadata"]["flow_name"] == "Nightly"


def test_a_large_ledger_goes_in_pieces_and_nothing_of_it_is_left(
    api: FlaskClient, make: Make, monkeypatch: Any
) -> None:
    monkeypatch.setattr(ledger, "PIECE", 10)
    kept, gone = make(name="Kept")["flow_id"], make()["flow_id"]
    for flow_id in (kept, gone):
        api.post("/api/schedule", json={"flow_id": flow_id, "cron_expression": "0 2 * * *"})
    with api.application.app_context():
        ids = dict(db.session.execute(select(Schedule.flow_id, Schedule.id)).all())
        fated = {"fate": "fired", "count": 1, "recorded_at": NOON}
        rows = [
            {"schedule_id": ids[flow_id], "due_at": NOON + timedelta(minutes=n), **fated}
            for flow_id in (kept, gone)
            for n in range(35)
        ]
        transaction(lambda: db.session.execute(insert(_occurrences), rows))()
        removed = []
        event.listen(
            db.engines[None],
            "after_cursor_execute",
            lambda *given: (
                removed.append(given[1].rowcount)
                if given[2].startswith("DELETE FROM occurrences")
                else None
            ),
        )

    assert api.delete(f"/api/flows/{gone}").status_code == 409
    assert removed == []
    assert api.delete(f"/api/flows/{gone}?cascade=true").status_code == 200

    assert removed == [10, 10, 5, 0]
    with api.application.app_context():
        left = select(_occurrences.c.schedule_id, func.count()).group_by(_occurrences.c.schedule_id)
        assert db.session.execute(left).all() == [(ids[kept], 35)]


def test_whoever_runs_a_flow_while_it_is_deleted_has_a_task_or_is_told(
    api: FlaskClient, make: Make, submit: Callable[..., Any]
) -> None:
    flow_id = make()["flow_id"]

    def ask(number: int) -> Any:
        client = api.application.test_client()
        client.environ_base.update(api.environ_base)
        if number == 4:
            return client.delete(f"/api/flows/{flow_id}")
        return client.post(f"/api/flows/{flow_id}/run")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(12)))

    assert answers.pop(4).status_code == 200
    taken = [answer.get_json()["task_id"] for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 404}
    listed = api.get(f"/api/tasks?flow_id={flow_id}").get_json()["tasks"]
    assert sorted(task["task_id"] for task in listed) == sorted(taken)
