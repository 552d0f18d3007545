"""The job that fires schedules: when it looks, whom it tells, and what a jumping clock does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import NOON, FakeClock
from tests.factories import MakeFlow, MakeSchedule, StoredSchedule
from tests.runtime.conftest import failing
from tests.services.firing import Ledger, codes, ledger, tasks_of
from tests.waiting import until
from webapp import clock
from webapp.runtime import clockwatch
from webapp.runtime.context import Context
from webapp.runtime.firing import Firing
from webapp.runtime.ticker import Ticker
from webapp.services import claims

__all__ = ["ledger", "tasks_of"]


class Told:
    """Who was told of what."""

    def __init__(self) -> None:
        self.lanes: list[str] = []
        self.tasks: list[str] = []


@pytest.fixture
def told() -> Told:
    """What the job told."""
    return Told()


@pytest.fixture
def job(context: Context, fake_clock: FakeClock, told: Told) -> Firing:
    """The job by itself, on a clock to turn; tests call its tick."""
    context.now, context.monotonic = fake_clock.now, fake_clock.monotonic
    return Firing(context, told.lanes.append, told.tasks.append)


@pytest.fixture
def ticker(context: Context, told: Told) -> Iterator[Ticker]:
    """The whole ticker, on the real clock, stopped with the test."""
    firing = Firing(context, told.lanes.append, told.tasks.append)
    made = Ticker(context, lambda: None, set, firing=firing)
    made.start()
    yield made
    made.stop()
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("ThreadPool")])


def test_a_database_that_is_away_delays_what_is_due_and_loses_nothing(
    context: Context, job: Firing, make_schedule: MakeSchedule, ledger: Ledger
) -> None:
    schedule_id = make_schedule(NOON)

    with failing(context, "disk full", [True]):
        job.tick()
    assert not ledger(schedule_id)

    job.tick()
    assert codes(ledger(schedule_id)) == [("fired", None)]


def test_what_is_fired_is_told_to_its_lane_and_what_it_replaces_to_its_run(
    job: Firing,
    told: Told,
    make_flow: MakeFlow,
    make_schedule: MakeSchedule,
    fake_clock: FakeClock,
    tasks_of: Any,
    context: Context,
) -> None:
    flow_id = make_flow()
    make_schedule(NOON, flow_id=flow_id, overlap="replace")
    job.tick()
    context.call(claims.claim_next, "main", "tests", NOON)
    fake_clock.forward(60)

    job.tick()

    assert told.lanes == ["main", "main"]
    assert told.tasks == [tasks_of(flow_id)[0].task_id]


def test_after_its_end_nothing_is_fired(
    job: Firing, make_schedule: MakeSchedule, ledger: Ledger
) -> None:
    schedule_id = make_schedule(NOON)
    job.ending = True

    job.tick()

    assert not ledger(schedule_id)


def test_a_clock_put_back_repeats_nothing(
    job: Firing, make_schedule: MakeSchedule, fake_clock: FakeClock, ledger: Ledger
) -> None:
    schedule_id = make_schedule(NOON, cron_expression="*/5 * * * *")
    for _ in range(13):
        job.tick()
        fake_clock.forward(300)
    before = ledger(schedule_id)
    assert codes(before[:2]) == [("fired", None), ("skipped", "skipped_overlap")]

    fake_clock.at -= timedelta(hours=1)
    job.clock_jumped(-3600)
    for _ in range(12):
        job.tick()
        fake_clock.forward(300)
    assert ledger(schedule_id) == before

    job.tick()
    assert [row.due_at for row in ledger(schedule_id)][13:] == [NOON + timedelta(minutes=65)]


def test_a_clock_that_was_ahead_for_a_while_loses_nothing_and_doubles_nothing(
    job: Firing,
    make_schedule: MakeSchedule,
    fake_clock: FakeClock,
    ledger: Ledger,
    stored_schedule: StoredSchedule,
) -> None:
    schedule_id = make_schedule(NOON, catch_up="once", overlap="queue_all")
    job.tick()
    fake_clock.at += timedelta(hours=2, seconds=40)
    job.clock_jumped(7240)
    job.tick()
    ahead = ledger(schedule_id)
    assert len(ahead) == 121
    assert codes(ahead[-1:]) == [("fired", None)]

    fake_clock.at -= timedelta(hours=2)
    job.clock_jumped(-7200)
    job.tick()

    schedule = stored_schedule(schedule_id)
    assert schedule.next_execution_at == schedule.fire_at == NOON + timedelta(minutes=1)
    assert (schedule.missed_at, schedule.missed_count) == (None, 0)
    assert [row.due_at for row in ledger(schedule_id)] == [NOON, NOON + timedelta(hours=2)]
    for _ in range(125):
        fake_clock.forward(60)
        job.tick()
    rows = ledger(schedule_id)
    assert [row.due_at for row in rows] == [NOON + timedelta(minutes=n) for n in range(126)]
    assert {row.fate for row in rows} == {"fired"}


def test_a_range_that_reaches_into_the_future_is_cut_where_the_clock_is(
    job: Firing, make_schedule: MakeSchedule, fake_clock: FakeClock, ledger: Ledger
) -> None:
    schedule_id = make_schedule(NOON)
    fake_clock.at += timedelta(days=3)
    job.tick()
    assert ledger(schedule_id)[1000].count > 3000

    fake_clock.at -= timedelta(days=1)
    job.clock_jumped(-86400)
    job.tick()

    rows = [row for row in ledger(schedule_id) if row.fate == "missed"]
    assert sum(row.count for row in rows) == 2 * 24 * 60 + 1
    assert rows[-1].until == NOON + timedelta(days=2)


def test_a_clock_that_keeps_time_is_no_jump_and_others_are_told(
    context: Context, fake_clock: FakeClock
) -> None:
    context.now, context.monotonic = fake_clock.now, fake_clock.monotonic
    jumps: list[float] = []
    watch = clockwatch.ClockWatch(context, jumps.append)

    fake_clock.forward(5)
    watch.look()
    fake_clock.at += timedelta(seconds=0.5)  # ntpd at work
    watch.look()
    assert jumps == []

    fake_clock.at += timedelta(hours=1)  # it slept
    watch.look()
    fake_clock.at -= timedelta(hours=3)
    watch.look()
    watch.look()
    assert jumps == [3600, -10800]


def test_an_edit_is_seen_at_once_and_fires_when_it_is_due(
    ticker: Ticker, make_schedule: MakeSchedule, ledger: Ledger
) -> None:
    schedule_id = make_schedule(clock.now() + timedelta(milliseconds=300))

    ticker.schedules()
    until(lambda: ledger(schedule_id), "nothing was fired")

    [row] = ledger(schedule_id)
    assert row.fate == "fired"
    assert row.late_ms < 10_000  # the safety net alone would need longer


def test_a_schedule_that_nobody_told_of_is_seen_soon_after_a_jump(
    ticker: Ticker, make_schedule: MakeSchedule, ledger: Ledger
) -> None:
    until(lambda: ticker.last_tick)
    schedule_id = make_schedule(clock.now())

    ticker.clock_jumped(3600.0)

    until(lambda: ledger(schedule_id), "nothing was fired")
