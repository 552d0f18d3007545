"""Time zones: the reader's, as their browser tells it in a cookie, and all there are to choose."""

from __future__ import annotations

import functools
import re
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from flask import request

COOKIE = "lineup_zone"
_NAME = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")
_REGION = re.compile(r"(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/")


def reader_zone() -> tzinfo:
    """The zone in which whoever asks counts days."""
    name = request.cookies.get(COOKIE, "")
    if not _NAME.fullmatch(name):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@functools.cache
def names() -> list[str]:
    """The zones that a form suggests: those of a region, and UTC."""
    return ["UTC", *sorted(name for name in available_timezones() if _REGION.match(name))]
