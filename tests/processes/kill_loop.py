"""Kills a server again and again while tasks stream in, then compares what it said with what is.

``make torture`` runs many rounds of it; the suite runs three.
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx

from tests.processes.server import FINAL, Home, Server
from webapp import clock, create_app, schema
from webapp.config import Settings
from webapp.db import dispose
from webapp.services import people

STREAMS = 3
PAUSE_S = 0.1  # or more would wait in the end than is worth waiting for
ENDS = ("true", "false", "sleep 0.1", "(setsid sleep 0.2 &)")
TRUE_STATES = """
    SELECT task_id, status, attempt, error_code, completed_at IS NOT NULL AS ended,
           runner_id IS NOT NULL AS held, wish
    FROM tasks
"""


@dataclass
class Stream:
    """Hands in one task after the other under a key of its own, and again if unanswered."""

    home: Home
    marks: Path
    number: int
    server: Server
    refused: str = ""
    accepted: dict[str, str] = field(default_factory=dict)
    """Task id to its key."""
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Hand in until told that it is over; nothing is left unanswered then."""
        count, answered = 0, True
        while not (answered and self.over.is_set()) and not self.refused:
            count += answered
            answered = self._hand_in(f"{self.number}-{count}", ENDS[count % len(ENDS)])
            self.over.wait(PAUSE_S)

    def _hand_in(self, key: str, end: str) -> bool:
        body = {
            "task_description": f"echo x >> {self.marks / key}; {end}",
            "agent": "shell",
            "when_busy": "queue",
        }
        try:
            answer = self.server.http.post(
                "/api/tasks/submit", json=body, headers={"Idempotency-Key": key}
            )
        except httpx.TransportError:
            return False
        if answer.status_code != 200:
            self.refused = f"{answer.status_code} {answer.text}"
            return False
        self.accepted[answer.json()["task_id"]] = key
        return True


def torture(home: Home, *, rounds: int, seed: int) -> Counter[str]:
    """Kill so often; returns how many tasks ended how. Fails with what is untrue."""
    dice = random.Random(seed)
    marks = home.data.parent / "marks"
    marks.mkdir()
    never_started = home.server()
    streams = [Stream(home, marks, number, never_started) for number in range(STREAMS)]
    threads = [threading.Thread(target=stream.run) for stream in streams]
    for thread in threads:
        thread.start()
    try:
        for _ in range(rounds):
            _one_life(home, streams, dice)
        last = home.server().start()
        _hand_over(streams, last)
    finally:
        for stream in streams:
            stream.over.set()
        for thread in threads:
            thread.join()
    assert not (refused := [stream.refused for stream in streams if stream.refused]), refused
    home.all_final(patience_s=60 + 2 * rounds)
    assert last.terminate() == 0
    return _compare(home, streams, marks)


def _one_life(home: Home, streams: list[Stream], dice: random.Random) -> None:
    """Start, work for a random moment, die of kill -9 or, one time in four, leave on SIGTERM."""
    server = home.server(shutdown_grace_s="0.1", stop_grace_s="0.2").start()
    _hand_over(streams, server)
    time.sleep(dice.uniform(0.02, 1.0))
    if dice.random() < 0.25:
        server.signal(signal.SIGTERM)
        assert server.wait() == 0, server.said()
    else:
        server.kill()


def _hand_over(streams: list[Stream], server: Server) -> None:
    for stream in streams:
        stream.server = server


def _compare(home: Home, streams: list[Stream], marks: Path) -> Counter[str]:
    accepted = {task_id: key for stream in streams for task_id, key in stream.accepted.items()}
    rows = {row["task_id"]: row for row in home.query(TRUE_STATES)}
    ran = {path.name: len(path.read_text().split()) for path in marks.iterdir()}
    lost = set(accepted) - set(rows)
    assert not lost, f"accepted and not there: {lost}"
    assert set(rows) == set(accepted), "a repeated request made a second task"
    for task_id, row in rows.items():
        times = ran.get(accepted[task_id], 0)
        assert row["status"] in FINAL, dict(row)
        assert (row["ended"], row["held"], row["wish"]) == (1, 0, None), dict(row)
        assert times <= 1, f"ran {times} times: {dict(row)}"
        assert times == 1 or row["status"] == "failed", f"never ran: {dict(row)}"
        assert row["status"] != "failed" or row["error_code"], dict(row)
    _compare_books(home)
    assert not home.left_behind()
    return Counter(row["error_code"] or row["status"] for row in rows.values())


def _compare_books(home: Home) -> None:
    """What is kept beside the tasks agrees with them, and the database is sound."""
    [lane] = home.query("SELECT * FROM lanes")
    counted = dict(home.query("SELECT status, count(*) FROM tasks GROUP BY status"))
    kept = {s: lane[s] for s in (*FINAL, "pending", "running", "paused") if lane[s]}
    assert kept == counted
    unended = home.query("SELECT * FROM attempts WHERE ended_at IS NULL OR outcome IS NULL")
    assert not unended, [dict(row) for row in unended]
    for status, name in (("request", "opened"), ("done", "closed")):
        sql = f"SELECT task_id, count(*) FROM activity WHERE agent_status = '{status}' GROUP BY 1"
        times = dict(home.query(sql))
        odd = {k: v for k, v in times.items() if v != 1}
        assert not odd, f"{name} other than once: {odd}"
        assert len(times) == sum(counted.values()), f"some were never {name}"
    assert not home.broken()


def main() -> None:
    """``python -m tests.processes.kill_loop [rounds [seed]]``."""
    given = [int(word) for word in sys.argv[1:]]
    rounds, seed = [*given, *(100, random.randrange(10**6))[len(given) :]]
    click.echo(f"{rounds} rounds with seed {seed}")
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        app = create_app(Settings(data=data))
        schema.prepare(app)
        with app.app_context():
            owner = people.ensure_owner(clock.now())
            token = people.create_token(owner, "torture", "admin", by="torture", now=clock.now())
        dispose(app)
        home = Home(data, token)
        try:
            click.echo(dict(torture(home, rounds=rounds, seed=seed)))
        finally:
            home.close()


if __name__ == "__main__":
    main()
