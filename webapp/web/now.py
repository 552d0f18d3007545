"""The first page: what rides, what waits, what needs a look, and the composer for what is next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from webapp import clock
from webapp.doors import health, receiving
from webapp.doors.principal import administration
from webapp.ports import ports
from webapp.queries import attention, board, sessions
from webapp.queries.board import Board
from webapp.web import ahead, day, model_facts
from webapp.web.ahead import Due
from webapp.web.composer import composer, earlier_values, go_on_with, hand_in, place_of
from webapp.web.composer import use_offline as choose_offline
from webapp.web.forms import ComposerForm
from webapp.web.fragments import is_fragment, shared, unchanged, version_of
from webapp.web.parts import Reader

bp = Blueprint("now", __name__)

LAST_LINES = 8


@bp.get("/")
def show() -> ResponseReturnValue:
    """Show the page, with an earlier task in the composer if one is to be edited."""
    world = board.board()
    earlier = request.args.get("edit")
    form = composer(world, earlier_values(earlier) if earlier else None)
    return _page(form, world)


@bp.get("/now/riding")
def riding() -> ResponseReturnValue:
    """What rides and what waits; 204 if that has not changed."""
    if unchanged(version := _riding_version(board.pulse())):
        return "", 204
    return shared(version, lambda: board_fragment(board.board()))


@bp.get("/now/aside")
def beside() -> ResponseReturnValue:
    """What needs a look and the picture of the day; 204 if that has not changed."""
    if unchanged(_aside_version(board.version(), ahead.coming(), attention.version())):
        return "", 204
    return render_template("_partials/aside_answer.html", **aside(board.board()))


@bp.get("/strip")
def strip() -> ResponseReturnValue:
    """The state of the world in one line; 204 if it has not changed."""
    following, needs = ahead.coming(limit=1), attention.count()
    if unchanged(version_of(board.version(), ahead.version(following), needs)):
        return "", 204
    world = board.board()
    return render_template(
        "_partials/strip.html", world=world, strip_next=following, strip_needs=needs
    )


@bp.post("/tasks")
@receiving.takes_files
def submit() -> ResponseReturnValue:
    """Take what the composer holds into the lineup, or show it again with what is wrong."""
    world = board.board()
    form = composer(world)
    submitted = hand_in(form)
    if submitted is None:
        world = board.board()
        if is_fragment():
            return render_template("_partials/composer.html", form=form, world=world), 422
        return _page(form, world), 422
    if not is_fragment():
        return redirect(url_for("now.show"), 303)
    fresh = composer(board.board(), go_on_with(form), fresh=True)
    page = render_template(
        "_partials/composer.html",
        form=fresh,
        world=board.board(),
        submitted=submitted,
        place=place_of(submitted),
    )
    return page, {"HX-Trigger": "refresh"}


@bp.post("/compose/offline")
@administration
@receiving.takes_files
def use_offline() -> ResponseReturnValue:
    """Make the profile that needs no key, and choose it in the composer that asks for it."""
    world = board.board()
    form = composer(world)
    if session_id := request.args.get("session_id"):
        form.continues = sessions.find(session_id).session_id
    choose_offline(form)
    if is_fragment():
        return render_template("_partials/composer.html", form=form, world=world)
    return _page(form, world)


@bp.post("/tasks/offline")
@administration
def try_offline() -> ResponseReturnValue:
    """Have the demonstration do a task, on the first run."""
    form = composer(board.board())
    choose_offline(form)
    if hand_in(form) is None:
        return _page(form, board.board()), 422
    return redirect(url_for("now.show"), 303)


def board_fragment(world: Board) -> str:
    """The polled middle of the page, and with it the composer's buttons."""
    return render_template("_partials/board_answer.html", **seen(world))


def seen(world: Board) -> dict[str, Any]:
    """Everything that the middle of the page shows."""
    version = _riding_version(world.lanes)  # first: what is printed meanwhile makes another one
    now, output = clock.now(), ports().output
    cards = []
    rows = board.riding([lane.task_id for lane in world.active]) if world.active else []
    for row in rows:
        paused = board.paused_at(row.task_id) if row.status == "paused" else None
        cards.append(
            {
                "row": row,
                "elapsed": ((paused or now) - row.since).total_seconds(),
                "lines": Reader(output, row.task_id, row.attempt).last_lines(LAST_LINES),
                "mute": ports().agents.refuses(row.agent, "instruct", row.agent_settings),
                "endless": ports().agents.refuses(row.agent, "end_input", row.agent_settings),
            }
        )
    lines = [
        {"lane": lane, "rows": board.waiting(lane.name)}
        for lane in world.lanes[: board.LANES_SHOWN]
        if lane.pending
    ]
    return {
        "world": world,
        "then": [] if world.active else ahead.coming(now, limit=1),
        "cards": cards,
        "lines": lines,
        "wait_for": model_facts.all_wait([row for line in lines for row in line["rows"]]),
        "now": now,
        "version": version,
    }


def aside(world: Board) -> dict[str, Any]:
    """What needs a look, and the day's figures."""
    now = clock.now()
    rows, upcoming = board.recent(now), ahead.coming(now)
    come = ahead.forecast(now) if upcoming else None
    needs = attention.attention()
    told = {row.flow_id for some in (needs.failing, needs.paused) for row in some.rows}
    return {
        "world": world,
        "needs": needs,
        "troubles": day.troubles([row for row in rows if row.flow_id not in told]),
        "hours": day.hours(rows, now),
        "tracks": day.tracks(rows, now, come.marks if come else {}),
        "ahead": come,
        "upcoming": upcoming,
        "truncated": len(rows) >= board.LOOKED_BACK,
        "runs": health.runs_tasks(now),
        "abandoned": ports().health.snapshot().abandoned,
        "aside_version": _aside_version(world.version, upcoming, needs.version),
    }


def _page(form: ComposerForm, world: Board) -> str:
    shown = {**seen(world), **aside(world)}
    return render_template("now/show.html", active="now", form=form, **shown)


def _riding_version(lanes: Sequence[Row[Any]]) -> str:
    """What rides looks the same while no lane has changed and nothing was printed."""
    output = ports().output
    active = [lane for lane in lanes if lane.task_id is not None][: board.LANES_SHOWN]
    printed = sum(Reader(output, lane.task_id, lane.attempt).size for lane in active)
    idle = "" if active else ahead.version(ahead.coming(limit=1))
    return version_of(sum(lane.version for lane in lanes), printed, idle)


def _aside_version(version: int, upcoming: Sequence[Due], needs: str) -> str:
    now = clock.now()
    return version_of(
        version, ahead.version(upcoming), needs, f"{now:%d%H}", health.runs_tasks(now)
    )
