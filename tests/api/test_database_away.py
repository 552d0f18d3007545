"""A database whose one writer will not let go: refused in words, and nothing half-stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import select

from webapp.config import Settings
from webapp.db import db
from webapp.models import Lane


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an application that waits a moment for its turn to write, not half a minute."""
    monkeypatch.setattr("webapp.db.BUSY_TIMEOUT_MS", 50)
    return Settings(data=tmp_path / "data", durability="normal")


def test_a_submission_that_gets_no_turn_to_write_is_503_and_may_come_again(
    app: APIFlask, api: FlaskClient
) -> None:
    body = {"task_description": "true", "agent": "shell"}
    with app.app_context(), db.engines[None].begin() as connection:
        connection.execute(select(Lane.__table__).with_for_update())
        refused = api.post("/api/tasks/submit", json=body)

    assert (refused.status_code, refused.get_json()["error"]) == (503, "database_away")
    assert int(refused.headers["Retry-After"]) > 0
    assert api.get("/api/tasks").get_json()["tasks"] == []
    assert api.post("/api/tasks/submit", json=body).status_code == 200
