"""Polled pieces of pages: their version, and the cheap answer while it stays the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import current_app, request, session
from flask_babel import get_locale

from webapp import clock
from webapp.doors.principal import principal

SHARED = timedelta(seconds=0.9)
"""How long a piece is good for other tabs: less than they wait between two polls."""
KEPT = 100


def number(name: str) -> int | None:
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


def shared(version: str, render: Callable[[], str]) -> str:
    """A piece that is rendered once for all tabs of one login that ask for it within a second.

    While a task prints, each tab is shown something new each second: all of them the same.
    """
    kept: dict[tuple[str, str, str], tuple[datetime, str]]
    kept = current_app.extensions.setdefault("lineup.fragments", {})
    key, now = (request.path, version, str(session.get("csrf_token"))), clock.now()
    at, text = kept.get(key, (now, ""))
    if text and abs(now - at) < SHARED:
        return text
    if len(kept) >= KEPT:
        kept.clear()
    text = render()
    kept[key] = (now, text)
    return text
