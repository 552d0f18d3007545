"""What pages say of a schedule: when, in words, and what will happen with the chosen policies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

from babel.dates import format_date, format_skeleton
from flask_babel import get_locale, gettext, ngettext

from webapp.domain.messages import N_
from webapp.domain.schedules.fates import FIRED, MISSED, SKIPPED

FATES = {  # fate: (icon, word)
    FIRED: ("send", N_("fired")),
    SKIPPED: ("player-track-next", N_("skipped")),
    MISSED: ("alert-triangle", N_("missed")),
}
OVERLAP_CHOICES = {
    "queue_one": N_("let one more wait"),
    "queue_all": N_("let all of them wait"),
    "skip": N_("skip what is due"),
    "replace": N_("stop it and run anew"),
}
CATCH_UP_CHOICES = {
    "skip": N_("do not run it"),
    "once": N_("run it once"),
    "all": N_("run each of them"),
}
_OVERLAPS = {
    "skip": N_("A due time that finds a run of this flow at work or waiting is skipped."),
    "queue_one": N_(
        "While a run is at work, the next one waits for it. What falls due while one waits "
        "already is skipped."
    ),
    "queue_all": N_("Every due time adds a run to the lineup, however many wait there already."),
    "replace": N_(
        "The run that is at work is stopped, those that wait are taken out, and the new one "
        "takes their place."
    ),
}
_WEEK = timedelta(days=6)
_SEASON = timedelta(days=300)
_UNITS = (
    (86400, N_("%(num)s day"), N_("%(num)s days")),
    (3600, N_("%(num)s hour"), N_("%(num)s hours")),
    (60, N_("%(num)s minute"), N_("%(num)s minutes")),
)


def city(zone: str) -> str:
    """A zone as people say it: Berlin for Europe/Berlin."""
    return zone.rpartition("/")[2].replace("_", " ")


def due(
    at: datetime | None, zone: tzinfo, now: datetime, *, seconds: bool = False, day: bool = False
) -> str:
    """A due time in a zone: the time alone today, with its day near to it, with its date else.

    ``day``: it has its day even today, as in a list of days.
    """
    if at is None:
        return "–"
    here, today = at.astimezone(zone), now.astimezone(zone)
    time = _skeleton("Hms" if seconds or here.second else "Hm", here)
    if here.date() == today.date() and not day:
        return time
    if timedelta() <= here.date() - today.date() <= _WEEK:
        return f"{_skeleton('E', here)} {time}"
    return f"{_skeleton('MMMEd' if abs(at - now) < _SEASON else 'yMMMEd', here)} {time}"


def beside(at: datetime, zone: tzinfo, here: datetime) -> str:
    """The same moment in another zone: with its weekday only where that differs."""
    there = at.astimezone(zone)
    time = _skeleton("Hms" if here.second else "Hm", there)
    return time if there.date() == here.date() else f"{_skeleton('E', there)} {time}"


def written(at: datetime, zone: tzinfo) -> str:
    """A due time in a zone, in full."""
    here = at.astimezone(zone)
    return f"{_skeleton('yMMMEd', here)} {_skeleton('Hms' if here.second else 'Hm', here)}"


def span(seconds: float) -> str:
    """A duration in words: 5 minutes, 1 hour 30 minutes."""
    if seconds != round(seconds):
        return gettext("%(num)s seconds", num=f"{seconds:g}")
    left, parts = round(seconds), []
    for size, one, many in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(ngettext(one, many, count))
    if left or not parts:
        parts.append(ngettext("%(num)s second", "%(num)s seconds", left))
    return " ".join(parts)


def overlap(policy: str) -> str:
    """What happens to a due time that finds a run of its flow not finished."""
    return gettext(_OVERLAPS[policy]) if policy in _OVERLAPS else ""


def catch_up(policy: str, window_s: float | None, limit: int | None) -> str:
    """What becomes of due times that pass while nobody is there."""
    if policy == "once":
        return gettext(
            "After an outage the newest due time that passed is run. Those before it are "
            "written down as missed."
        )
    if policy == "all" and window_s is not None and limit is not None:
        return gettext(
            "After an outage every due time of the last %(window)s is run, at most the newest "
            "%(limit)s. Older ones are written down as missed.",
            window=span(window_s),
            limit=f"{limit:,}",
        )
    if policy == "skip":
        return gettext("Due times that pass while Lineup is down are written down as missed.")
    return ""


def grace(seconds: float | None, shortest_s: float | None) -> str:
    """How late is early enough."""
    if seconds is None:
        return ""
    if seconds == 0:
        return gettext("None: what is not started at once is left to the rule for outages.")
    if shortest_s is not None and seconds > shortest_s / 2:
        return gettext(
            "A run that is up to %(most)s late is still started: half the time between two "
            "runs is the most.",
            most=span(shortest_s / 2),
        )
    return gettext(
        "A run that is up to %(most)s late is still started, a short restart loses nothing.",
        most=span(seconds),
    )


def jitter(seconds: float | None) -> str:
    """How runs are spread."""
    if seconds is None:
        return ""
    if seconds == 0:
        return gettext("Each run starts when it is due.")
    return gettext(
        "Each run starts up to %(most)s after it is due: how much differs from run to run.",
        most=span(seconds),
    )


def calendar(days: Sequence[str] | None) -> str:
    """On which days nothing runs."""
    if not days:
        return gettext("It runs on every day that the rule gives.")
    shown = ", ".join(_day(day) for day in days[:4])
    if len(days) > 4:
        shown = gettext("%(days)s and %(n)s more", days=shown, n=len(days) - 4)
    return gettext("Due times on these days are skipped: %(days)s.", days=shown)


def pause_after(failures: int | None) -> str:
    """When it gives up."""
    if failures is None:
        return gettext("It goes on however often its runs fail.")
    return ngettext(
        "The first run that fails switches it off, until somebody resumes it.",
        "%(num)s failed runs in a row switch it off, until somebody resumes it.",
        failures,
    )


def limits(starts: datetime | None, ends: datetime | None, zone: tzinfo) -> str:
    """From when to when."""
    first, last = (_whole(at, zone) for at in (starts, ends))
    if starts and ends:
        return gettext("Nothing is due before %(first)s or after %(last)s.", first=first, last=last)
    if starts:
        return gettext("Nothing is due before %(first)s.", first=first)
    if ends:
        return gettext("Nothing is due after %(last)s; it then has ended.", last=last)
    return gettext("It begins at once and goes on until it is switched off.")


def _whole(at: datetime | None, zone: tzinfo) -> str:
    return "" if at is None else written(at, zone)


def _skeleton(skeleton: str, at: datetime) -> str:
    return str(format_skeleton(skeleton, at, tzinfo=at.tzinfo, locale=get_locale()))


def _day(entry: str) -> str:
    first, slash, last = entry.partition("/")
    try:
        if slash:
            return f"{_date(first)} – {_date(last)}"
        if len(entry) == 5:  # of every year; 2024 has a 29 February
            day = date.fromisoformat(f"2024-{entry}")
            name = format_skeleton("MMMd", day, locale=get_locale())
            return gettext("%(day)s of each year", day=name)
        return _date(entry)
    except ValueError:
        return entry


def _date(text: str) -> str:
    return str(format_date(date.fromisoformat(text), "medium", locale=get_locale()))
