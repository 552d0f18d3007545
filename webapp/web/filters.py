"""What templates may say: durations, moments, the one vocabulary of status, and messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask import Flask, g
from flask_babel import get_locale, get_translations, gettext, ngettext
from markupsafe import Markup, escape

from webapp import clock
from webapp.domain.messages import MESSAGES, N_
from webapp.domain.policies import PRIORITIES, cut
from webapp.domain.receipts import Receipt
from webapp.files.listing import printable
from webapp.queries import attention, board
from webapp.queries.tasks import control
from webapp.web.fragments import version_of

HEADLINE = 140
SHOWN = 8_000

STATUS = {  # status or transition: (icon, word)
    "pending": ("clock", N_("waiting")),
    "running": ("player-play", N_("running")),
    "paused": ("player-pause", N_("paused")),
    "completed": ("check", N_("completed")),
    "failed": ("x", N_("failed")),
    "stopped": ("player-stop", N_("stopped")),
    "pausing": ("player-pause", N_("pausing…")),
    "stopping": ("player-stop", N_("stopping…")),
    "resuming": ("player-play", N_("going on…")),
}
AGENT_ICONS = {"shell": "terminal-2", "http": "world", "llm": "robot", "browser": "device-desktop"}
TYPES = {  # of a flow's parameters
    "text": N_("text"),
    "integer": N_("whole number"),
    "number": N_("number"),
    "boolean": N_("yes or no"),
    "choice": N_("one of several"),
    "date": N_("date"),
    "json": N_("JSON"),
}
RECEIPTS = {
    Receipt.QUEUED: ("clock", N_("queued")),
    Receipt.DELIVERED: ("send", N_("delivered")),
    Receipt.CONSUMED: ("check", N_("read")),
    Receipt.NEVER_READ: ("x", N_("never read")),
}
_PRIORITY_WORDS = {
    PRIORITIES["low"]: N_("low"),
    PRIORITIES["normal"]: N_("normal"),
    PRIORITIES["high"]: N_("high"),
}
_MADE_UP = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")


def init_app(app: Flask) -> None:
    """Teach the templates our words."""
    _install_words(app)
    app.jinja_env.filters.update(
        headline=headline,
        brief=brief,
        shortened=shortened,
        session_name=session_name,
        clock=clock_face,
        took=took,
        moment=moment,
        exact=exact,
        priority_word=priority_word,
        ordinal=ordinal,
        bytes=size,
        printable=printable,
        marked=marked,
    )
    app.jinja_env.globals.update(
        STATUS=STATUS,
        RECEIPTS=RECEIPTS,
        AGENT_ICONS=AGENT_ICONS,
        TYPES=TYPES,
        said=said,
        shown_status=shown_status,
        state_of_the_world=board.board,
        needs_a_look=attention.count,
        seconds_since=seconds_since,
        this_moment=clock.now,
        version_of=version_of,
        fresh_key=lambda: str(uuid4()),
        locale=lambda: str(get_locale() or "en"),
    )


def _install_words(app: Flask) -> None:
    """Look up a request's translations once: flask-babel does it at every word of a page."""

    def translations() -> Any:
        found = g.get("translations")
        if found is None:
            found = g.translations = get_translations()
        return found

    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: translations().ugettext(text),
        lambda one, many, n: translations().ungettext(one, many, n),
        newstyle=True,
    )


def headline(text: str | None) -> str:
    """The first line that says something, in one piece and of bounded length.

    A comment is what the author of a script calls it; which shell is meant says nothing.
    """
    lines = [line.strip() for line in (text or "").splitlines()]
    first = next((line for line in lines if line.strip("#") and not line.startswith("#!")), "")
    first = _CONTROL_CHARACTERS.sub(" ", first.removeprefix("#")).strip()
    return first if len(first) <= HEADLINE else first[: HEADLINE - 1].rstrip() + "…"


def marked(text: str, wanted: str) -> Markup:
    """A text in which what was searched stands out, in whatever case it is written."""
    if not wanted:
        return escape(text)
    parts = re.split(f"({re.escape(wanted)})", text, flags=re.IGNORECASE)
    return Markup().join(
        Markup("<mark>{}</mark>").format(part) if odd % 2 else escape(part)
        for odd, part in enumerate(parts)
    )


def brief(text: str | None) -> str:
    """The first line of a reason, without the words that only announce what follows it."""
    first = headline(text)
    if first.endswith(":") and ". " in first:
        return first.rpartition(". ")[0] + "."
    return first


def shortened(text: str) -> str:
    """What a transcript shows of a long message; the API has all of it."""
    return cut(text, SHOWN)


def session_name(session_id: str) -> str:
    """A session as lists show it: the name somebody gave it, or the end of one that was made."""
    return session_id[-8:] if _MADE_UP.fullmatch(session_id) else session_id


def clock_face(seconds: float | None) -> str:
    """A running time as a clock shows it: 00:42, 1:02:03."""
    whole = max(0, int(seconds or 0))
    hours, minutes = divmod(whole // 60, 60)
    face = f"{minutes:02}:{whole % 60:02}"
    return f"{hours}:{face}" if hours else face


def took(seconds: float | None) -> str:
    """How long something took, in as much detail as matters."""
    if seconds is None:
        return "–"
    if seconds < 0.05:
        return gettext("< %(n)s s", n="0.1")
    if seconds < 9.95:
        return gettext("%(n)s s", n=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < 60:
        return gettext("%(n)s s", n=whole)
    if whole < 3600:
        return gettext("%(m)s m %(s)s s", m=whole // 60, s=f"{whole % 60:02}")
    if whole < 48 * 3600:
        return gettext("%(h)s h %(m)s m", h=whole // 3600, m=f"{whole // 60 % 60:02}")
    return gettext("%(d)s d %(h)s h", d=whole // 86400, h=whole // 3600 % 24)


def moment(at: datetime | None) -> Markup:
    """A time as people say it ("3 minutes ago"), exact on hover and without JavaScript."""
    if at is None:
        return Markup("–")
    return Markup('<relative-time datetime="{}" tense="auto">{}</relative-time>').format(
        at.isoformat(), _written(at)
    )


def exact(at: datetime | None) -> Markup:
    """A time to the second, with its zone."""
    if at is None:
        return Markup("–")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), _written(at))


def seconds_since(at: datetime | None, until: datetime) -> float:
    """Seconds from one moment to another; 0 where there is none."""
    return (until - at).total_seconds() if at is not None else 0.0


def shown_status(row: Any) -> str:
    """The key of what to show for a task: its status, or the transition under way."""
    if (transition := control(row)) is not None:
        return transition
    return "resuming" if row.status == "paused" and row.wish == "resume" else str(row.status)


def said(code: str | None, params: Mapping[str, Any] | None, text: str | None) -> str:
    """A stored message in the reader's language; what has no code stays as it was stored."""
    template = MESSAGES.get(code or "")
    if template is None:
        return text or ""
    try:
        return str(gettext(template)) % dict(params or {})
    except (KeyError, TypeError, ValueError):  # stored by another version, with other parameters
        return text or ""


def priority_word(priority: int) -> str:
    """low, normal or high; another number as it is."""
    word = _PRIORITY_WORDS.get(priority)
    return gettext(word) if word else f"{priority:+}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd … as a place in the line."""
    if number % 100 not in (11, 12, 13):
        if number % 10 == 1:
            return gettext("%(n)sst", n=number)
        if number % 10 == 2:
            return gettext("%(n)snd", n=number)
        if number % 10 == 3:
            return gettext("%(n)srd", n=number)
    return gettext("%(n)sth", n=number)


def size(count: int) -> str:
    """A number of bytes for people."""
    if count < 1024:
        return ngettext("%(num)s byte", "%(num)s bytes", count)
    if count < 1024 * 1024:
        return f"{count / 1024:.1f} KiB"
    return f"{count / 1024 / 1024:.1f} MiB"


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
