"""SIGTERM: what runs gets its grace, what waits keeps waiting, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import httpx

from tests.processes.server import Home, running
from tests.waiting import until


def test_a_task_that_ends_within_the_grace_completes_and_the_waiting_ones_ride_next_time(
    home: Home, tmp_path: Path
) -> None:
    ran, go = tmp_path / "ran", tmp_path / "go"
    first = home.server(shutdown_grace_s="20").start()
    task_id = first.submit(f"until test -e {go}; do sleep 0.02; done; echo last words")
    waiting = [first.submit(f"echo {n} >> {ran}") for n in range(2)]
    home.becomes(task_id, "running")

    first.signal(signal.SIGTERM)
    until(lambda: "shutting down" in first.said())
    go.touch()
    assert first.wait() == 0

    assert home.task(task_id)["status"] == "completed"
    assert home.task(task_id)["task_result"] == "last words"
    assert home.statuses(waiting) == ["pending", "pending"]
    assert not ran.exists()
    assert [r["ended_at"] is not None for r in home.query("SELECT * FROM runners")] == [True]
    with home.server():
        home.all_final()
    assert home.statuses(waiting) == ["completed", "completed"]


def test_a_task_that_outlives_the_grace_fails_as_interrupted_and_its_processes_are_gone(
    home: Home, nap: str
) -> None:
    first = home.server(shutdown_grace_s="0.2", stop_grace_s="0.2").start()
    stubborn = first.submit(f"trap '' TERM; setsid {nap} & {nap}; {nap}")
    waiting = first.submit("true")
    until(lambda: len(running(nap)) > 1)

    assert first.terminate() == 0

    row = home.task(stubborn)
    assert (row["status"], row["error_code"]) == ("failed", "interrupted_by_shutdown")
    assert not running(nap)
    assert home.task(waiting)["status"] == "pending"


def test_a_task_that_a_shutdown_cuts_short_is_run_again_if_it_says_so(home: Home, nap: str) -> None:
    first = home.server(shutdown_grace_s="0.1", stop_grace_s="0.5").start()
    command = f'[ "$LINEUP_TASK_ATTEMPT" = 2 ] || {nap}'
    task_id = first.submit(command, rerun_interrupted=True)
    until(lambda: running(nap))

    assert first.terminate() == 0

    assert home.task(task_id)["status"] == "pending"
    with home.server():
        home.becomes(task_id, "completed")


def test_a_paused_task_is_ended_by_a_shutdown_too(home: Home, nap: str) -> None:
    first = home.server(shutdown_grace_s="0.1", stop_grace_s="0.5").start()
    task_id = first.submit(nap)
    home.becomes(task_id, "running")
    first.ask(task_id, "pause")

    assert first.terminate() == 0

    assert home.task(task_id)["error_code"] == "interrupted_by_shutdown"
    assert not running(nap)


def test_a_second_signal_cuts_the_grace_short_and_still_leaves_a_true_state(
    home: Home, nap: str
) -> None:
    first = home.server(shutdown_grace_s="60", stop_grace_s="0.2").start()
    task_id = first.submit(nap)
    home.becomes(task_id, "running")
    first.signal(signal.SIGINT)
    until(lambda: "shutting down" in first.said())

    first.signal(signal.SIGINT)

    assert first.wait() == 0
    assert home.task(task_id)["error_code"] == "interrupted_by_shutdown"
    assert not running(nap)


def test_a_request_in_flight_is_answered_and_what_it_stored_is_kept(home: Home, nap: str) -> None:
    server = home.server(stop_grace_s="0.6", shutdown_grace_s="5").start()
    task_id = server.submit(f"trap 'sleep 0.4' TERM; {nap} & wait; wait")
    until(lambda: running(nap))
    waiting = server.submit("true")
    answers: list[httpx.Response] = []
    stop = threading.Thread(target=lambda: answers.append(server.ask(task_id, "stop")))

    stop.start()
    until(lambda: home.task(task_id)["wish"] == "stop")
    os.kill(server.pid, signal.SIGTERM)
    stop.join()

    assert server.wait() == 0
    [answer] = answers
    assert (answer.status_code, answer.json()["control"]) == (200, None)
    assert home.task(task_id)["status"] == "stopped"
    assert home.task(waiting)["status"] == "pending"
