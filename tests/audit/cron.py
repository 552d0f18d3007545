"""Every due time beside cronsim's, which is Debian's cron: 60 expressions in 12 zones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, takewhile, zip_longest
from zoneinfo import ZoneInfo

from cronsim import CronSim

from webapp.domain import cron
from webapp.domain.cron import fields

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour, in the south
    "America/St_Johns",  # half hours from UTC
    "Pacific/Chatham",  # three quarters, in the south
    "America/Havana",  # at midnight
    "America/Santiago",  # at midnight, in the south
    "Asia/Beirut",  # at midnight
    "Africa/Cairo",  # at midnight, in summer again since 2023
    "Africa/Casablanca",  # back for Ramadan
    "Antarctica/Troll",  # two hours
    "Asia/Kolkata",  # never
)
FIXED = (
    "30 2 * * *",
    "0 2 * * *",
    "59 1 * * *",
    "0 0 * * *",
    "15 0 * * *",
    "30 1 * * *",
    "0 3 * * *",
    "0 9 * * 1-5",
    "0,30 2 * * *",
    "0,15,30,45 1,2,3 * * *",
    "10-50/20 0-4 * * *",
    "0 2,3 * * *",
    "30 1-3 * * 0",
    "5 4 * * sun",
    "30 2 L * *",
    "30 2 29-31 3,10 *",
    "0 0 1 * *",
    "0 0 1,15 * 5",
    "0 2 13 * 5",
    "30 2 25-31 * */7",
    "0 2 */2 * *",
    "0 2 */2 * 1",
    "0 0 */7 * */2",
    "0 0 1-31 * 1",
    "0 3 * * 0#1",
    "0 2 * * 0#5",
    "0 2 * * mon#2,fri#4",
    "0 2 13 * fri#2",
    "0 12 L 2 *",
    "0 0 L,15 * *",
    "0 0 29 2 *",
    "0 0 1 1 *",
    "45 23 31 12 *",
    "0 22-23 * * *",
    "1 1 1-7 * 1",
    "0 2 * 3,10,11 *",
    "30 2 * oct-dec sat,7",
    "07 02 8-14 * SUN",
    "59 23 * * *",
)
WALL = (
    "* * * * *",
    "*/5 * * * *",
    "*/15 * * * *",
    "7/20 * * * *",
    "30 * * * *",
    "0 * * * *",
    "*/30 2 * * *",
    "* 2 * * *",
    "0 */2 * * *",
    "15,45 */3 * * 1-5",
    "*/10 0-3 * * 0",
    "0 */6 L * *",
    "*/20 1 * * sun#2",
    "30 */23 * * *",
    "*/7 */5 */3 * *",
    "*/45 1,2 29 3 *",
)
SECONDS = (
    "*/10 * * * * *",
    "0 30 2 * * *",
    "15,45 30 1,2 * * *",
    "30 */20 * * * *",
    "5 0 */4 * * 0",
    "0 0 12 L * *",
    "59 59 23 31 12 *",
)
EXPRESSIONS = (*FIXED, *WALL, *SECONDS)

STUMBLES = {
    *("Australia/Lord_Howe", "Pacific/Chatham"),
    *("America/Havana", "America/Santiago", "Asia/Beirut", "Africa/Cairo"),
}
"""Zones in which cronsim misses times of rules that follow the clock; see ``excused``."""

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
AROUND = timedelta(hours=36)


@cache
def changes(zone: str, years: range) -> list[datetime]:
    """Every hour of those years within which the zone's clock is put forward or back."""
    info = ZoneInfo(zone)
    hour, end = datetime(years.start, 1, 1, tzinfo=UTC), datetime(years.stop, 1, 1, tzinfo=UTC)
    found = []
    while hour < end:
        if (hour + HOUR).astimezone(info).utcoffset() != hour.astimezone(info).utcoffset():
            found.append(hour)
        hour += HOUR
    return found


def debian(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """What cronsim says, in UTC.

    Of six fields it knows no clock changes, Debian having none: it is told to treat them alike.
    Its moved runs then keep their second, while ours come right after the gap.
    """
    info = ZoneInfo(zone)
    sim = CronSim(expression, after.astimezone(info))
    fields = expression.split()
    if len(fields) == 6 and not fields[1].startswith("*") and not fields[2].startswith("*"):
        sim.fixup_tz, sim.dt = info, sim.dt.replace(tzinfo=None)
    for local in sim:
        moment = local.astimezone(UTC)
        named = local.minute in sim.minutes and local.hour in sim.hours
        yield moment if named or len(fields) == 5 else moment.replace(second=0)


def walked(expression: str, zone: str, after: datetime, until: datetime) -> list[datetime]:
    """What cron does, by looking at the clock on the wall every minute, as it does.

    It keeps the latest time that was seen. Where the clock leaps over some, fixed times among
    those run at once; until it shows a later one again, they do not. cronsim reads the fields.
    """
    info, sim = ZoneInfo(zone), CronSim(expression, after)
    fixed = fields.read(expression).fixed_time
    minute = after.replace(second=0, microsecond=0) - 4 * HOUR
    seen = minute.astimezone(info).replace(tzinfo=None)
    found = []
    while (minute := minute + MINUTE) <= until:
        wall = minute.astimezone(info).replace(tzinfo=None)
        skipped = [seen + n * MINUTE for n in range(1, (wall - seen) // MINUTE)]
        if fixed and any(named(sim, time) for time in skipped):
            found.append(minute)
        if named(sim, wall) and (wall > seen or not fixed):
            found += [minute + timedelta(seconds=second) for second in sorted(sim.seconds)]
        seen = max(seen, wall)
    return sorted({moment for moment in found if after < moment <= until})


def named(sim: CronSim, wall: datetime) -> bool:
    """Whether an expression names a minute of the clock on the wall."""
    of_day = wall.minute in sim.minutes and wall.hour in sim.hours
    return of_day and wall.month in sim.months and sim.match_day(wall.date())


def excused(expression: str, zone: str, moment: datetime) -> bool:
    """Whether cronsim is known to stumble there, and we are right by the clock on the wall.

    Its search leaps from hour to hour and to midnight. It lands beside the hour where a clock
    change is not of a whole one, or falls in the quarter of an hour, and loses the day where
    midnight itself is skipped. Fixed times it searches without a zone, and is right.
    """
    if zone not in STUMBLES or fields.read(expression).fixed_time:
        return False
    begin, end = moment - AROUND, moment + AROUND
    ours = list(cron.parse(expression, zone).between(begin, end))
    return ours == walked(expression, zone, begin, end)


def differences(
    expression: str, zone: str, after: datetime, until: datetime | None, count: int
) -> list[str]:
    """The first place where our due times are not Debian's, unless cronsim is wrong there."""
    rule = cron.parse(expression, zone)
    expected = debian(expression, zone, after)
    if until is not None:
        expected = takewhile(lambda moment: moment <= until, expected)
    ours = rule.between(after, until or datetime(9000, 1, 1, tzinfo=UTC))
    for number, (one, other) in enumerate(islice(zip_longest(ours, expected), count)):
        if one != other:
            first = min(moment for moment in (one, other) if moment is not None)
            if excused(expression, zone, first):
                return differences(expression, zone, first + AROUND, until, count - number)
            return [f"{expression!r} in {zone} after {after}: ours {one}, Debian's {other}"]
    return []


def around(expression: str, zone: str, *, years: range, span: timedelta = AROUND) -> list[str]:
    """The days around every clock change, beside both oracles."""
    found = []
    rule = cron.parse(expression, zone)
    for change in changes(zone, years):
        begin, end = change - span, change + span
        found += differences(expression, zone, begin, end, 100_000)
        if list(rule.between(begin, end)) != walked(expression, zone, begin, end):
            found.append(f"{expression!r} in {zone} around {change}: not as the clock on the wall")
    return found


def main() -> int:
    """Compare it all, and say what differs."""
    pairs = [(expression, zone) for expression in EXPRESSIONS for zone in ZONES]
    wrong = []
    for number, (expression, zone) in enumerate(pairs, 1):
        wrong += around(expression, zone, years=range(2025, 2027))
        for month in (1, 7):
            start = datetime(2026, month, 14, 12, 34, 56, tzinfo=UTC)
            wrong += differences(expression, zone, start, None, 200)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{number} of {len(pairs)}, {len(wrong)} differ ")
    sys.stdout.write("\n".join([*wrong, f"{len(pairs)} compared, {len(wrong)} differ", ""]))
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
