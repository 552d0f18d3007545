"""Days a schedule must not run: written as a date, a range of dates, or a day of every year."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

MOST_DAYS = 2_000
"""Entries of one calendar."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEARLY = re.compile(r"\d{2}-\d{2}")
_LEAP_YEAR = 2024  # a day of every year may be 29 February


def checked(days: Iterable[str]) -> list[str]:
    """The entries, sorted and each once; raises ValueError that quotes the one that is wrong."""
    return sorted({_checked(day.strip()) for day in days})


def covers(days: Sequence[str] | None, day: date) -> bool:
    """Whether a calendar leaves this day out."""
    if not days:
        return False
    plain = day.isoformat()
    if plain in days or plain[5:] in days:
        return True
    ranges = (entry.partition("/") for entry in days if "/" in entry)
    return any(first <= plain <= last for first, _, last in ranges)


def _checked(entry: str) -> str:
    first, slash, last = entry.partition("/")
    if slash:
        if not _is_date(first) or not _is_date(last) or first > last:
            raise ValueError(f"{entry[:40]!r} is no range of days such as 2026-12-24/2027-01-02")
    elif not _is_date(entry) and not _is_yearly(entry):
        raise ValueError(
            f"{entry[:40]!r} is no day such as 2026-12-25, 12-25 (every year) "
            "or 2026-12-24/2027-01-02"
        )
    return entry


def _is_date(text: str) -> bool:
    return bool(_DATE.fullmatch(text)) and _exists(text)


def _is_yearly(text: str) -> bool:
    return bool(_YEARLY.fullmatch(text)) and _exists(f"{_LEAP_YEAR}-{text}")


def _exists(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return text.isascii()
