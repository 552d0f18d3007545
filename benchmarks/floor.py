"""The least a program in Python could do: the same rows by hand-written statements of sqlite3.

It works on a copy of a database that Lineup made, with its tables, indexes and settings.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

CLAIM = """
SELECT task_id, session_id, task_description, agent_settings, workspace_dir FROM tasks
WHERE lane = 'main' AND status = 'pending' ORDER BY priority DESC, seq LIMIT 1"""
RUNNING = """
UPDATE tasks SET status = 'running', attempt = 1, runner_id = ?, started_at = ?, updated_at = ?,
version = version + 1 WHERE task_id = ? AND status = 'pending'"""
COMPLETED = """
UPDATE tasks SET status = 'completed', completed_at = ?, updated_at = ?, runner_id = NULL,
version = version + 1 WHERE task_id = ? AND status = 'running' AND attempt = 1"""
ACTIVITY = """
INSERT INTO activity (session_id, message_index, task_id, attempt, agent_name, agent_status,
agent_msg, timestamp) VALUES (?, ?, ?, 1, ?, ?, ?, ?)"""
SESSION = """
UPDATE sessions SET activity_count = activity_count + 1, last_entry = ?, last_activity = ?,
status = ? WHERE session_id = ?"""
ATTEMPT = "INSERT INTO attempts (task_id, number, runner_id, started_at) VALUES (?, 1, ?, ?)"
ENDED = "UPDATE attempts SET ended_at = ?, outcome = 'completed' WHERE task_id = ? AND number = 1"
LANE_NEXT = """
UPDATE lanes SET completed = completed + 1, pending = pending - 1, version = version + 2
WHERE name = 'main'"""
LANE_IN = "UPDATE lanes SET pending = pending + 1, version = version + 1 WHERE name = 'main'"
LANE_CLAIM = """
UPDATE lanes SET running = running + 1, pending = pending - 1, version = version + 1
WHERE name = 'main'"""
LANE_END = """
UPDATE lanes SET completed = completed + 1, running = running - 1, version = version + 1
WHERE name = 'main'"""
NEW_SESSION = """
INSERT INTO sessions (session_id, workspace_dir, created_at, last_activity, task_count,
activity_count, newest_task_id, status) VALUES (?, ?, ?, ?, 1, 0, ?, 'pending')"""
NEW_TASK = """
INSERT INTO tasks (task_id, session_id, task_description, status, workspace_dir, agent_mode,
created_at, updated_at, version, agent, agent_settings, lane, priority, attempt, max_retries,
submitted_by, abandoned) VALUES (?, ?, ?, 'pending', ?, 'thinking', ?, ?, 1, 'noop', '{}', 'main',
0, 0, 0, 'floor', 0)"""
AUDIT = """
INSERT INTO audit_log (at, principal, action, target, detail) VALUES (?, 'floor', 'submit', ?,
'{"agent": "noop", "lane": "main"}')"""

Claimed = tuple[str, str]
"""A task's id and its session's."""


class Floor:
    """One connection to a copy of a database."""

    def __init__(self, database: Path, durability: str) -> None:
        self._path = database.with_name(f"floor-{uuid4()}.db")
        self._db = sqlite3.connect(self._path, isolation_level=None)
        with closing(sqlite3.connect(database)) as original:
            original.backup(self._db)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={durability.upper()}")
        self._db.execute("PRAGMA foreign_keys=ON")

    def close(self) -> None:
        """Close and delete the copy."""
        self._db.close()
        self._path.unlink()

    def submit_and_claim(self, description: str) -> float:
        """A task comes in and runs, two commits; returns the seconds until the second."""
        began = time.perf_counter()
        now, task, session = _now(), str(uuid4()), str(uuid4())
        write = self._db.execute
        write("BEGIN IMMEDIATE")
        write("SELECT * FROM lanes WHERE name = 'main'").fetchone()
        write(NEW_SESSION, (session, f"/workspaces/{session}", now, now, task))
        write(NEW_TASK, (task, session, description, f"/workspaces/{session}", now, now))
        write(LANE_IN)
        write(AUDIT, (now, task))
        write("COMMIT")
        write("BEGIN IMMEDIATE")
        claimed = self._claim()
        assert claimed is not None
        write(LANE_CLAIM)
        write("COMMIT")
        took = time.perf_counter() - began
        write("BEGIN IMMEDIATE")
        self._conclude(claimed)
        write(LANE_END)
        write("COMMIT")
        return took

    def drain(self) -> float:
        """Conclude and claim in one commit until nothing waits; returns tasks per second."""
        write = self._db.execute
        claimed = self._claim()
        write(LANE_CLAIM)
        began, count = time.perf_counter(), 0
        while claimed is not None:
            write("BEGIN IMMEDIATE")
            self._conclude(claimed)
            claimed = self._claim()
            write(LANE_END if claimed is None else LANE_NEXT)
            write("COMMIT")
            count += 1
        return count / (time.perf_counter() - began)

    def _claim(self) -> Claimed | None:
        now, write = _now(), self._db.execute
        row = write(CLAIM).fetchone()
        if row is None:
            return None
        task, session, description, *_ = row
        write(RUNNING, ("floor", now, now, task))
        write(ACTIVITY, (session, 0, task, "user", "request", description, now))
        write(SESSION, (task, now, "running", session))
        write(ATTEMPT, (task, "floor", now))
        return task, session

    def _conclude(self, claimed: Claimed) -> None:
        now, write = _now(), self._db.execute
        task, session = claimed
        write(COMPLETED, (now, now, task))
        write(ACTIVITY, (session, 1, task, "noop", "done", "Completed.", now))
        write(SESSION, (task, now, "completed", session))
        write(ENDED, (now, task))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
