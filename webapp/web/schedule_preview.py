"""What a schedule that is being typed would do: its words, its next runs, what is odd about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from flask_babel import get_locale, gettext

from webapp.domain import cron
from webapp.domain.cron import Rule, Run
from webapp.domain.schedules.days import covers
from webapp.doors import schedules as door
from webapp.doors.words import words
from webapp.ports import ports
from webapp.web import filters, schedule_words
from webapp.web.forms import unless_refused
from webapp.web.schedule_form import Draft, zone_of
from webapp.web.zones import reader_zone

SHOWN = 10
FAR = timedelta(days=62)
_STEP = re.compile(r"\*/(\d+) \S+ \S+ \S+ \S+")
_MONTHDAY = re.compile(r"\S+ \S+ (29|30|31) \S+ \S+")
_EITHER_DAY = re.compile(r"(\S+ )?\S+ \S+ [^*]\S* \S+ [^*]\S*")
_BOTH_DAYS = re.compile(r"(\S+ )?\S+ \S+ (\*\S+ \S+ [^*]\S*|[^*]\S* \S+ \*\S+)")


@dataclass(frozen=True)
class Coming:
    """One of the next runs: when in the schedule's zone, when for the reader, what is odd."""

    at: datetime
    here: str
    yours: str
    note: str
    left_out: bool


@dataclass(frozen=True)
class Preview:
    """All that a form says back; without ``runs`` where the rule cannot be used."""

    words: str = ""
    zone: str = ""
    your_zone: str = ""
    """The reader's zone, where it shows other times than the schedule's."""
    runs: list[Coming] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    policies: Mapping[str, str] = field(default_factory=dict)
    """What will happen, by field."""


def preview(draft: Draft, now: datetime) -> Preview:
    """Read back what is typed; what is wrong with it is noted in the draft."""
    raw = draft.raw()
    usable = {name: value for name, value in raw.items() if name not in draft.problems}
    checked = unless_refused(draft, lambda: door.values(usable))
    fine = checked or {k: value for k, value in usable.items() if k not in draft.problems}
    rule, zone = _rule(draft, fine), zone_of(fine.get("timezone") or "")
    policies = _policies(fine, rule, zone)
    if rule is None:
        return Preview(policies=policies)
    starts, ends = fine.get("starts_at"), fine.get("ends_at")
    after = now if starts is None else max(now, starts - timedelta(microseconds=1))
    found = rule.runs(after, SHOWN)
    kept = [run for run in found if ends is None or run.at <= ends]
    yours = _your_zone(kept, zone)
    runs = _coming(kept, yours, fine.get("calendar"), now)
    return Preview(
        words=words(fine["cron_expression"], str(get_locale())),
        zone=str(zone),
        your_zone="" if yours is None else schedule_words.city(str(yours)),
        runs=runs,
        warnings=_warnings(fine, rule, runs, now, len(kept) < len(found)),
        policies=policies,
    )


def _your_zone(runs: Sequence[Run], zone: tzinfo) -> tzinfo | None:
    """The reader's zone, if clocks there show other times."""
    yours = reader_zone()
    here, there = ([run.at.astimezone(each).utcoffset() for run in runs] for each in (zone, yours))
    return None if here == there else yours


def _coming(
    runs: Sequence[Run], yours: tzinfo | None, days: Sequence[str] | None, now: datetime
) -> list[Coming]:
    precise = any(run.at.second for run in runs)
    named = len({run.local.utcoffset() for run in runs}) > 1
    return [
        Coming(
            at=run.at,
            here=_shown(run.local, now, precise=precise, named=named),
            yours="" if yours is None else schedule_words.beside(run.at, yours, run.local),
            note=filters.said(run.note, run.params, run.note) if run.note else "",
            left_out=covers(days, run.local.date()),
        )
        for run in runs
    ]


def _rule(draft: Draft, fine: Mapping[str, Any]) -> Rule | None:
    expression, zone = fine.get("cron_expression"), fine.get("timezone")
    if not expression:
        return None
    least = ports().settings.min_interval
    rule = unless_refused(
        draft, lambda: cron.parse(expression, zone or "UTC", min_interval_s=least)
    )
    return rule if zone else None


def _shown(local: datetime, now: datetime, *, precise: bool, named: bool) -> str:
    shown = schedule_words.due(local, local.tzinfo or UTC, now, seconds=precise, day=True)
    return f"{shown} {local:%Z}" if named else shown


def _policies(fine: Mapping[str, Any], rule: Rule | None, zone: tzinfo) -> dict[str, str]:
    shortest = None if rule is None else rule.shortest_s
    return {
        "overlap": schedule_words.overlap(fine.get("overlap", "")),
        "catch_up": schedule_words.catch_up(
            fine.get("catch_up", ""), fine.get("catch_up_window_s"), fine.get("catch_up_limit")
        ),
        "grace_s": schedule_words.grace(fine.get("grace_s"), shortest),
        "jitter_s": schedule_words.jitter(fine.get("jitter_s")),
        "limits": schedule_words.limits(fine.get("starts_at"), fine.get("ends_at"), zone),
        "calendar": schedule_words.calendar(fine.get("calendar")),
        "pause_after_failures": schedule_words.pause_after(fine.get("pause_after_failures")),
    }


def _warnings(
    fine: Mapping[str, Any], rule: Rule, runs: list[Coming], now: datetime, cut: bool
) -> list[str]:
    """What somebody should know before saving it."""
    found = []
    if not runs:
        found.append(gettext("It ends before it is ever due."))
    elif runs[0].at - now > FAR:
        days = (runs[0].at - now).days
        found.append(gettext("The next run is %(days)s days away.", days=f"{days:,}"))
    if cut and runs:
        found.append(gettext("After these it has ended."))
    if runs and all(run.left_out for run in runs):
        found.append(gettext("The calendar leaves out all of these."))
    found += _oddities(" ".join(fine["cron_expression"].split()))
    if rule.shortest_s < 60:
        a_day = f"{int(86400 / rule.shortest_s):,}"
        found.append(gettext("This may be up to %(n)s runs a day.", n=a_day))
    if not fine.get("is_enabled", True):
        found.append(gettext("It is off: nothing of this happens until it is switched on."))
    return found


def _oddities(expression: str) -> list[str]:
    """What cron does with an expression, and few people expect."""
    found = []
    step = _STEP.fullmatch(expression)
    if step and 1 < int(step[1]) < 60 and 60 % int(step[1]):
        last = 59 // int(step[1]) * int(step[1])
        text = gettext(
            "It counts anew each hour: after minute %(last)s comes minute 0, "
            "%(gap)s minutes later.",
            last=last,
            gap=60 - last,
        )
        found.append(text)
    if (day := _MONTHDAY.fullmatch(expression)) is not None:
        text = gettext(
            "Months without a day %(day)s are left out. L is the last day of each month.",
            day=day[1],
        )
        found.append(text)
    if _EITHER_DAY.fullmatch(expression):
        found.append(gettext("Two fields name days: it runs where either fits."))
    if _BOTH_DAYS.fullmatch(expression):
        found.append(gettext("Two fields name days, one begins with *: it runs where both fit."))
    return found
