"""The doctor: uploads whose file or row is gone, and a search that misses what is there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from tests.doctor.conftest import Ask, codes
from tests.uploading import sent
from webapp import clock
from webapp.config import Settings
from webapp.db import db
from webapp.queries import search
from webapp.runtime.context import Context
from webapp.services import claims, people
from webapp.services.submissions import Submitted

Sql = Callable[..., list[Any]]
Submit = Callable[..., Submitted]
Upload = Callable[..., dict[str, Any]]


@pytest.fixture
def upload(app: APIFlask) -> Upload:
    """Upload a file of that name; returns its row."""
    with app.app_context():
        owner = people.ensure_owner(clock.now())
        token = people.create_token(owner, "tests", "admin", by="tests", now=clock.now())
    client = app.test_client()

    def send(name: str, session_id: str = "s") -> dict[str, Any]:
        files = sent((name, b"content"), session_id=session_id)
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.post("/api/files/upload", headers=headers, **files)
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json()["files"][0])

    return send


@pytest.mark.both_databases
def test_a_row_whose_file_is_gone_is_forgotten_unless_a_task_waits_for_it(
    doctor: Ask, upload: Upload, sql: Sql, context: Context, submit: Submit
) -> None:
    gone, needed, there = upload("gone"), upload("needed"), upload("there")
    given = {"file_id": needed["file_id"], "name": "needed", "path": needed["file_path"]}
    task = submit("work", session_id="s")
    sql("UPDATE tasks SET upload_files = :given", given=f"[{json.dumps(given)}]")
    for row in (gone, needed):
        Path(row["file_path"]).unlink()

    [finding] = doctor("--repair")["findings"]

    assert (finding["code"], finding["count"], finding["repaired"]) == ("missing_files", 2, 1)
    left = {name for (name,) in sql("SELECT file_id FROM files")}
    assert left == {needed["file_id"], there["file_id"]}
    assert Path(there["file_path"]).is_file()
    context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
    assert sql("SELECT task_id FROM tasks") == [(task.task_id,)]


@pytest.mark.both_databases
def test_what_lies_among_uploads_without_a_row_is_set_aside_where_nothing_is_at_work(
    doctor: Ask, upload: Upload, settings: Settings, submit: Submit
) -> None:
    for session in ("rest", "busy"):
        stray = Path(upload("known", session)["file_path"]).with_name("stray")
        stray.write_text("something")
        for path in stray.parent.iterdir():
            os.utime(path, (1_000_000_000, 1_000_000_000))
        (stray.parent / "just-made").write_text("")
    submit("work", session_id="busy")

    assert codes(doctor("--repair")) == ["unknown_files"]

    assert (settings.data / "lost/workspaces/rest/uploads/stray").read_text() == "something"
    left = {p.name for p in (settings.data / "workspaces/rest/uploads").iterdir()}
    assert left == {"known", "just-made"}
    assert (settings.data / "workspaces/busy/uploads/stray").is_file()
    assert doctor()["findings"] == []


@pytest.mark.parametrize(
    "ill",
    [
        "INSERT INTO tasks_search(tasks_search) VALUES ('delete-all')",
        "DELETE FROM tasks_search_data WHERE id > 10",
        "INSERT INTO tasks_search(rowid, description) VALUES (2, 'a needle' || char(10, 10))",
    ],
)
def test_a_search_that_is_out_of_step_finds_again_what_is_there(
    doctor: Ask, sql: Sql, submit: Submit, app: APIFlask, ill: str
) -> None:
    submit("a needle")
    submit('nothing "')
    submit("a\0", session_id="s")
    submit("gone needle")
    sql("DELETE FROM tasks WHERE seq = 2")
    assert codes(doctor()) == ["lane_counts", "session_counts"]
    sql(ill)

    assert codes(doctor("--repair"))[-1] == "search"

    assert doctor()["findings"] == []
    with app.app_context():
        found = search.candidates("needle")
        assert found is not None
        assert sorted(db.session.execute(found).scalars()) == [1, 4]
