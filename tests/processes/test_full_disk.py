"""A disk without space: refused in words, nothing half-stored, and nothing lost when it is back."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.processes.server import Home, Server
from tests.waiting import until

TABLES = ("tasks", "sessions", "activity", "attempts", "audit_log", "idempotency_keys")


@pytest.fixture
def server(home: Home) -> Iterator[Server]:
    """A server that logs to a file, on the disk that will be full."""
    with home.server() as started:
        yield started


@contextmanager
def full_disk(server: Server) -> Iterator[None]:
    """No file of the server can grow: every write fails as on a disk without space."""
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))


def everything(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables a submission writes to."""
    return {t: [tuple(r) for r in home.query(f"SELECT * FROM {t}")] for t in TABLES}


def test_a_submission_is_refused_in_json_and_nothing_of_it_is_stored(
    home: Home, server: Server
) -> None:
    before = everything(home)
    with full_disk(server):
        refused = server.post_task("true")
        assert server.http.get("/api/status").status_code == 200, "reading goes on"

    assert refused.status_code == 503
    assert refused.json()["error"] == "database_away"
    assert refused.json()["detail"].startswith("The database does not answer.")
    assert int(refused.headers["Retry-After"]) > 0
    assert everything(home) == before
    home.becomes(server.submit("true"), "completed")


def test_an_outcome_that_could_not_be_written_is_written_once_there_is_space(
    home: Home, server: Server, tmp_path: Path
) -> None:
    go, gone = tmp_path / "go", tmp_path / "gone"
    task_id = server.submit(f"until test -e {go}; do sleep 0.02; done; echo done; mkdir {gone}")
    waiting = server.submit("true")
    home.becomes(task_id, "running")

    with full_disk(server):
        go.touch()
        until(gone.exists)
        until(lambda: not psutil.Process(server.pid).children())
        assert server.post_task("true").status_code == 503
        assert home.task(task_id)["status"] == "running"

    assert home.becomes(task_id, "completed")["attempt"] == 1
    home.becomes(waiting, "completed")


def test_a_task_whose_output_finds_no_space_still_ends_truly_and_says_what_is_missing(
    home: Home, server: Server, tmp_path: Path
) -> None:
    go, gone = tmp_path / "go", tmp_path / "gone"
    lost = "head -c 3000000 /dev/zero"  # more than the pipe holds: it ends once most was taken
    command = f"echo before; until test -e {go}; do sleep 0.02; done; {lost}; mkdir {gone}"
    task_id = server.submit(command)
    until(lambda: "before" in server.http.get(f"/api/tasks/{task_id}/output").json()["data"])

    with full_disk(server):
        go.touch()
        until(gone.exists)

    home.becomes(task_id, "completed")
    session_id = home.task(task_id)["session_id"]
    log = server.http.get(f"/api/activity/sessions/{session_id}/activity").json()
    said = "\n".join(e["agent_msg"] for e in log["activity_logs"])
    assert "Output could not be written" in said


def test_a_server_leaves_quietly_although_nothing_can_be_written(server: Server) -> None:
    with full_disk(server):
        assert server.terminate() == 0
