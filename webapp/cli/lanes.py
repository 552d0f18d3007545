"""``lineup lanes list|create|rename|pause|resume|drain|open|delete``: the queues tasks wait in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from webapp.cli import options
from webapp.cli.ending import Code, Ended
from webapp.cli.options import notice, show_json, talks
from webapp.cli.terminal import one_line
from webapp.domain.messages import sentence
from webapp.domain.policies import LANE_NAME

if TYPE_CHECKING:
    from webapp.cli.client import Server

HEADS = ("lane", "state", "active", "waiting", "flows", "why")
why = click.option("--reason", help="Why; shown wherever somebody waits for the lane.")


@click.group()
def lanes() -> None:
    """Look at lanes, make them, pause and drain them."""


@lanes.command("list")
@options.as_json
@talks
def list_lanes(server: Server, as_json: bool) -> None:
    """List the lanes: their state, and what rides and waits in them."""
    from webapp.cli import table

    answer = server.get("/api/lanes")
    if as_json:
        show_json(answer)
        return
    rows = []
    for lane in answer["lanes"]:
        counts = lane["counts"]
        numbers = (counts["running"] + counts["paused"], counts["pending"], lane["flows"])
        reason = one_line(lane["state_reason"] or "")
        rows.append((lane["name"], lane["state"], *map(str, numbers), reason))
    table.show(HEADS, rows)


@lanes.command()
@click.argument("name")
@options.as_json
@talks
def create(server: Server, name: str, as_json: bool) -> None:
    """Make a lane called NAME."""
    _say(server.post("/api/lanes", {"name": name}), "created", as_json)


@lanes.command()
@click.argument("name")
@click.argument("new")
@options.as_json
@talks
def rename(server: Server, name: str, new: str, as_json: bool) -> None:
    """Call a lane NEW, with its tasks and flows."""
    answer = server.put(_path(name), {"name": new})
    _say({**answer, "name": name, "to": new} if not as_json else answer, "renamed", as_json)


@lanes.command()
@click.argument("name")
@why
@options.as_json
@talks
def pause(server: Server, name: str, reason: str | None, as_json: bool) -> None:
    """Let nothing begin in a lane: what runs goes on, submissions wait."""
    _say(server.post(_path(name, "pause"), _because(reason)), "paused", as_json)


@lanes.command()
@click.argument("name")
@options.as_json
@talks
def resume(server: Server, name: str, as_json: bool) -> None:
    """Let tasks begin again in a paused lane."""
    _say(server.post(_path(name, "resume")), "resumed", as_json)


@lanes.command()
@click.argument("name")
@why
@options.as_json
@talks
def drain(server: Server, name: str, reason: str | None, as_json: bool) -> None:
    """Let nothing into a lane: what waits and runs goes on, submissions are refused."""
    _say(server.post(_path(name, "drain"), _because(reason)), "drained", as_json)


@lanes.command("open")
@click.argument("name")
@options.as_json
@talks
def reopen(server: Server, name: str, as_json: bool) -> None:
    """Let a drained lane take tasks again."""
    _say(server.post(_path(name, "open")), "opened", as_json)


@lanes.command()
@click.argument("name")
@options.as_json
@talks
def delete(server: Server, name: str, as_json: bool) -> None:
    """Delete a lane in which nothing waits and that no flow names."""
    answer = server.delete(_path(name))
    if as_json:
        show_json(answer)
    else:
        notice(answer["message"])


def _path(name: str, verb: str = "") -> str:
    """The address of a lane; Ended for what can be no name, for it would be another address."""
    if not re.fullmatch(LANE_NAME, name):
        raise Ended(Code.REFUSED, sentence("no_such_lane", {"lane": name}))
    return f"/api/lanes/{name}/{verb}".rstrip("/")


def _because(reason: str | None) -> dict[str, Any]:
    return {"reason": reason} if reason else {}


def _say(answer: dict[str, Any], done: str, as_json: bool) -> None:
    if as_json:
        show_json(answer)
    else:
        notice(sentence(f"lane_{done}_done", {"lane": answer["name"], **answer}))
