"""What the migrations make of a database that older programs have filled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from tests.migrations.conftest import Database

Fill = Callable[[], Database]

BESIDE = ("attempts", "instructions", "activity")


def beside(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Everything that refers to tasks."""
    return {table: database.query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in BESIDE}


@pytest.mark.parametrize("status", ["RUNNING", " failed ", "cancelled", ""])
def test_after_the_second_revision_no_other_word_for_a_status_gets_in(
    filled: Fill, status: str
) -> None:
    database = filled()
    database.up("0002")

    with pytest.raises(IntegrityError, match="ck_tasks_status"):
        database.task("odd", status)


def test_after_the_third_revision_no_second_active_task_gets_into_a_lane(filled: Fill) -> None:
    database = filled()
    database.up("0003")

    with pytest.raises(IntegrityError, match=r"tasks\.lane|uq_tasks_active_lane"):
        database.query("UPDATE tasks SET status = 'running' WHERE task_id = 'task-1'")


def test_every_status_is_brought_to_lower_case_without_spaces(filled: Fill) -> None:
    database = filled()

    database.up("0002")

    assert list(database.statuses().values()) == [
        "running", "completed", "failed", "pending", "stopped", "paused", "pending", "running",
        "running",
    ]  # fmt: skip
    assert database.query("SELECT session_id, status FROM sessions") == [
        ("s", "running"),
        ("t", "running"),
    ]


def test_of_several_active_tasks_in_a_lane_the_newest_stays_and_the_others_say_why_not(
    filled: Fill,
) -> None:
    database = filled()

    database.up("0003")

    statuses = database.statuses()
    assert statuses == {
        "task-0": "failed",
        "task-1": "completed",
        "task-2": "failed",
        "task-3": "pending",
        "task-4": "stopped",
        "task-5": "failed",
        "task-6": "pending",
        "task-7": "running",
        "elsewhere": "running",
    }
    closed = database.query(
        "SELECT error_message LIKE 'interrupted%', completed_at IS NOT NULL, runner_id, wish"
        " FROM tasks WHERE task_id IN ('task-0', 'task-5')"
    )
    assert closed == [(1, 1, None, None)] * 2
    ended = "SELECT outcome, ended_at IS NOT NULL FROM attempts WHERE task_id = ?"
    assert database.query(ended, "task-5") == [("failed", 1)]
    assert database.query(ended, "task-7") == [(None, 0)]


def test_a_session_repeats_the_status_of_its_newest_task_even_if_that_was_closed(
    filled: Fill,
) -> None:
    database = filled()
    database.insert("sessions", session_id="u")
    database.task("closed", "Running", lane="other", session="u")
    database.task("kept", "Running", lane="other", session="t")

    database.up()

    assert dict(database.query("SELECT session_id, status FROM sessions")) == {
        "s": "running",
        "t": "running",
        "u": "failed",
    }


def test_the_counts_of_every_lane_are_right_afterwards(filled: Fill) -> None:
    database = filled()

    database.up()

    counts = database.query(
        "SELECT name, pending, running, paused, completed, failed, stopped FROM lanes ORDER BY name"
    )
    assert counts == [("main", 2, 1, 0, 1, 3, 1), ("other", 0, 1, 0, 0, 0, 0)]


def test_what_belongs_to_tasks_survives_every_revision_up_and_down(filled: Fill) -> None:
    database = filled()
    before = beside(database)

    database.up("0002")
    assert beside(database) == before
    for turn in (database.up, lambda: database.down("0002"), lambda: database.down("0001")):
        turn()
        after = beside(database)
        assert {t: len(rows) for t, rows in after.items()} == dict.fromkeys(BESIDE, 9)
        assert after["instructions"] == before["instructions"]
        assert after["activity"] == before["activity"]
        assert database.orphans() == []


def test_the_number_of_a_deleted_task_is_given_to_nobody_else_after_the_table_was_rebuilt(
    filled: Fill,
) -> None:
    database = filled()
    [(newest,)] = database.query("SELECT max(seq) FROM tasks")
    database.query("DELETE FROM tasks WHERE seq = ?", newest)

    for turn in (database.up, lambda: database.down("0001"), database.up):
        turn()
    database.task("next", "pending")

    assert database.query("SELECT seq FROM tasks WHERE task_id = 'next'") == [(newest + 1,)]


def test_a_filled_database_goes_down_to_nothing_and_up_again(filled: Fill) -> None:
    database = filled()
    database.up()

    database.down()
    assert inspect(database.engine).get_table_names() == ["alembic_version"]

    database.up()
    assert database.statuses() == {}


def test_notices_of_budgets_come_with_the_sixteenth_revision_and_go_with_it(
    database: Database,
) -> None:
    database.up("0015")
    database.insert("channels", channel_id=1, name="phone", failed_after=1)
    for number, event in ((3, "missed"), (9, "failed")):
        database.insert("notifications", notification_id=number, flow_id="a", event=event)
        database.insert(
            "deliveries", delivery_id=number, notification_id=number, channel_id=1, state="sent"
        )
    kept = database.query("SELECT * FROM notifications ORDER BY 1")
    database.query("DELETE FROM notifications WHERE notification_id = 9")

    database.up("0016")
    assert database.query("SELECT budget FROM channels") == [(True,)]
    about_nothing = {"flow_id": None, "event": "budget", "params": "{}", "code": "x"}
    if database.on_sqlite:  # the numbers of deleted ones are not given again
        about_nothing["created_at"] = "2026-11-01 10:00:00.000000"
        database.insert("notifications", **about_nothing, notification_id=None)
        assert database.query("SELECT max(notification_id) FROM notifications") == [(10,)]
    else:
        database.insert("notifications", **about_nothing, notification_id=10)
    database.insert("deliveries", notification_id=10, channel_id=1, delivery_id=10, state="sent")
    with pytest.raises(IntegrityError, match="ck_event"):
        database.insert("notifications", notification_id=11, flow_id="a", event="other")

    database.down("0015")
    assert database.query("SELECT * FROM notifications ORDER BY 1") == kept[:1]
    assert database.query("SELECT delivery_id FROM deliveries ORDER BY 1") == [(3,)]
    assert database.orphans() == []
