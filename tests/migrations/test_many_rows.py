"""Every revision, up and down, on a database of a hundred thousand tasks."""

from __future__ import annotations

import pytest
from alembic.script import ScriptDirectory

from tests.migrations.conftest import Database
from webapp.schema import MIGRATIONS

TASKS = 100_000
SESSIONS = 5_000
AT = "'2026-11-01 10:00:00.000000'"
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
STATUS = """
CASE WHEN i = 1 THEN 'RUNNING' WHEN i % 5 = 0 THEN 'Failed' WHEN i % 7 = 0 THEN ' stopped '
     WHEN i % 999 = 0 THEN 'pending' ELSE 'completed' END
"""
FILL = {  # table: how many rows, and each column's value for the row number i
    "lanes": (1, {"name": "'main'", "created_at": AT}
              | dict.fromkeys(("version", "pending", "running", "paused"), "0")
              | dict.fromkeys(("completed", "failed", "stopped"), "0")),
    "sessions": (SESSIONS, {
        "session_id": "'session-' || i", "workspace_dir": "'/w/' || i", "created_at": AT,
        "last_activity": AT, "task_count": f"{TASKS // SESSIONS}", "activity_count": "20",
        "newest_task_id": f"'task-' || (i + {TASKS - SESSIONS})", "status": "'completed'",
    }),
    "tasks": (TASKS, {
        "task_id": "'task-' || i", "session_id": f"'session-' || ((i - 1) % {SESSIONS} + 1)",
        "task_description": "'ü' || i", "status": STATUS,
        "workspace_dir": "'/w'", "agent_mode": "'thinking'", "created_at": AT, "updated_at": AT,
        "version": "1", "agent": "'shell'", "agent_settings": "'{}'", "lane": "'main'",
        "priority": "0", "attempt": "1", "max_retries": "0", "submitted_by": "'ann'",
        "abandoned": "1 = 0", "task_result": "'result ' || i", "started_at": AT,
    }),
    "attempts": (TASKS, {
        "task_id": "'task-' || i", "number": "1", "runner_id": "'gone'", "started_at": AT,
        "ended_at": AT, "outcome": "'completed'",
    }),
    "activity": (TASKS, {
        "session_id": f"'session-' || ((i - 1) % {SESSIONS} + 1)",
        "message_index": f"(i - 1) / {SESSIONS}", "task_id": "'task-' || i",
        "attempt": "1", "agent_name": "'shell'", "agent_status": "'working'",
        "agent_msg": "'said ' || i", "timestamp": AT,
    }),
}  # fmt: skip
DIGESTS = {  # what must be the same in every revision
    "tasks": "count(*), count(DISTINCT task_id), sum(seq), sum(length(task_description)),"
    " sum(length(task_result)), count(started_at), sum(length(trim(status)))",
    "sessions": "count(*), sum(task_count), sum(activity_count), count(newest_task_id)",
    "attempts": "count(*), count(DISTINCT task_id), sum(number), count(outcome)",
    "activity": "count(*), sum(message_index), sum(length(agent_msg))",
    "lanes": "count(*)",
}


@pytest.fixture
def full(database: Database) -> Database:
    """A database of the first revision that has been used for a year."""
    database.up("0001")
    for table, (count, columns) in FILL.items():
        values = ", ".join(columns.values())
        database.query(
            f"INSERT INTO {table} ({', '.join(columns)}) {NUMBERS.format(count)}"
            f" SELECT {values} FROM n"
        )
    return database


def digest(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """A few numbers that tell whether a row was lost, doubled or changed."""
    return {table: database.query(f"SELECT {sums} FROM {table}") for table, sums in DIGESTS.items()}


def test_of_a_hundred_thousand_tasks_every_row_survives_every_revision_up_and_down(
    full: Database,
) -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    before = digest(full)
    assert before["tasks"][0][0] == TASKS

    revisions = [revision.revision for revision in script.walk_revisions()]
    for revision in reversed(revisions[:-1]):
        full.up(revision)
        assert digest(full) == before, f"up to {revision}"
    [lane] = full.query("SELECT pending, running, completed, failed, stopped FROM lanes")
    assert sum(lane) == TASKS
    assert full.orphans() == []

    for revision in revisions[1:]:
        full.down(revision)
        assert digest(full) == before, f"down to {revision}"
    full.down()
