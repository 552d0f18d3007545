"""Firing what is due: each due time once, with its task and its fate, or with its reason."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from apiflask import APIFlask

from tests.conftest import NOON
from tests.factories import MakeFlow, MakeSchedule, StoredSchedule
from tests.services.firing import FireDue, Ledger, codes, fire_due, ledger, tasks_of
from webapp.queries import checks

__all__ = ["fire_due", "ledger", "tasks_of"]

SECOND = timedelta(seconds=1)
Tasks = Callable[[str], list[Any]]


def test_nothing_is_fired_before_it_is_due_nor_while_it_is_switched_off(
    make_schedule: MakeSchedule, fire_due: FireDue, ledger: Ledger
) -> None:
    ids = [
        make_schedule(NOON + SECOND),
        make_schedule(None, is_enabled=False),
        make_schedule(NOON, is_enabled=False),
        make_schedule(None, cron_expression=None),
    ]

    assert not fire_due(NOON).fates
    assert not [ledger(schedule_id) for schedule_id in ids if ledger(schedule_id)]


def test_its_run_is_told_when_it_was_due(
    make_schedule: MakeSchedule, fire_due: FireDue, claim: Callable[..., Any]
) -> None:
    make_schedule(NOON)
    fire_due(NOON + SECOND)

    run = claim(now=NOON + SECOND)

    assert run.due_at == NOON.isoformat()


def test_a_due_time_becomes_a_task_with_all_that_its_flow_says(
    make_flow: MakeFlow,
    make_schedule: MakeSchedule,
    fire_due: FireDue,
    ledger: Ledger,
    tasks_of: Tasks,
    stored_schedule: StoredSchedule,
) -> None:
    flow_id = make_flow(
        "Back up",
        task_description="save everything",
        agent_settings={"colour": "red"},
        parameters=[{"name": "where", "type": "text", "default": "attic"}],
        priority=3,
        timeout_s=60.0,
        waiting_timeout_s=30.0,
        max_retries=2,
        retry_delay_s=7.0,
        rerun_interrupted=True,
    )
    schedule_id = make_schedule(NOON, flow_id=flow_id, cron_expression="0 * * * *")
    now = NOON + timedelta(milliseconds=250)

    done = fire_due(now)

    assert done.fates == {"fired": 1}
    assert done.lanes == {"main"}
    [task] = tasks_of(flow_id)
    assert (task.status, task.submitted_by, task.lane, task.agent) == (
        *("pending", "schedule", "main", "scripted"),
    )
    assert (task.task_description, task.agent_settings) == ("save everything", {"colour": "red"})
    assert (task.priority, task.timeout_s, task.max_retries, task.retry_delay_s) == (3, 60, 2, 7)
    assert task.rerun_interrupted
    assert task.expires_at == now + timedelta(seconds=30)
    assert task.task_metadata == {
        "trigger": "schedule",
        "params": {"where": "attic"},
        "flow_name": "Back up",
        "due_at": NOON.isoformat(),
    }
    [row] = ledger(schedule_id)
    assert (row.due_at, row.fate, row.late_ms, row.task_id) == (NOON, "fired", 250, task.task_id)
    schedule = stored_schedule(schedule_id)
    assert schedule.next_execution_at == schedule.fire_at == NOON + timedelta(hours=1)
    assert (schedule.execution_count, schedule.last_execution_at, schedule.version) == (1, now, 1)


def test_a_moment_is_fired_once_however_often_it_is_looked_at(
    make_schedule: MakeSchedule, fire_due: FireDue, ledger: Ledger
) -> None:
    schedule_id = make_schedule(NOON, overlap="queue_all")

    for seconds in (0, 0, 1, -3600, 59):
        fire_due(NOON + timedelta(seconds=seconds))

    assert codes(ledger(schedule_id)) == [("fired", None)]


def test_hundreds_are_fired_in_pieces_and_counted_right(
    app: APIFlask, make_flow: MakeFlow, make_schedule: MakeSchedule, fire_due: FireDue
) -> None:
    session = "shared"
    for number in range(270):
        flow_id = make_flow(session_id=session if number % 10 == 0 else None)
        make_schedule(NOON, flow_id=flow_id)

    assert fire_due(NOON).fates == {"fired": 270}

    with app.app_context():
        assert not checks.lanes_miscounted()
        assert checks.unsearchable(0)[0] == []
        rows = {row.session_id: row for row in checks.sessions("")}
    assert (rows[session].task_count, rows[session].tasks) == (27, 27)
    for row in rows.values():
        assert (row.newest_task_id, row.status) == (row.newest, row.newest_status)


def test_a_late_one_is_missed_and_one_of_the_outage_is_told_to_the_flow(
    make_schedule: MakeSchedule,
    fire_due: FireDue,
    ledger: Ledger,
    stored_schedule: StoredSchedule,
) -> None:
    schedule_id = make_schedule(NOON, cron_expression="0 * * * *")

    fire_due(NOON + timedelta(hours=2, minutes=30))

    assert codes(ledger(schedule_id)) == [("missed", "missed_down")] * 3
    schedule = stored_schedule(schedule_id)
    assert (schedule.missed_count, schedule.missed_from) == (3, NOON)
    assert schedule.next_execution_at == NOON + timedelta(hours=3)
    assert (schedule.execution_count, schedule.last_execution_at) == (0, None)


def test_one_broken_schedule_does_not_stop_the_others(
    make_flow: MakeFlow,
    make_schedule: MakeSchedule,
    fire_due: FireDue,
    ledger: Ledger,
    stored_schedule: StoredSchedule,
) -> None:
    needy = [{"name": "who", "type": "text", "required": True}]
    senseless = make_schedule(NOON, cron_expression="61 * * * *")
    nowhere = make_schedule(NOON, timezone="Mars/Olympus")
    unasked = make_schedule(NOON, flow_id=make_flow(parameters=needy))
    odd = make_schedule(NOON, flow_id=make_flow(parameters=[{"no": "name"}]))
    fine = make_schedule(NOON)

    fire_due(NOON)

    assert codes(ledger(fine)) == [("fired", None)]
    for schedule_id in (senseless, nowhere):
        assert codes(ledger(schedule_id)) == [("skipped", "skipped_broken")]
        row = stored_schedule(schedule_id)
        assert (row.is_enabled, row.pause_code, row.paused_at) == (False, "paused_unusable", NOON)
    [refused] = ledger(unasked)
    assert (refused.fate, refused.code) == ("skipped", "skipped_refused")
    assert "who" in refused.params["reason"]
    assert codes(ledger(odd)) == [("skipped", "skipped_broken")]
    assert stored_schedule(odd).next_execution_at == NOON + timedelta(minutes=1)


def test_a_due_time_that_has_its_fate_is_passed_over(
    make_schedule: MakeSchedule, fire_due: FireDue, ledger: Ledger, change_schedule: Any
) -> None:
    schedule_id, other = make_schedule(NOON, overlap="queue_all"), make_schedule(NOON)
    fire_due(NOON)
    change_schedule(schedule_id, next_execution_at=NOON, fire_at=NOON)
    change_schedule(other, next_execution_at=NOON + SECOND, fire_at=NOON + SECOND)

    fire_due(NOON + SECOND)
    fire_due(NOON + timedelta(minutes=1))

    assert [row.due_at for row in ledger(schedule_id)] == [NOON, NOON + timedelta(minutes=1)]


def test_only_one_flow_is_settled_where_that_is_asked(
    make_flow: MakeFlow, make_schedule: MakeSchedule, fire_due: FireDue, ledger: Ledger
) -> None:
    flow_id = make_flow()
    mine, other = make_schedule(NOON, flow_id=flow_id), make_schedule(NOON)

    fire_due(NOON, flow_id=flow_id)

    assert (len(ledger(mine)), len(ledger(other))) == (1, 0)


def test_hundreds_that_are_caught_up_come_in_pieces_each_once(
    make_schedule: MakeSchedule, fire_due: FireDue, ledger: Ledger
) -> None:
    schedule_id = make_schedule(
        NOON, catch_up="all", catch_up_limit=300, overlap="queue_all", calendar=["2026-11-24"]
    )

    fire_due(NOON + timedelta(hours=15, seconds=40))

    rows = ledger(schedule_id)
    assert [row.due_at for row in rows] == [NOON + timedelta(minutes=n) for n in range(901)]
    fates = [row.fate for row in rows]
    assert fates == ["missed"] * 420 + ["fired"] * 300 + ["skipped"] * 181


def test_any_number_who_fire_at_once_fire_each_due_time_once(
    make_schedule: MakeSchedule, fire_due: FireDue, ledger: Ledger
) -> None:
    ids = [make_schedule(NOON, overlap="queue_all") for _ in range(40)]

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(fire_due, [NOON] * 8))

    assert sum(fired.fates["fired"] for fired in done) == 40
    assert [codes(ledger(schedule_id)) for schedule_id in ids] == [[("fired", None)]] * 40
