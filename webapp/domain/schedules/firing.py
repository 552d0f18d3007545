"""What becomes of due times that have come: each is fired, skipped or missed, and why. Pure.

`plan` knows the rule and the clock: what is late, caught up, left out by the calendar or a
freeze. `overlapping` then knows what is open of the flow and how much room there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice, pairwise
from typing import Any

from webapp.domain import zones
from webapp.domain.cron import Rule
from webapp.domain.schedules import days, due, spans
from webapp.domain.schedules.fates import EACH_BY_ITSELF, MISSED, SKIPPED

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Timing:
    """What of a schedule decides when it fires; ``due`` is the due time it waits for."""

    schedule_id: int
    due: datetime
    catch_up: str
    catch_up_limit: int
    catch_up_window_s: float
    grace_s: float
    jitter_s: float
    ends_at: datetime | None
    calendar: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a due time, or of ``count`` of them up to ``until``."""

    due_at: datetime
    fate: str
    code: str | None = None
    params: Mapping[str, Any] | None = None
    late_ms: int | None = None
    until: datetime | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Frozen:
    """The lineup is frozen: since when, and why."""

    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What the clock and the rule say of everything that is due at a moment."""

    fates: Sequence[Fate]
    """Of due times that are not to be fired, oldest first."""
    fire: Sequence[datetime]
    """Due times that are, oldest first, if nothing is in their way."""
    next: datetime | None
    """The due time after all of these; None where the rule has come to its end."""
    fire_at: datetime | None


def plan(timing: Timing, rule: Rule, now: datetime, frozen: Frozen | None = None) -> Plan:
    """Decide what becomes of every due time whose moment has come."""
    if not (timing.calendar or timing.jitter_s or timing.ends_at or frozen):  # almost always
        following = rule.next(timing.due)
        late_s = (now - timing.due).total_seconds()
        if late_s <= grace_s(timing, rule) and following is not None and following > now:
            return Plan((), (timing.due,), following, following)
    return _Planning(timing, rule, now, frozen).plan()


def grace_s(timing: Timing, rule: Rule) -> float:
    """How late a due time may be and still be fired whatever ``catch_up`` says."""
    return rule.half_period(timing.grace_s)


def jitter_s(jitter: float, rule: Rule) -> float:
    """The longest jitter of a due time: never so long that it might meet the next one."""
    return rule.half_period(jitter)


def late_ms(timing: Timing, rule: Rule, due_at: datetime, now: datetime) -> int:
    """How much later than due, and its jitter, a moment is."""
    at = due_at
    if timing.jitter_s:
        at = due.fire_at(timing.schedule_id, due_at, jitter_s(timing.jitter_s, rule))
    return max(0, (now - at) // timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True)
class Open:
    """How many tasks of a flow are not final."""

    active: int = 0
    waiting: int = 0


@dataclass(slots=True)
class Room:
    """How many more scheduled tasks may wait, of how many."""

    limit: int
    left: int = field(default=0)

    def take(self) -> bool:
        """Use one place; False if there is none."""
        self.left -= 1
        return self.left >= 0


def overlapping(
    overlap: str, due_times: Sequence[datetime], runs: Open, room: Room
) -> tuple[list[datetime], list[Fate]]:
    """Which of these due times are fired, and what becomes of the others, for want of room.

    With ``replace`` the newest takes the place of all before it, those of this moment included.
    """
    fired: list[datetime] = []
    others: list[Fate] = []
    if overlap == "replace":
        others = [Fate(at, SKIPPED, "skipped_replaced") for at in due_times[:-1]]
        due_times = due_times[-1:]
    for at in due_times:
        waiting = runs.waiting + len(fired)
        if (overlap == "skip" and runs.active + waiting) or (overlap == "queue_one" and waiting):
            others.append(Fate(at, SKIPPED, "skipped_overlap"))
        elif not room.take():
            others.append(Fate(at, SKIPPED, "skipped_queue_full", {"limit": room.limit}))
        else:
            fired.append(at)
    return fired, others


class _Planning:
    """One schedule at one moment."""

    def __init__(self, timing: Timing, rule: Rule, now: datetime, frozen: Frozen | None) -> None:
        self.timing, self.rule, self.now, self.frozen = timing, rule, now, frozen
        self.jitter_s = jitter_s(timing.jitter_s, rule)

    def plan(self) -> Plan:
        timing = self.timing
        last, following = timing.due, self._after(timing.due)
        if following is not None and self._fires(following) <= self.now:
            last, following = self._last()
        fates, fire = self._decide(last)
        at = None if following is None else self._fires(following)
        return Plan(fates, fire, following, at)

    def _decide(self, last: datetime) -> tuple[list[Fate], list[datetime]]:
        fire = self._wanted(last)
        fates = list(self._earlier(fire[0] if fire else last))
        if fire:
            fates += self._left_out_since(fire, last)
        else:
            fates.append(self._passed(last))
        return fates, fire

    def _wanted(self, last: datetime) -> list[datetime]:
        """The due times that are to be fired, oldest first: the newest that may be."""
        timing = self.timing
        if self.frozen:
            return []
        if timing.catch_up == "once":
            return self._allowed(timing.due, last, 1)
        if timing.catch_up == "all":
            begin = max(timing.due, self.now - timedelta(seconds=timing.catch_up_window_s))
            if found := self._allowed(begin, last, timing.catch_up_limit):
                return found
        late_s = (self.now - self._fires(last)).total_seconds()
        live = late_s <= grace_s(timing, self.rule) and not self._left_out(last)
        return [last] if live else []

    def _allowed(self, begin: datetime, last: datetime, many: int) -> list[datetime]:
        """The newest so many that the calendar does not leave out, oldest first."""
        calendar, after = self.timing.calendar, begin - _MOMENT
        if not calendar:
            return spans.newest(self.rule, after, last, many)
        covered = partial(days.covers, calendar)
        return spans.newest_allowed(self.rule, after, last, many, covered)

    def _left_out_since(self, fire: Sequence[datetime], last: datetime) -> Iterator[Fate]:
        """The fates of all after the first that is fired: the calendar leaves them out."""
        if not self.timing.calendar:
            return
        room = EACH_BY_ITSELF
        for after, before in pairwise([*fire, last + _MOMENT]):
            until = before - _MOMENT
            singles = list(islice(self.rule.between(after, until), room))
            room -= len(singles)
            yield from (self._passed(at) for at in singles)
            if not room:
                yield from self._range(singles[-1] if singles else after, until, self._passed)

    def _earlier(self, before: datetime) -> Iterator[Fate]:
        """The fates of all due times before this one: so many one by one, then a range."""
        if before == self.timing.due:
            return
        until = before - _MOMENT
        between = self.rule.between(self.timing.due, until)
        singles = [self.timing.due, *islice(between, EACH_BY_ITSELF - 1)]
        yield from (self._passed(at) for at in singles)
        since = self.frozen.since if self.frozen else None
        if since is not None and singles[-1] < since <= until:
            yield from self._range(singles[-1], since - _MOMENT, self._stale)
            yield from self._range(max(singles[-1], since - _MOMENT), until, self._stale)
        else:
            yield from self._range(singles[-1], until, self._stale)

    def _range(
        self, after: datetime, until: datetime, fate_of: Callable[[datetime], Fate]
    ) -> Iterator[Fate]:
        """One fate for all due times of a span, if there are any: that of the first."""
        count = spans.count(self.rule, after, until)
        first = self.rule.next(after)
        if count == 0 or first is None:
            return
        fate = fate_of(first)
        if count == 1:
            yield fate
            return
        [last] = spans.newest(self.rule, after, until, 1)
        yield Fate(first, fate.fate, fate.code, fate.params, until=last, count=count)

    def _passed(self, at: datetime) -> Fate:
        """The fate of a due time that is not fired."""
        return Fate(at, SKIPPED, "skipped_calendar") if self._left_out(at) else self._stale(at)

    def _stale(self, at: datetime) -> Fate:
        """The fate of a due time for which nobody was there, or that may not be fired."""
        frozen = self.frozen
        if frozen is None:
            return Fate(at, MISSED, "missed_down")
        late_s = (self.now - self._fires(at)).total_seconds()
        if at < frozen.since and late_s > grace_s(self.timing, self.rule):
            return Fate(at, MISSED, "missed_down")
        return Fate(at, SKIPPED, "skipped_freeze", {"reason": frozen.reason})

    def _left_out(self, at: datetime) -> bool:
        calendar = self.timing.calendar
        if not calendar:
            return False
        return days.covers(calendar, at.astimezone(zones.zone(self.rule.zone)).date())

    def _last(self) -> tuple[datetime, datetime | None]:
        """The last due time whose moment has come, and the one after it."""
        ends_at = self.timing.ends_at
        until = self.now if ends_at is None else min(self.now, ends_at)
        [*_, last] = spans.newest(self.rule, self.timing.due, until, 2)
        following = self._after(last)
        if self._fires(last) <= self.now:
            return last, following
        earlier = spans.newest(self.rule, self.timing.due, last - _MOMENT, 1)
        return (earlier[0] if earlier else self.timing.due), last

    def _after(self, at: datetime) -> datetime | None:
        return due.due_after(self.rule, at, starts_at=None, ends_at=self.timing.ends_at)

    def _fires(self, at: datetime) -> datetime:
        return due.fire_at(self.timing.schedule_id, at, self.jitter_s)
