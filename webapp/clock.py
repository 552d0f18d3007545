"""The only reader of the clock, and of the zone that this machine's clock is in."""

from __future__ import annotations

import functools
import time
from datetime import UTC, datetime

from webapp.domain import zone_names


def now() -> datetime:
    """The time of day, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds that only ever grow: for measuring how long something took."""
    return time.monotonic()


@functools.cache
def machine_zone() -> str:
    """The zone of this machine by its IANA name; UTC where it has none that is known."""
    import tzlocal

    try:
        return zone_names.resolve(tzlocal.get_localzone_name())
    except (ValueError, LookupError, OSError):
        return "UTC"
