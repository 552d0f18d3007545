"""What may be in the way of a due time, and what is said of it then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import event, select, text

from tests.conftest import NOON
from tests.factories import MakeFlow, MakeSchedule
from tests.services.firing import FireDue, Ledger, codes, fire_due, ledger, tasks_of
from webapp.db import db
from webapp.domain.errors import TooMany
from webapp.models import Flow, Schedule
from webapp.runtime.context import Context
from webapp.services import freeze, lanes
from webapp.services.firing import circumstances

__all__ = ["fire_due", "ledger", "tasks_of"]

SECOND = timedelta(seconds=1)
Tasks = Callable[[str], list[Any]]


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("skip", ["fired", "skipped", "skipped"]),
        ("queue_one", ["fired", "skipped", "skipped"]),
        ("queue_all", ["fired", "fired", "fired"]),
    ],
)
def test_while_a_run_waits_overlap_decides(
    make_schedule: MakeSchedule,
    fire_due: FireDue,
    ledger: Ledger,
    overlap: str,
    expected: list[str],
) -> None:
    schedule_id = make_schedule(NOON, overlap=overlap)

    for minute in range(3):
        fire_due(NOON + timedelta(minutes=minute))

    assert [row.fate for row in ledger(schedule_id)] == expected


def test_beside_the_one_that_runs_one_more_may_wait(
    make_schedule: MakeSchedule, fire_due: FireDue, ledger: Ledger, claim: Any
) -> None:
    schedule_id = make_schedule(NOON)
    fire_due(NOON)
    assert claim() is not None

    for minute in (1, 2):
        fire_due(NOON + timedelta(minutes=minute))

    assert codes(ledger(schedule_id)) == [
        ("fired", None),
        ("fired", None),
        ("skipped", "skipped_overlap"),
    ]


@pytest.mark.any_database
def test_what_is_open_of_a_flow_is_found_however_many_others_wait(app: APIFlask) -> None:
    found = select(*circumstances.OPEN_RUNS).select_from(Flow.__table__)
    query = found.compile(compile_kwargs={"literal_binds": True})
    with app.app_context():
        plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
    assert sum("ix_tasks_flow_open" in row[-1] for row in plan) == 2, plan


def test_replacing_stops_what_waits_at_once_and_what_runs_by_a_wish(
    make_flow: MakeFlow,
    make_schedule: MakeSchedule,
    fire_due: FireDue,
    tasks_of: Tasks,
    claim: Any,
    app: APIFlask,
) -> None:
    flow_id = make_flow()
    make_schedule(NOON, flow_id=flow_id, overlap="queue_all")
    other = make_schedule(NOON + 2 * SECOND, overlap="replace", cron_expression="* * * * * *")
    del other
    fire_due(NOON)
    running = claim()
    fire_due(NOON + timedelta(minutes=1))
    with app.app_context(), db.engines[None].begin() as connection:
        connection.execute(Schedule.__table__.update().values(overlap="replace"))

    done = fire_due(NOON + timedelta(minutes=2))

    first, second, third = tasks_of(flow_id)
    assert (first.task_id, first.status, first.wish, first.wish_by) == (
        *(running.task_id, "running", "stop", "schedule"),
    )
    assert first.wish_reason == "The next run of its schedule took its place."
    assert (second.status, second.stop_reason) == ("stopped", first.wish_reason)
    assert third.status == "pending"
    assert done.stopped == [first.task_id]


def test_in_a_freeze_due_times_are_skipped_and_not_caught_up(
    context: Context, make_schedule: MakeSchedule, fire_due: FireDue, ledger: Ledger
) -> None:
    schedule_id = make_schedule(NOON, catch_up="all")
    context.call(freeze.freeze, "moving house", by="ann", now=NOON - SECOND)
    fire_due(NOON)
    fire_due(NOON + timedelta(minutes=1))
    context.call(freeze.thaw, by="ann", now=NOON + timedelta(seconds=90))

    fire_due(NOON + timedelta(minutes=2))

    rows = ledger(schedule_id)
    assert codes(rows) == [("skipped", "skipped_freeze")] * 2 + [("fired", None)]
    assert rows[0].params == {"reason": "moving house"}


def test_a_lane_that_is_drained_and_an_agent_that_is_gone_are_said(
    context: Context,
    make_flow: MakeFlow,
    make_schedule: MakeSchedule,
    fire_due: FireDue,
    ledger: Ledger,
) -> None:
    context.call(lanes.create, "side", by="ann", now=NOON)
    context.call(lanes.drain, "side", None, by="ann", now=NOON)
    drained = make_schedule(NOON, flow_id=make_flow(lane="side"))
    gone = make_schedule(NOON, flow_id=make_flow(agent="departed"))
    fine = make_schedule(NOON)

    fire_due(NOON)

    assert codes(ledger(drained)) == [("skipped", "skipped_lane_draining")]
    assert codes(ledger(gone)) == [("skipped", "skipped_agent_gone")]
    assert codes(ledger(fine)) == [("fired", None)]


def test_too_many_waiting_tasks_of_schedules_are_said_and_those_of_people_do_not_count(
    make_schedule: MakeSchedule, fire_due: FireDue, submit: Any
) -> None:
    for _ in range(3):
        submit()
        make_schedule(NOON)

    done = fire_due(NOON, limit=2)

    assert done.fates == {"fired": 2, "skipped": 1}
    submit(max_pending=4)
    with pytest.raises(TooMany):
        submit(max_pending=4)


def test_what_is_due_as_the_freeze_begins_is_skipped_by_it_and_not_missed(
    app: APIFlask,
    context: Context,
    make_schedule: MakeSchedule,
    fire_due: FireDue,
    ledger: Ledger,
) -> None:
    schedule_id = make_schedule(NOON, cron_expression="* * * * * *")
    with app.app_context():
        engines = set(db.engines.values())
    freezing = Thread(
        target=context.call, args=(freeze.freeze, "now"), kwargs={"by": "ann", "now": NOON}
    )

    def begin(*given: Any) -> None:
        if "freeze.since" in given[2].replace('"', "") and not freezing.ident:
            freezing.start()  # it is not frozen yet for whoever looks, and is when that writes
            freezing.join()

    for engine in engines:
        event.listen(engine, "after_cursor_execute", begin)
    try:
        fire_due(NOON)
    finally:
        for engine in engines:
            event.remove(engine, "after_cursor_execute", begin)

    assert freezing.ident
    assert codes(ledger(schedule_id)) == [("skipped", "skipped_freeze")]


def test_a_long_freeze_is_a_thousand_rows_and_one_that_grows(
    context: Context, make_schedule: MakeSchedule, fire_due: FireDue, ledger: Ledger
) -> None:
    schedule_id = make_schedule(NOON + SECOND, cron_expression="* * * * * *")
    context.call(freeze.freeze, "still", by="ann", now=NOON)
    fire_due(NOON + timedelta(seconds=998))

    for seconds in range(999, 1006):
        fire_due(NOON + timedelta(seconds=seconds))

    rows = ledger(schedule_id)
    assert len(rows) == 1001
    assert sum(row.count for row in rows) == 1005
    assert (rows[-1].due_at, rows[-1].until, rows[-1].count) == (
        NOON + timedelta(seconds=1001),
        NOON + timedelta(seconds=1005),
        5,
    )
