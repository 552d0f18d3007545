"""Polled pieces of pages: their version, and the cheap answer while it stays the same."""

from __future__ import annotations

from flask import request
from flask_babel import get_locale

from webapp.principal import principal


def cursor(name: str) -> int | None:
    """A whole number from the address; what is none counts as not given."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def is_fragment() -> bool:
    """Whether htmx asks, and a piece of a page is enough."""
    return "HX-Request" in request.headers


def version_of(*parts: object) -> str:
    """The version of a piece: what it shows, for whom, and in which language."""
    return ".".join(map(str, (*parts, get_locale(), principal().name)))


def unchanged(version: str) -> bool:
    """Whether the page that asks shows this very version."""
    return request.args.get("v") == version
