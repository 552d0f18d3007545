"""The times of day that a cron expression names."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

from webapp.domain.cron_fields import Fields
from webapp.domain.zones import DAY_S


class Times:
    """Every second of a day, counted from midnight, that the fields name."""

    def __init__(self, fields: Fields) -> None:
        self._hours = fields.hour.values
        self._minutes = fields.minute.values
        self._seconds = fields.second.values
        self.first = self._at(0, 0, 0)
        self.last = self._at(-1, -1, -1)

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

    @property
    def shortest_s(self) -> int | None:
        """The least time between two on one day; None if there is but one."""
        seconds, minutes, hours = self._seconds, self._minutes, self._hours
        gaps = [_closest(seconds)]
        gaps.append(_closest(minutes, 60, seconds[0] - seconds[-1]))
        span = (minutes[0] - minutes[-1]) * 60 + seconds[0] - seconds[-1]
        gaps.append(_closest(hours, 3600, span))
        return min((gap for gap in gaps if gap is not None), default=None)

    @property
    def over_night_s(self) -> int:
        """From the last of a day to the first of the next."""
        return self.first + DAY_S - self.last


def _closest(values: tuple[int, ...], unit: int = 1, span: int = 0) -> int | None:
    return min(((b - a) * unit + span for a, b in pairwise(values)), default=None)
