"""``lineup schedules list|show|set|on|off|remove|ledger|preview``: when flows run by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from webapp.cli import options
from webapp.cli.ending import Declined
from webapp.cli.flows import of_name
from webapp.cli.options import notice, show_json, talks, utf8
from webapp.cli.schedule_fields import FIELDS, body_of
from webapp.cli.submit import all_of
from webapp.cli.terminal import brief_time, local_time, on_terminal, one_line, safe
from webapp.domain.schedules.fates import FATES

if TYPE_CHECKING:
    from webapp.cli.client import Server

MOST = 1000
HEADS = ("flow", "state", "rule", "zone", "next", "last", "fired", "description")
LEDGER_HEADS = ("due", "fate", "late", "task", "reason")
SHOWN = (
    *("flow_id", "cron_expression", "timezone", "description", "overlap", "catch_up"),
    *("catch_up_limit", "catch_up_window_s", "grace_s", "jitter_s", "pause_after_failures"),
)
TIMES = ("starts_at", "ends_at", "next_execution_at", "last_execution_at", "created_at")

which = click.argument("flow", metavar="FLOW")


@click.group()
def schedules() -> None:
    """Have flows run by themselves, and see what became of each due time.

    FLOW is a flow's name or its id.
    """


@schedules.command("list")
@click.option("--on/--off", "is_enabled", default=None, help="Only those that are.")
@options.as_json
@talks
def list_schedules(server: Server, is_enabled: bool | None, as_json: bool) -> None:
    """List schedules, newest first."""
    from webapp.cli import table

    state = None if is_enabled is None else str(is_enabled).lower()
    answer = server.get("/api/schedule", is_enabled=state)
    if as_json:
        show_json(answer)
        return
    rows = [
        (
            safe(one["flow_name"]),
            _state(one),
            one["cron_expression"] or "never",
            one["timezone"],
            brief_time(one["next_execution_at"]),
            brief_time(one["last_execution_at"]),
            str(one["execution_count"]),
            one_line(one["pause_reason"] or one["description"] or ""),
        )
        for one in answer
    ]
    if rows:
        table.show(HEADS, rows)
    else:
        notice("There are no schedules yet." if state is None else "There are no such schedules.")


@schedules.command()
@which
@options.as_json
@talks
def show(server: Server, flow: str, as_json: bool) -> None:
    """Show the schedule of a flow."""
    from webapp.cli import table

    answer = server.get(_path(server, flow))
    if as_json:
        show_json(answer)
        return
    table.facts(
        [
            ("flow", safe(answer["flow_name"])),
            ("state", _state(answer)),
            ("why", safe(answer["pause_reason"] or "")),
            *((name, _text(answer[name])) for name in SHOWN),
            ("calendar", "\n".join(answer["calendar"] or ())),
            *((name, local_time(answer[name])) for name in TIMES),
            ("fired", str(answer["execution_count"])),
        ]
    )


@schedules.command("set")
@which
@click.argument("rule", required=False)
@all_of(FIELDS)
@options.as_json
@talks
def set_schedule(
    server: Server, flow: str, rule: str | None, never: bool, as_json: bool, **given: Any
) -> None:
    """Give a flow the cron expression RULE, or change what else is said of its schedule.

    What is not said stays as it is; a new schedule is on.
    """
    body = body_of(given)
    if never and rule is not None:
        raise click.UsageError("RULE and --never contradict each other.")
    if never or rule is not None:
        body["cron_expression"] = None if rule is None else utf8(rule, "RULE")
    if not body:
        raise click.UsageError("Say what is to be different.")
    path = _path(server, flow)
    try:
        answer = server.put(path, body)
    except Declined as refusal:
        if refusal.body.get("error") != "no_such_schedule":
            raise
        flow_id = path.rpartition("/")[2]
        answer = server.post("/api/schedule", {"flow_id": flow_id, **body})
    _say(answer, as_json)


@schedules.command()
@which
@options.as_json
@talks
def on(server: Server, flow: str, as_json: bool) -> None:
    """Switch a schedule on, also one that failures paused."""
    _say(server.put(_path(server, flow), {"is_enabled": True}), as_json)


@schedules.command()
@which
@options.as_json
@talks
def off(server: Server, flow: str, as_json: bool) -> None:
    """Switch a schedule off; its rule and its ledger stay."""
    _say(server.put(_path(server, flow), {"is_enabled": False}), as_json)


@schedules.command()
@which
@options.as_json
@talks
def remove(server: Server, flow: str, as_json: bool) -> None:
    """Remove a schedule with its ledger; the flow stays."""
    answer = server.delete(_path(server, flow))
    if as_json:
        show_json(answer)
    else:
        notice(answer["message"])


@schedules.command()
@which
@click.option("--fate", type=click.Choice(FATES), help="Only due times of this fate.")
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True)
@click.option("--cursor", help="Go on after a page: its next_cursor.")
@options.as_json
@talks
def ledger(server: Server, flow: str, as_json: bool, **query: Any) -> None:
    """List what became of each due time, newest first."""
    from webapp.cli import table

    page = server.get(f"{_path(server, flow)}/occurrences", **query)
    if as_json:
        show_json(page)
        return
    rows = [
        (
            _due(one),
            one["fate"],
            "" if one["late_ms"] is None else f"{one['late_ms'] / 1000:.1f} s",
            one["task_id"] or "",
            one_line(one["reason"] or ""),
        )
        for one in page["occurrences"]
    ]
    if rows:
        table.show(LEDGER_HEADS, rows)
    else:
        notice("Nothing was due yet." if query["fate"] is None else "There is no such due time.")
    if page["next_cursor"] and on_terminal():
        notice(f"There are more: --limit, or --cursor {page['next_cursor']}")


@schedules.command()
@click.argument("rule")
@click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin; the server's if not.")
@click.option("-n", "--count", type=click.IntRange(1, 100), default=10, show_default=True)
@options.as_json
@talks
def preview(server: Server, rule: str, as_json: bool, **body: Any) -> None:
    """Say in words what a cron expression means, and when it would be due."""
    asked = {name: value for name, value in body.items() if value is not None}
    answer = server.post("/api/schedule/preview", {"cron_expression": utf8(rule, "RULE"), **asked})
    if as_json:
        show_json(answer)
        return
    click.echo(answer["words"])
    for run in answer["runs"]:
        click.echo(f"{run['local']}  {run['note'] or ''}".rstrip())


def _path(server: Server, flow: str) -> str:
    return f"/api/schedule/{of_name(server, flow)['flow_id']}"


def _state(one: dict[str, Any]) -> str:
    if one["is_enabled"]:
        return "on"
    return "paused" if one["paused_at"] else "off"


def _due(one: dict[str, Any]) -> str:
    if "until" not in one:
        return local_time(one["due_at"])
    return f"{local_time(one['due_at'])} to {local_time(one['until'])} ({one['count']:,})"


def _text(value: Any) -> str:
    return "" if value is None else safe(str(value))


def _say(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    if not answer["is_enabled"]:
        notice("It is off.")
    elif answer["next_execution_at"] is None:
        notice("It is on, and never due.")
    else:
        notice(f"It is on, and due next at {local_time(answer['next_execution_at'])}.")
