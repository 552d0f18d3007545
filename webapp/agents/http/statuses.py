"""Which statuses an answer may have: ``2xx,304,400-404`` and the like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

DEFAULT = "2xx"
LONGEST = 200
_PART = re.compile(r"([2-5])xx|([2-5]\d\d)(?:-([2-5]\d\d))?", re.ASCII | re.IGNORECASE)


def checked(value: Any) -> str:
    """The statuses as one text; raises ValueError with the reason."""
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, int | str) and not isinstance(part, bool) for part in parts):
        raise ValueError("must be statuses such as 2xx, 304 or 400-404")
    text = ",".join(str(part) for part in parts).replace(" ", "").lower()
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is no status from 200 to 599, such as 2xx, 304 or 400-404")
        if found[3] and int(found[3]) < int(found[2]):
            raise ValueError(f"{part} ends before it begins")
    return text


def expects(text: str, status: int) -> bool:
    """Whether this status is among those of a checked text."""
    return any(low <= status <= high for low, high in _ranges(text))


def _ranges(text: str) -> Iterator[tuple[int, int]]:
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is not None and found[1]:
            yield int(found[1]) * 100, int(found[1]) * 100 + 99
        elif found is not None:
            yield int(found[2]), int(found[3] or found[2])
