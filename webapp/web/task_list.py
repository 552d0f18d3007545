"""The history: filtered by its address, paged by cursor, polled without pushing what is read."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import Row
from werkzeug.datastructures import MultiDict

from webapp import clock
from webapp.domain.task_state import Status
from webapp.doors.intake import refused
from webapp.ports import ports
from webapp.queries import board, flows, history, listing
from webapp.queries.history import Count, Page
from webapp.web import task_filters
from webapp.web.filters import headline, took
from webapp.web.fragments import is_fragment, number, unchanged, version_of
from webapp.web.task_filters import PERIODS, Filters
from webapp.web.zones import reader_zone


def index() -> ResponseReturnValue:
    """The newest tasks, or those before or after a cursor; to htmx only what changes."""
    asked = filters_of(request.args)
    before, after = number("before"), number("after")
    found = Page([])
    if not asked.problems:
        found = history.page(asked.wanted, before=before, after=after)
    status = 400 if asked.problems else 200
    if is_fragment():
        page = render_template("tasks/_list.html", **_page(asked, found))
        return page, status, _own_address(asked)
    if "" in request.args.values():  # a plain form sends what was left empty, too
        return redirect(asked.address(before=before, after=after), 303)
    return render_template("tasks/index.html", active="tasks", **_page(asked, found)), status


def rows() -> ResponseReturnValue:
    """The lines of a page that is being looked at, as they are now, and how many came since."""
    version = version_of(board.version())
    if unchanged(version):
        return "", 204
    asked, top, bottom = filters_of(request.args), number("top") or 0, number("bottom") or 0
    if asked.problems:
        raise refused(asked.problems)
    found = Page(history.window(asked.wanted, top=top, bottom=bottom))
    shown = _rows(asked, found) | {"top": top, "bottom": bottom, "version": version}
    shown["first"] = bool(request.args.get("first"))
    shown["count"] = history.count(asked.wanted)
    if shown["first"]:
        shown["fresh"] = history.newer_than(asked.wanted, top)
    return render_template("tasks/_rows.html", **shown)


def filters_of(given: MultiDict[str, str]) -> Filters:
    """The filters in an address or a form, as the reader counts days."""
    return task_filters.read(given, clock.now(), reader_zone())


def _page(asked: Filters, found: Page) -> dict[str, Any]:
    zone, offers = reader_zone(), listing.offers()
    return {
        **_rows(asked, found),
        "found": found,
        "statuses": list(Status),
        "agents": [(name, name) for name in ports().agents.names()],
        "lanes": [(name, name) for name in offers.lanes],
        "offers": offers,
        "periods": [(name, gettext(words[0])) for name, words in PERIODS.items()],
        "zone": getattr(zone, "key", "UTC"),
        "count": _count(asked, found),
        "drops": _drops(asked) if asked and not found.rows and not asked.problems else [],
    }


def _rows(asked: Filters, found: Page) -> dict[str, Any]:
    lines = found.rows
    return {
        "asked": asked,
        "rows": lines,
        "top": lines[0].seq if lines else history.newest_seq(),
        "bottom": lines[-1].seq if lines else 0,
        "first": "before" not in request.args and "after" not in request.args,
        "version": version_of(board.version()),
        "fresh": 0,
        "usual": {key: _usual(seconds) for key, seconds in listing.usual().items()},
        "took_s": _took,
        "flow_names": flows.names(list({row.flow_id for row in lines if row.flow_id})),
        "excerpts": _excerpts(lines, asked.one("q")),
    }


def _count(asked: Filters, found: Page) -> Count | None:
    """How many tasks match; where all of them are on this page, they need no counting."""
    if asked.problems:
        return None
    whole = found.older is None and found.newer is None and found.searched_to is None
    return Count(len(found.rows), exact=True) if whole else history.count(asked.wanted)


def _usual(seconds: float) -> dict[str, Any]:
    said = gettext("usual: %(time)s", time=took(seconds))
    return {"seconds": max(seconds, 0.001), "words": said}


def _took(row: Row[Any]) -> float:
    if row.started_at is None:
        return 0.0
    return float(((row.completed_at or clock.now()) - row.started_at).total_seconds())


def _excerpts(lines: list[Row[Any]], text: str) -> dict[str, str]:
    """For lines whose first words do not show why they were found: the place that does."""
    if not text:
        return {}
    unseen = [row for row in lines if text.lower() not in headline(row.headline).lower()]
    return listing.excerpts([row.task_id for row in unseen], text)


def _drops(asked: Filters) -> list[task_filters.Chip]:
    """The filters without which something would be found."""
    chips = asked.chips
    if len(chips) < 2:
        return chips
    found = []
    for chip in chips:
        query = MultiDict(_query(chip.without))
        if history.page(filters_of(query).wanted, limit=1).rows:
            found.append(chip)
    return found


def _own_address(asked: Filters) -> dict[str, str]:
    """The address for the browser to show: replaced while one types, otherwise a step."""
    here = filters_of(MultiDict(_query(request.headers.get("HX-Current-URL", ""))))
    typed = {**here.given, "q": ()} == {**asked.given, "q": ()}
    return {"HX-Replace-Url" if typed else "HX-Push-Url": asked.address()}


def _query(address: str) -> list[tuple[str, str]]:
    return parse_qsl(address.partition("#")[0].partition("?")[2])
