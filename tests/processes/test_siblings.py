"""Two servers on one database: each may steer all, none touches what the other runs."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from tests.processes.server import ACTIVE, Home, Server, running
from tests.waiting import until

pytestmark = pytest.mark.both_databases
SOON_S = 20.0
"""Within seconds, where a machine has time; a sweep is every few."""
ALONE = "mkdir {riding} || exit 9; sleep 0.02; rmdir {riding}"
"""A task that fails if another one rides at the same time."""


@pytest.fixture(scope="module")
def siblings(shared_home: Home) -> Iterator[tuple[Server, Server]]:
    """Two servers on one database."""
    with shared_home.server() as first, shared_home.server() as second:
        yield first, second


def look_round(server: Server) -> None:
    """Wait until a server has looked round for the dead once more."""
    began = time.monotonic()

    def has() -> bool:
        age = server.http.get("/health/ready").json()["last_tick_age_s"]
        return age is not None and age < time.monotonic() - began

    until(has, server.said)


def runner_of(home: Home, task_id: str) -> int:
    """The pid of the server that runs a task."""
    [row] = home.query(
        "SELECT pid FROM runners JOIN tasks USING (runner_id) WHERE task_id = ?", task_id
    )
    return int(row["pid"])


def start_on(server: Server, home: Home, command: str) -> str:
    """Submit a task to a server that is alone, so that it is the one that runs it."""
    task_id = server.submit(command)
    home.becomes(task_id, "running")
    assert runner_of(home, task_id) == server.pid
    return task_id


def test_a_running_task_is_untouched_by_a_sibling_and_rescued_once_its_own_server_is_killed(
    home: Home, nap: str
) -> None:
    with home.server() as owner:
        task_id = start_on(owner, home, nap)
        waiting = owner.submit("echo next")
        before = dict(home.task(task_id))
        with home.server() as survivor:
            look_round(survivor)
            assert dict(home.task(task_id)) == before
            assert running(nap)

            owner.kill()
            row = home.becomes(task_id, "failed", patience_s=SOON_S)
            home.becomes(waiting, "completed", patience_s=SOON_S)

    assert row["error_code"] == "interrupted"
    assert not running(nap)


def test_a_sibling_that_is_shut_down_leaves_the_other_ones_task_alone(home: Home, nap: str) -> None:
    with home.server() as owner:
        task_id = start_on(owner, home, nap)
        with home.server() as sibling:
            assert sibling.terminate() == 0

        assert home.task(task_id)["status"] == "running"
        assert owner.ask(task_id, "stop").status_code == 200
        home.becomes(task_id, "stopped")


def test_what_is_posted_to_one_server_reaches_the_task_the_other_runs(home: Home, nap: str) -> None:
    with home.server() as owner:
        task_id = start_on(owner, home, f"read line; echo heard $line; {nap}")
        with home.server() as other:
            given = other.ask(task_id, "instructions", instruction="hello")
            assert given.status_code == 200, given.text
            receipts = f"/api/tasks/{task_id}/instructions"
            until(lambda: other.http.get(receipts).json()["instructions"][0]["state"] == "consumed")
            assert other.ask(task_id, "pause", reason="tea").json()["control"] is None
            paused = home.task(task_id)
            assert (paused["status"], paused["pause_reason"]) == ("paused", "tea")
            [pid] = running(nap)[-1:]
            assert psutil.Process(pid).status() == psutil.STATUS_STOPPED
            assert other.ask(task_id, "resume").json()["control"] is None
            assert home.task(task_id)["status"] == "running"
            assert other.ask(task_id, "stop", reason="enough").json()["control"] is None
            output = other.http.get(f"/api/tasks/{task_id}/output").json()

    stopped = home.task(task_id)
    assert (stopped["status"], stopped["stop_reason"]) == ("stopped", "enough")
    assert output["data"] == "heard hello\n"
    assert not running(nap)


def test_of_many_tasks_posted_to_both_never_two_ride_at_once(
    siblings: tuple[Server, Server], tmp_path: Path
) -> None:
    home = siblings[0].home
    command = ALONE.format(riding=tmp_path / "riding")
    task_ids: list[str] = []

    def hand_in(server: Server) -> None:
        task_ids.extend(server.submit(command) for _ in range(15))

    threads = [threading.Thread(target=hand_in, args=(server,)) for server in siblings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    home.all_final()

    assert home.statuses(task_ids) == ["completed"] * 30
    spans = home.query("SELECT started_at, ended_at FROM attempts ORDER BY started_at")
    for before, after in pairwise(spans):
        assert before["ended_at"] <= after["started_at"]


def test_of_simultaneous_rejecting_submissions_to_both_exactly_one_wins(
    siblings: tuple[Server, Server], nap: str
) -> None:
    start, answers = threading.Barrier(20), []

    def hand_in(server: Server) -> None:
        start.wait()
        answers.append(server.post_task(nap, when_busy="reject"))

    threads = [threading.Thread(target=hand_in, args=(s,)) for s in siblings * 10]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    [won] = [answer for answer in answers if answer.status_code == 200]
    siblings[1].ask(won.json()["task_id"], "stop")
    siblings[0].home.all_final()


def test_a_task_that_nobody_was_woken_for_is_found_although_a_sibling_is_frozen(
    siblings: tuple[Server, Server], slip_in: Callable[[Home, str], str]
) -> None:
    frozen, other = siblings
    home = other.home
    home.suspend(frozen.pid)
    try:
        task_id = slip_in(home, "true")
        home.becomes(task_id, "completed", patience_s=SOON_S)
    finally:
        frozen.signal(signal.SIGCONT)

    [row] = home.query(
        "SELECT pid FROM runners JOIN attempts USING (runner_id) WHERE task_id = ?", task_id
    )
    assert row["pid"] == other.pid


def test_a_server_that_was_suspended_goes_on_with_its_task_and_nobody_doubles_it(
    home: Home, tmp_path: Path
) -> None:
    ran, go = tmp_path / "ran", tmp_path / "go"
    with home.server() as owner:
        command = f"echo begun >> {ran}; until test -e {go}; do sleep 0.02; done; echo end >> {ran}"
        task_id = start_on(owner, home, command)
        until(ran.exists)
        with home.server() as sibling:
            home.suspend(owner.pid)
            look_round(sibling)
            assert home.task(task_id)["status"] == "running"
            assert len(home.query(f"SELECT 1 FROM tasks WHERE {ACTIVE}")) == 1
            go.touch()
            until(lambda: len(ran.read_text().split()) == 2)
            owner.signal(signal.SIGCONT)
            row = home.becomes(task_id, "completed")

    assert row["attempt"] == 1
    assert ran.read_text().split() == ["begun", "end"]


def test_a_submission_waits_for_a_database_that_another_process_has_locked(
    siblings: tuple[Server, Server],
) -> None:
    home, answers = siblings[0].home, []
    hand_in = threading.Thread(target=lambda: answers.append(siblings[0].post_task("true")))
    with home.locked():
        hand_in.start()
        for server in siblings:
            assert server.http.get("/api/status").status_code == 200, "readers do not wait"
        assert not answers
    hand_in.join()

    [answer] = answers
    assert answer.status_code == 200
    home.becomes(answer.json()["task_id"], "completed")
