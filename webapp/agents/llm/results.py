"""What tools give back, as a model is told it and as people are shown it: bounded in size."""

from __future__ import annotations

import json
from typing import Any

MOST_FOR_MODEL = 60_000
"""Characters of one result that a model is told."""
MOST_SHOWN = 4_000
"""Characters of arguments, results and thoughts in the log of a session."""


def bounded(value: Any) -> Any:
    """A result as it is, or its beginning as text where it is too long for a model."""
    if isinstance(value, str):
        return cut(value, MOST_FOR_MODEL)
    if isinstance(value, dict | list):
        text = written(value)
        return value if len(text) <= MOST_FOR_MODEL else cut(text, MOST_FOR_MODEL)
    return value


def written(value: Any) -> str:
    """Anything as one text: a text as it is, all else as JSON, bytes by their size."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=_otherwise)


def shown(value: Any) -> str:
    """A value as it stands in the log."""
    return cut(written(value), MOST_SHOWN)


def cut(text: str, most: int) -> str:
    """Its beginning, and how much was left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]} … ({len(text) - most:,} more characters)"


def _otherwise(value: Any) -> str:
    media, data = getattr(value, "media_type", None), getattr(value, "data", None)
    if media is not None and isinstance(data, bytes):
        return f"({media}, {len(data):,} bytes)"
    return str(value)
