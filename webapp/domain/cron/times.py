"""The times of day that a cron expression names."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

from webapp.domain.cron.fields import Fields
from webapp.domain.zones import DAY_S

_NEVER_S = 1000 * 366 * DAY_S


class Times:
    """Every second of a day, counted from midnight, that the fields name."""

    def __init__(self, fields: Fields) -> None:
        self._hours = fields.hour.values
        self._minutes = fields.minute.values
        self._seconds = fields.second.values
        self.first = self._at(0, 0, 0)
        self.over_night_s = self.first + DAY_S - self._at(-1, -1, -1)
        """From the last of a day to the first of the next."""
        self.shortest_s = self._shortest_s()
        """The least time between two on one day; a thousand years if it is alone."""

    def since(self, second: int) -> int | None:
        """The first from this one on, if the day has one."""
        minute, second = divmod(second, 60)
        hour, minute = divmod(minute, 60)
        i, j, k = bisect_left(self._hours, hour), 0, 0
        if i < len(self._hours) and self._hours[i] == hour:
            j = bisect_left(self._minutes, minute)
            if j < len(self._minutes) and self._minutes[j] == minute:
                k = bisect_left(self._seconds, second)
            if k == len(self._seconds):
                j, k = j + 1, 0
            if j == len(self._minutes):
                i, j = i + 1, 0
        return None if i == len(self._hours) else self._at(i, j, k)

    def _at(self, hour: int, minute: int, second: int) -> int:
        return self._hours[hour] * 3600 + self._minutes[minute] * 60 + self._seconds[second]

    def _shortest_s(self) -> int:
        hours, minutes, seconds = self._hours, self._minutes, self._seconds
        of_minute = seconds[0] - seconds[-1]
        of_hour = (minutes[0] - minutes[-1]) * 60 + of_minute
        gaps = (
            _closest(seconds, 1, 0),
            _closest(minutes, 60, of_minute),
            _closest(hours, 3600, of_hour),
        )
        return min((gap for gap in gaps if gap is not None), default=_NEVER_S)


def _closest(values: tuple[int, ...], unit: int, span: int) -> int | None:
    return min(((b - a) * unit + span for a, b in pairwise(values)), default=None)
