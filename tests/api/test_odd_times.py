"""Files that say they were changed in a year that no calendar has: some file systems keep it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import Send
from tests.uploading import sent
from webapp.config import Settings

IN_MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory, with any time they are given; others bring it near to ours."""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A data directory that keeps odd times, where there is a place for one."""
    place = IN_MEMORY if IN_MEMORY.is_dir() else tmp_path
    with tempfile.TemporaryDirectory(dir=place) as data:
        yield settings.model_copy(update={"data": Path(data, "data")})


@pytest.mark.parametrize("time", [10**12, -(10**11)])
def test_a_file_of_no_year_is_listed_and_sent(
    api: FlaskClient, settings: Settings, time: int
) -> None:
    api.post("/api/files/upload", **sent(("a.txt", b"x"), session_id="s"))
    os.utime(settings.data / "workspaces/s/uploads/a.txt", (time, time))

    listed = api.get("/api/files/session/s").get_json()["files"]
    answer = api.get("/api/files/download?session_id=s&file_path=uploads/a.txt", buffered=True)

    assert [file["name"] for file in listed] == ["a.txt"]
    assert answer.status_code == 200
    assert api.get("/sessions/s/files").status_code == 200


def test_a_report_of_no_year_ends_its_task_like_any_other(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send("mkdir -p reports; echo x >reports/a.md; touch -d @999999999999 reports/a.md; true")

    becomes(task["task_id"], "completed")

    assert api.get(f"/tasks/{task['task_id']}/report").status_code == 200
