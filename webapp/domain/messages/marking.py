"""How a sentence is marked for translation."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802 - gettext's name for "to be translated later"
    """Mark a text for translation and leave it as it is."""
    return text
