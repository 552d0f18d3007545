"""Durations as people write them, and the field that takes them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, cast

import flask_babel
from flask_babel import gettext
from wtforms import StringField, ValidationError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*(s|min|m|h|d|)\s*")


def lazy_gettext(text: str) -> str:
    """A text that is translated when it is shown; forms are defined before anybody asks."""
    return cast(str, flask_babel.lazy_gettext(text))


class DurationField(StringField):
    """Seconds, or what people write for more of them: 90, 10m, 1h 30m."""

    @property
    def seconds(self) -> float | None:
        """The duration, or None if the field was left empty."""
        return parse_duration(self.data) if self.data and self.data.strip() else None

    def pre_validate(self, form: Any) -> None:
        try:
            _ = self.seconds
        except ValueError:
            text = gettext("Write a duration like 90, 10m or 1h 30m.")
            raise ValidationError(text) from None


def written(seconds: float | None) -> str | None:
    """A duration as the field takes it, to the last digit: who saves it unchanged keeps it."""
    return None if seconds is None else f"{Decimal(repr(float(seconds))):f}".removesuffix(".0")


def parse_duration(text: str) -> float:
    """Seconds in ``90``, ``10m`` or ``1h 30m``; raises ValueError for anything else."""
    text = text.strip().lower()
    total, position = 0.0, 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise ValueError(text)
        total += float(part[1].replace(",", ".")) * _UNITS[part[2]]
        position = part.end()
    if total <= 0:
        raise ValueError(text)
    return total
