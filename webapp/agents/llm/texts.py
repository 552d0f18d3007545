"""Texts of models and tools, made fit to be stored, told and shown."""

from __future__ import annotations

import json
from typing import Any

from pydantic_ai.messages import BinaryContent

MOST_FOR_MODEL = 60_000
"""Characters of one result that a model is told."""
MOST_MEDIA = 4 * 1024 * 1024
"""Bytes of a picture or sound that a model is given."""
MOST_SHOWN = 4_000
"""Characters of arguments, results and thoughts in the log of a session."""
MOST_RESULT = 1_000_000
"""Characters of an answer that become a task's result; the whole is in its output."""
MOST_NAME = 100
DEEPEST = 50


def storable(text: str) -> str:
    """The text without what no database takes: halves of surrogate pairs, and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def bounded(value: Any) -> Any:
    """A result as it is, or its beginning as text where it is too long for a model."""
    if isinstance(value, str):
        return cut(storable(value), MOST_FOR_MODEL)
    if isinstance(value, BinaryContent):
        return value if len(value.data) <= MOST_MEDIA else described(value)
    if isinstance(value, list) and any(isinstance(one, BinaryContent) for one in value):
        return [bounded(one) for one in value]
    if isinstance(value, dict | list):
        text = storable(written(value))
        return value if len(text) <= MOST_FOR_MODEL else cut(text, MOST_FOR_MODEL)
    return value


def written(value: Any) -> str:
    """Anything as one text: a text as it is, all else as JSON, bytes by their size."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=_otherwise)
    except (ValueError, RecursionError):
        return str(type(value).__name__)


def cut(text: str, most: int) -> str:
    """Its beginning, and how much was left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]} … ({len(text) - most:,} more characters)"


def described(media: BinaryContent) -> str:
    """What stands for a picture or a sound that is not given."""
    return f"({media.media_type}, {len(media.data):,} bytes: too large)"


def arguments(args: Any) -> Any:
    """The arguments of a call, storable; what is no JSON stays what it is."""
    if isinstance(args, str):
        if "\\u" not in args:
            return storable(args)
        try:
            args = json.loads(args)
        except (ValueError, RecursionError):
            return storable(str(args))
        return json.dumps(_storable_within(args, DEEPEST))
    return _storable_within(args, DEEPEST) if args is not None else None


def _storable_within(value: Any, deep: int) -> Any:
    if isinstance(value, str):
        return storable(value)
    if deep and isinstance(value, dict):
        return {storable(str(n)): _storable_within(v, deep - 1) for n, v in value.items()}
    if deep and isinstance(value, list):
        return [_storable_within(one, deep - 1) for one in value]
    return value


def _otherwise(value: Any) -> str:
    return described(value) if isinstance(value, BinaryContent) else str(value)
