"""APScheduler 3 with its SQLAlchemy job store on SQLite: a job for each schedule, the same insert.

``python -m benchmarks.apscheduler_peer DIRECTORY COUNT GRACE``: GRACE is ``default`` or ``none``.
Prints, as JSON, by how many seconds each task was enqueued late; those that were dropped are not
there.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_MISSED
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import create_engine, event
from uuid_utils import uuid7

PATIENCE_S = 600.0
SESSION = """
INSERT INTO sessions (session_id, workspace_dir, created_at, last_activity, task_count,
    activity_count, newest_task_id, status, title) VALUES (?, ?, ?, ?, 1, 0, ?, 'pending', ?)"""
TASK = """
INSERT INTO tasks (task_id, session_id, task_description, status, workspace_dir, agent_mode,
    created_at, updated_at, version, agent, agent_settings, lane, priority, attempt, max_retries,
    rerun_interrupted, submitted_by, abandoned, task_metadata)
VALUES (?, ?, ?, 'pending', '/nowhere', 'thinking', ?, ?, 1, 'noop', '{}', 'main', 0, 0, 0, 0,
    'schedule', 0, '{}')"""

own = threading.local()


def enqueue(database: str, number: int) -> None:
    """What a job does: one task in a session of its own, in one synced commit."""
    if not hasattr(own, "connection"):
        own.connection = sqlite3.connect(database, timeout=PATIENCE_S, isolation_level=None)
        own.connection.execute("PRAGMA synchronous=FULL")
    now, task, session = str(datetime.now(UTC))[:26], str(uuid7()), str(uuid7())
    said = f"nothing, for the {number}th time"
    own.connection.execute("BEGIN IMMEDIATE")
    own.connection.execute(SESSION, (session, "/nowhere", now, now, task, said))
    own.connection.execute(TASK, (task, session, said, now, now))
    own.connection.execute("COMMIT")


def main() -> None:
    """Store the jobs, wait until their second, and tell how late each was."""
    directory, count, grace = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    logging.disable(logging.WARNING)
    options: dict[str, Any] = {} if grace == "default" else {"misfire_grace_time": None}
    store = directory / f"jobs-{count}-{grace}.db"
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4 + count // 400)
    _store(store, str(directory / "lineup.db"), range(count), due, options)
    late: list[float] = []
    seen = threading.Semaphore(0)

    def done(_event: object) -> None:
        late.append(time.time() - due.timestamp())
        seen.release()

    scheduler = _scheduler(store, "FULL", {})
    scheduler.add_listener(done, EVENT_JOB_EXECUTED)
    scheduler.add_listener(lambda _event: seen.release(), EVENT_JOB_MISSED)
    scheduler.start()
    if datetime.now(UTC) >= due:
        raise SystemExit("storing the jobs took too long")
    for _ in range(count):
        if not seen.acquire(timeout=PATIENCE_S):
            break
    scheduler.shutdown(wait=False)
    print(json.dumps(late))


def _store(
    path: Path, database: str, numbers: range, due: datetime, options: dict[str, Any]
) -> None:
    """Store the jobs without syncing: that is not what is measured."""
    scheduler = _scheduler(path, "OFF", options)
    scheduler.start(paused=True)
    for number in numbers:
        when = CronTrigger(hour=due.hour, minute=due.minute, second=due.second, timezone="UTC")
        scheduler.add_job("benchmarks.apscheduler_peer:enqueue", when, args=(database, number))
    scheduler.shutdown()


def _scheduler(path: Path, synchronous: str, options: dict[str, Any]) -> BackgroundScheduler:
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")

    stores = {"default": SQLAlchemyJobStore(engine=engine)}
    return BackgroundScheduler(jobstores=stores, timezone="UTC", job_defaults=options)


if __name__ == "__main__":
    main()
