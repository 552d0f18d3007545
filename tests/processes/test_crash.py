"""kill -9 of a server while it works, and what its next start makes of it."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

from tests.processes.server import Home, Server, running
from tests.waiting import until

HIDING = """
{nap}1 &
setsid {nap}2 &
timeout 4000 {nap}3 &
(setsid sh -c '{nap}4 & {nap}5 & wait' &)
env -i setsid {nap}6 &
{nap}7
"""
"""Seven sleeps that hide behind sessions, groups, double forks and an empty environment."""


def start_hiding(server: Server, nap: str) -> str:
    """Submit them; returns the task's id once all seven run."""
    task_id = server.submit(HIDING.format(nap=nap))
    until(lambda: all(running(f"{nap}{n}") for n in range(1, 8)), server.said)
    return task_id


def die_together(server: Server) -> None:
    """Kill a server and the supervisors of its commands, so that none acts on another's death."""
    supervisors = psutil.Process(server.pid).children()
    server.signal(signal.SIGSTOP)
    for process in supervisors:
        process.kill()
    server.kill()


def test_a_killed_server_leaves_a_failed_task_no_process_and_a_line_that_goes_on(
    home: Home, tmp_path: Path, nap: str
) -> None:
    ran = tmp_path / "ran"
    first = home.server().start()
    done = first.submit("true")
    home.becomes(done, "completed")
    before = dict(home.task(done))
    interrupted = start_hiding(first, nap)
    waiting = [first.submit(f"echo {n} >> {ran}") for n in range(3)]

    first.kill()
    with home.server():
        home.all_final()

    assert not running(nap)
    row = home.task(interrupted)
    assert (row["status"], row["error_code"]) == ("failed", "interrupted")
    assert row["error_message"].startswith("interrupted")
    assert row["completed_at"] is not None
    assert row["runner_id"] is None
    [attempt] = home.query("SELECT * FROM attempts WHERE task_id = ?", interrupted)
    assert (attempt["outcome"], attempt["ended_at"] is not None) == ("failed", True)
    assert home.statuses(waiting) == ["completed"] * 3
    assert ran.read_text().split() == ["0", "1", "2"]
    assert dict(home.task(done)) == before


def test_what_a_command_left_behind_is_ended_even_if_its_supervisor_died_too(
    home: Home, nap: str
) -> None:
    first = home.server().start()
    task_id = start_hiding(first, nap)

    die_together(first)
    assert running(f"{nap}1"), "nobody is there to end it yet"
    with home.server():
        row = home.becomes(task_id, "failed")

    assert row["error_code"] == "interrupted"
    # Without mark and without supervisor nothing tells the sixth from anybody's process.
    unknown = running(f"{nap}6")
    assert set(running(nap)) <= set(unknown)
    for pid in unknown:
        psutil.Process(pid).kill()


def test_a_task_killed_with_its_server_is_not_tried_again_and_says_so_in_its_session(
    home: Home, tmp_path: Path, nap: str
) -> None:
    ran = tmp_path / "ran"
    first = home.server().start()
    task_id = first.submit(f"echo once >> {ran}; {nap}", max_retries=3)
    until(ran.exists)

    first.kill()
    with home.server() as second:
        home.becomes(task_id, "failed")
        shown = second.http.get(f"/api/activity/{task_id}").json()
        log = second.http.get(f"/api/activity/sessions/{shown['session_id']}/activity").json()

    assert ran.read_text().split() == ["once"]
    assert [e["agent_status"] for e in log["activity_logs"]][-1] == "done"
    assert "interrupted" in log["activity_logs"][-1]["agent_msg"]


def test_a_task_killed_with_its_server_is_run_again_if_it_says_so(
    home: Home, tmp_path: Path, nap: str
) -> None:
    ran = tmp_path / "ran"
    first = home.server().start()
    command = f"echo $LINEUP_TASK_ATTEMPT >> {ran}; [ $LINEUP_TASK_ATTEMPT = 2 ] || {nap}"
    task_id = first.submit(command, rerun_interrupted=True)
    until(ran.exists)

    first.kill()
    with home.server() as second:
        home.becomes(task_id, "completed")
        shown = second.http.get(f"/api/activity/{task_id}").json()
        log = second.http.get(f"/api/activity/sessions/{shown['session_id']}/activity").json()

    assert ran.read_text().split() == ["1", "2"]
    assert not running(nap)
    said = [entry["agent_msg"] for entry in log["activity_logs"]]
    assert any("interrupted" in text and "run again" in text for text in said)
    attempts = home.query("SELECT * FROM attempts WHERE task_id = ? ORDER BY number", task_id)
    assert [attempt["outcome"] for attempt in attempts] == ["failed", "completed"]
    assert attempts[0]["error"].startswith("interrupted")


def test_a_paused_task_dies_with_its_server_as_well(home: Home, nap: str) -> None:
    first = home.server().start()
    task_id = first.submit(nap)
    home.becomes(task_id, "running")
    first.ask(task_id, "pause")
    home.becomes(task_id, "paused")

    first.kill()
    with home.server():
        row = home.becomes(task_id, "failed")

    assert row["error_code"] == "interrupted"
    assert not running(nap)
