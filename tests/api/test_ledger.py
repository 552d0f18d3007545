"""The ledger by JSON: every due time with its one fate, newest first, at any depth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.api.schedules import HOURLY, Fate, put_fates
from tests.factories import MakeFlow, MakeSchedule
from webapp.queries import schedules

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def ledger(app: APIFlask, make_flow: MakeFlow, make_schedule: MakeSchedule) -> str:
    """The address of a ledger with a day of fates: every sixth was skipped, one row is a range."""
    flow_id = make_flow()
    schedule_id = make_schedule(flow_id=flow_id, cron_expression=HOURLY)
    lines: list[Fate] = []
    for hour in range(24):
        skipped = hour % 6 == 0
        more = {"code": "skipped_overlap", "params": {}} if skipped else {"late_ms": hour}
        lines.append((START + timedelta(hours=hour), "skipped" if skipped else "fired", more))
    until = START + timedelta(days=3)
    gone = {"until": until, "count": 48, "code": "missed_down", "params": {}}
    lines.append((START + timedelta(days=1), "missed", gone))
    put_fates(app, schedule_id, *lines)
    return f"/api/schedule/{flow_id}/occurrences"


def everything(api: FlaskClient, address: str, query: str) -> list[dict[str, Any]]:
    """Every line, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = api.get(f"{address}?{query}{cursor}").get_json()
        found += page["occurrences"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.any_database
def test_what_cannot_be_asked_is_refused(api: FlaskClient, ledger: str) -> None:
    cursor = api.get(f"{ledger}?limit=2").get_json()["next_cursor"]
    for query in ("limit=0", "limit=1001", "fate=lost", "cursor=x", f"cursor={cursor}&fate=fired"):
        assert api.get(f"{ledger}?{query}").status_code == 400, query
    assert api.get(f"{ledger}?cursor={2**62}-{cursor[-8:]}").status_code == 400


def test_a_ledger_is_read_page_by_page_newest_first(api: FlaskClient, ledger: str) -> None:
    whole = api.get(ledger).get_json()

    assert whole["next_cursor"] is None
    assert len(whole["occurrences"]) == 25
    assert everything(api, ledger, "limit=7") == whole["occurrences"]
    newest, before = whole["occurrences"][:2]
    assert (newest["fate"], newest["count"], newest["until"]) == (
        "missed",
        48,
        "2026-03-04T00:00:00+00:00",
    )
    assert newest["reason"] == "Lineup was not running, was too late, or its clock jumped."
    assert before == {
        "due_at": "2026-03-01T23:00:00+00:00",
        "fate": "fired",
        "late_ms": 23,
        "reason": None,
        "task_id": None,
    }


def test_a_ledger_is_asked_for_one_fate_however_rare(
    api: FlaskClient, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "SEARCHED", 4)

    skipped = everything(api, ledger, "fate=skipped")

    assert [line["due_at"][11:13] for line in skipped] == ["18", "12", "06", "00"]
    assert {line["reason"] for line in skipped} == {"The run before it was not finished."}
    assert len(everything(api, ledger, "fate=fired&limit=3")) == 20
