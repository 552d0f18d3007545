"""A year of schedules with outages, freezes, edits and a clock that jumps: one fate for each.

``make audit`` runs a year in a zone with clock changes; the suite runs the weeks around one.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, select

from tests.audit.house import House, Kept, moment
from webapp import create_app, schema
from webapp.config import Settings
from webapp.db import db, dispose
from webapp.domain import cron
from webapp.domain.schedules.fates import EACH_BY_ITSELF, FIRED
from webapp.models import Occurrence, Task

_occurrences = Occurrence.__table__
_tasks = Task.__table__

ZONE = "Europe/Berlin"
SCHEDULES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("30 2 * * *", ZONE, {}),
    ("0,30 2,3 * * *", ZONE, {"overlap": "queue_all"}),
    ("15 * * * *", ZONE, {"overlap": "skip"}),
    ("0 */3 * * *", ZONE, {"catch_up": "all", "overlap": "queue_all", "catch_up_limit": 5}),
    ("0 9 * * 1-5", ZONE, {"catch_up": "once", "grace_s": 0.0}),
    ("45 1 * * *", "Australia/Lord_Howe", {"catch_up": "once"}),
    ("0 0 * * *", "America/Havana", {"jitter_s": 600.0}),
    ("10 */2 * * *", "America/New_York", {"jitter_s": 3600.0, "catch_up": "all"}),
    ("0 12 L * *", ZONE, {"grace_s": 10**7}),
    ("0 6 1,15 * 1", ZONE, {"overlap": "replace"}),
    ("*/20 1-2 * * *", ZONE, {"overlap": "replace", "catch_up": "once", "grace_s": 60.0}),
    ("20 4 * * *", ZONE, {"calendar": ["2026-03-28", "12-24/12-26", "10-01/10-09"]}),
)
BURST = "* * * * *"
"""A schedule that is on before a long outage alone: more than a thousand due times of it."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CALM = 4 * HOUR
"""After an edit the clock is not put back beyond it: whose rule it was then nobody can say."""


class Year:
    """Turns the clock from event to event, as the seed has it."""

    def __init__(self, house: House, seed: int, *, trouble_every: timedelta = 2 * DAY) -> None:
        self.house, self.dice = house, random.Random(seed)
        self.every = trouble_every
        self.did: Counter[str] = Counter()
        self.edited = house.time
        for expression, zone, policy in SCHEDULES:
            house.add(expression, zone, **policy)
        self.burst = house.add(BURST, ZONE, overlap="skip", is_enabled=False)
        self.burst.spans.clear()
        self.troubles = (
            (6, self.outage),
            (3, self.suspension),
            (3, self.freeze),
            (3, self.clock_back),
            (2, self.clock_wrong_for_a_while),
            (4, self.edit),
            (3, self.edit_in_the_due_second),
            (3, self.switch),
            (1, self.long_outage),
            (12, self.work),
        )

    def run(self, end: datetime) -> None:
        """Live until then."""
        weights = [weight for weight, _ in self.troubles]
        while self.house.time < end:
            gap = self.every * self.dice.expovariate(1)
            self.live_until(min(end, self.house.time + gap))
            [(_, trouble)] = self.dice.choices(self.troubles, weights)
            trouble()
            self.did[trouble.__name__] += 1
        self.house.tick()

    def live_until(self, end: datetime) -> None:
        """Tick whenever something is due, a little late as clocks are."""
        house = self.house
        while (due := house.waits_for()) is not None and due <= end:
            late = timedelta(milliseconds=self.dice.choice((0, 3, 40, 900)))
            house.time = max(house.time, due) + late
            house.tick()
            if self.dice.random() < 0.2:
                house.work()
        house.time = max(house.time, end)

    def outage(self) -> None:
        """kill -9, and after a while another start."""
        self.house.time += self._while(10, 4 * 86_400)
        self.house.start()
        self.house.tick()

    def suspension(self) -> None:
        """The lid is closed: the same process goes on later."""
        slept = self._while(30, 86_400)
        self.house.time += slept
        if self.dice.random() < 0.5:
            self.house.job.clock_jumped(slept.total_seconds())
        self.house.tick()

    def freeze(self) -> None:
        """Somebody freezes the lineup; the server may be away meanwhile."""
        house = self.house
        house.turn_freeze()
        if self.dice.random() < 0.3:
            self.outage()
        else:
            self.live_until(house.time + self._while(60, 2 * 86_400))
        house.turn_freeze()

    def clock_back(self) -> None:
        """The clock is put back, by less than has passed since the last edit."""
        most = (self.house.time - self.edited).total_seconds() - CALM.total_seconds()
        if most > 10:
            self.house.jump(-min(most, self._while(2, 3 * 3600).total_seconds()))
            self.house.tick()

    def clock_wrong_for_a_while(self) -> None:
        """The clock is far ahead for some ticks, and put right again."""
        house = self.house
        ahead = self._while(120, 20 * 86_400).total_seconds()
        house.jump(ahead)
        for _ in range(self.dice.randrange(3)):
            house.tick()
            house.time += timedelta(seconds=self.dice.uniform(1, 60))
        wrong = house.time
        house.jump(-ahead)
        house.premature.append((house.time, wrong))
        house.tick()
        self.edited = max(self.edited, house.time)

    def edit(self) -> None:
        """Another rule for a schedule, and perhaps back."""
        kept = self._any()
        row = self.house.row(kept.flow_id)
        other = self.dice.choice([row.cron_expression, "5 * * * *", "30 2 * * *", "40 5 * * 2"])
        self._change(kept, {"cron_expression": other})

    def edit_in_the_due_second(self) -> None:
        """The same in the very moment in which something is due, before or after it is fired."""
        due = self.house.waits_for()
        if due is None:
            return
        self.live_until(due - timedelta(seconds=1))
        self.house.time = max(self.house.time, due + timedelta(milliseconds=self._ms()))
        for kept in self.house.kept[:-1]:
            if self.house.row(kept.flow_id).fire_at == due:
                self._change(kept, {"cron_expression": "5 * * * *"})
                return

    def switch(self) -> None:
        """Off for a while."""
        kept = self._any()
        self._change(kept, {"is_enabled": False})
        self.live_until(self.house.time + self._while(60, 86_400))
        self._change(kept, {"is_enabled": True})

    def long_outage(self) -> None:
        """Away for so long that a range is written."""
        self._change(self.burst, {"is_enabled": True})
        self.house.time += self._while(86_400, 5 * 86_400)
        self.house.start()
        self.house.tick()
        self._change(self.burst, {"is_enabled": False})

    def work(self) -> None:
        """Run what waits."""
        self.house.work()

    def _change(self, kept: Kept, changes: dict[str, Any]) -> None:
        self.house.change(kept, changes)
        self.edited = self.house.time

    def _any(self) -> Kept:
        return self.dice.choice(self.house.kept[:-1])

    def _while(self, least_s: float, most_s: float) -> timedelta:
        return timedelta(seconds=least_s * (most_s / least_s) ** self.dice.random())

    def _ms(self) -> int:
        return self.dice.choice((0, 1, 500, 999))


def compare(house: House) -> Counter[str]:
    """Hold every ledger against the rules; returns how many of each fate, or fails."""
    fates: Counter[str] = Counter()
    for kept in house.kept:
        fates += _compare(house, kept)
    return fates


def _compare(house: House, kept: Kept) -> Counter[str]:
    with house.app.app_context(), db.engines[None].connect() as connection:
        of_it = _occurrences.c.schedule_id == kept.schedule_id
        rows = connection.execute(
            select(_occurrences).where(of_it).order_by(_occurrences.c.due_at)
        ).all()
        tasks = connection.execute(
            select(func.count()).where(_tasks.c.flow_id == kept.flow_id)
        ).scalar_one()
    schedule = house.row(kept.flow_id)
    found = Counter(at for row in rows for at in _due_times(row, kept))
    twice = [at for at, times in found.items() if times > 1]
    assert not twice, f"{kept}: more than one fate: {twice[:3]}"
    wanted = _wanted(house, kept, schedule)
    assert not (lost := sorted(wanted - set(found))), f"{kept}: without a fate: {lost[:3]}"
    odd = sorted(
        at
        for at in set(found) - wanted
        if at <= house.time and not any(begin < at <= end for begin, end in house.premature)
    )
    assert not odd, f"{kept}: never due: {odd[:3]}"
    fired = [row for row in rows if row.fate == FIRED]
    assert schedule.execution_count == len(fired) == len({row.task_id for row in fired}) == tasks
    for row in rows:
        assert (row.code is None) == (row.fate == FIRED)
        if row.until is not None:
            before = [r for r in rows if r.due_at < row.due_at and r.code == row.code]
            assert len(before) >= EACH_BY_ITSELF, f"{kept}: a range too soon: {row}"
    return Counter({"ranges": sum(row.until is not None for row in rows)}) + Counter(
        row.code or row.fate for row in rows for _ in range(row.count)
    )


def _due_times(row: Any, kept: Kept) -> list[datetime]:
    """The due times that a row of the ledger stands for."""
    if row.until is None:
        assert row.count == 1
        return [row.due_at]
    span = next(
        s for s in kept.spans if s.since <= row.due_at and (s.until or row.due_at) >= row.due_at
    )
    rule = cron.parse(span.expression, span.zone)
    times = [row.due_at, *rule.between(row.due_at, row.until)]
    assert len(times) == row.count, f"{kept}: {row} counts {row.count}, not {len(times)}"
    assert times[-1] == row.until
    return times


def _wanted(house: House, kept: Kept, schedule: Any) -> set[datetime]:
    """Every due time whose moment has come while the schedule was on."""
    wanted = set()
    for span in kept.spans:
        rule = cron.parse(span.expression, span.zone)
        until = house.time if span.until is None else min(span.until, house.time)
        wanted.update(rule.between(span.since, until))
    if schedule.fire_at is not None and schedule.fire_at > house.time:
        wanted.discard(schedule.next_execution_at)  # it waits for its jitter
    return wanted


def main() -> int:
    """``python -m tests.audit.ledger [days [seed]]``: SQLite, in a directory of its own."""
    given = [int(word) for word in sys.argv[1:]]
    days, seed = [*given, *(365, random.randrange(10**6))[len(given) :]]
    sys.stdout.write(f"{days} days with seed {seed}\n")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as directory:
        app = create_app(Settings(data=Path(directory) / "data", durability="normal"))
        schema.prepare(app)
        house = House(app, moment("2026-01-20 12:00"))
        year = Year(house, seed, trouble_every=timedelta(hours=18))
        year.run(house.time + timedelta(days=days))
        sys.stdout.write(f"{dict(compare(house))}\n{dict(year.did)}\n")
        dispose(app)
    return 0


if __name__ == "__main__":
    sys.exit(main())
