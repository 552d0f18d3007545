"""``lineup tasks``, ``show``, ``output``, ``wait`` and ``delete``: tasks by list and by id."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from webapp import clock
from webapp.cli import flows, options, table
from webapp.cli.ending import Code, Ended
from webapp.cli.options import SPAN, UNITS, Span, notice, show_json, talks, task_path
from webapp.cli.terminal import (
    brief_time,
    coloured,
    lasted,
    local_time,
    on_terminal,
    one_line,
    safe,
    seconds_between,
)
from webapp.domain.task_state import FINAL, OPEN, Status

if TYPE_CHECKING:
    from webapp.cli.client import Server

MOST = 1000
HEADS = ("id", "status", "agent", "created", "took", "description")


class Moment(click.ParamType[str]):
    """A time: how long ago, as in 2h, or a date and time of this machine's zone."""

    name = "moment"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """How the help shows it."""
        return "WHEN"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The time as the API takes it."""
        if (found := SPAN.fullmatch(str(value))) and found[2]:
            ago = timedelta(seconds=float(found[1]) * UNITS[found[2]])
            return (clock.now() - ago).isoformat()
        try:
            return datetime.fromisoformat(value).astimezone().isoformat()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time such as 2h or 2026-11-23T09:00.", param, ctx)


@click.command()
@click.option(
    "--status",
    type=click.Choice(list(map(str, Status))),
    multiple=True,
    help="Only those that stand so.",
)
@click.option("--session", "session_id", metavar="ID", help="Only this session's.")
@click.option("--flow", metavar="FLOW", help="Only this flow's, by its name or id.")
@click.option("--profile", "llm_profile_name", metavar="NAME", help="Only this LLM profile's.")
@click.option("--lane", metavar="NAME", help="Only this lane's.")
@click.option("--agent", metavar="NAME", help="Only this agent's.")
@click.option("-q", "--text", "q", metavar="TEXT", help="Only those with this text in them.")
@click.option("--since", type=Moment(), help="Created at or after: 2h, or 2026-11-23T09:00.")
@click.option("--until", type=Moment(), help="Created before.")
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True)
@click.option("--cursor", help="Go on after a page: its next_cursor.")
@click.option("--all", "every", is_flag=True, help="All pages. With --json: a task per line.")
@options.as_json
@talks
def tasks(
    server: Server, limit: int, every: bool, as_json: bool, flow: str | None, **filters: Any
) -> None:
    """List tasks, newest first.

    To a terminal as a table; to a file or pipe as lines with tabs between, nothing cut.
    """
    if flow is not None:
        filters["flow_id"] = flows.id_of(server, flow)
    if every:
        for page in _pages(server, filters):
            if as_json:
                for row in page["tasks"]:
                    show_json(row, line=True)
            else:
                _listed(page["tasks"])
        return
    page = server.get("/api/tasks", limit=limit, **filters)
    if as_json:
        show_json(page)
        return
    _listed(page["tasks"])
    if not page["tasks"]:
        notice("There are no such tasks." if any(filters.values()) else "There are no tasks yet.")
    if page["next_cursor"] and sys.stdout.isatty():
        notice(f"There are more: --limit, --all, or --cursor {page['next_cursor']}")


def _pages(server: Server, filters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    while True:
        page = server.get("/api/tasks", limit=MOST, **filters)
        yield page
        if not page["next_cursor"]:
            return
        filters = {**filters, "cursor": page["next_cursor"]}


def _listed(found: list[dict[str, Any]]) -> None:
    if not found:
        return
    person = on_terminal()
    time = brief_time if person else local_time
    cells = [
        {
            "id": row["task_id"],
            "status": row["control"] or row["status"],
            "agent": row["agent"],
            "created": time(row["created_at"]),
            "took": lasted(seconds_between(row["started_at"], row["completed_at"] or _until(row))),
            "description": one_line(row["task_description"]),
        }
        for row in found
    ]
    heads = [head for head in HEADS if not (person and head == "agent" and _alike(found))]
    rows = [[row[head] for head in heads] for row in cells]
    table.show(heads, rows, paint=lambda at, cell: coloured(cell) if at == 1 else cell)


def _alike(found: list[dict[str, Any]]) -> bool:
    """Whether all are for one agent, so that to name it would only take room."""
    return len({row["agent"] for row in found}) < 2


def _until(row: dict[str, Any]) -> datetime | None:
    return clock.now() if row["status"] in OPEN else None


@click.command()
@click.argument("task_id", metavar="ID", shell_complete=options.ids_of())
@options.as_json
@talks
def show(server: Server, task_id: str, as_json: bool) -> None:
    """Show a task: how it stands, why, and what came of it."""
    task = server.get(task_path(task_id))
    if as_json:
        show_json(task)
        return
    texts = ("task_description", "error_message", "task_result")
    plain = ("task_id", "session_id", "agent", "lane", "priority", "submitted_by", "rerun_of")
    reason = task["pause_reason"] if task["status"] == "paused" else task["stop_reason"]
    tried, most = task["attempt"], max(task["attempt"], task["max_retries"] + 1)
    tries = server.get(task_path(task_id, "attempts"))["attempts"] if tried > 1 else []
    flow = (task["task_metadata"] or {}) if task["flow_id"] else {}
    table.facts(
        [
            ("status", coloured(task["control"] or task["status"])),
            *((name, safe(str(task[name] or ""))) for name in plain),
            ("flow", safe(f"{flow.get('flow_name', '')} ({flow.get('trigger')})" if flow else "")),
            ("attempt", "\n".join([f"{tried} of {most}" if tried else "", *map(_told, tries)])),
            *((name, local_time(task[f"{name}_at"])) for name in ("created", "started")),
            ("completed", local_time(task["completed_at"])),
            ("took", lasted(seconds_between(task["started_at"], task["completed_at"]))),
            ("reason", safe(reason or "")),
            ("workspace", safe(task["workspace_dir"])),
            *((name, safe(task[name] or "").rstrip()) for name in texts),
        ]
    )


def _told(attempt: dict[str, Any]) -> str:
    """How an attempt ended, and why."""
    took = lasted(seconds_between(attempt["started_at"], attempt["ended_at"]))
    why = f": {one_line(attempt['error'])}" if attempt["error"] else ""
    return safe(f"{attempt['number']} {attempt['outcome'] or 'runs'} {took}".rstrip() + why)


@click.command(short_help="Print what a task printed; -f follows it.")
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=options.ids_of())
@click.option("-f", "--follow", is_flag=True, help="Go on until the task is over.")
@click.option("--attempt", type=click.IntRange(1), help="Of this attempt; the latest if none.")
@click.option("--raw", is_flag=True, help="Every byte, to a terminal as well.")
@options.lane
@talks
def output(
    server: Server,
    task_id: str | None,
    *,
    follow: bool,
    attempt: int | None,
    raw: bool,
    lane: str | None,
) -> None:
    """Print what a task printed; without an ID, what the running one did.

    A file or pipe gets every byte as it is; a terminal gets text and colours only.
    """
    from webapp.cli import follow as following
    from webapp.cli.staying import detached

    wanted = task_id or active(server, lane)
    found = following.Output(server, wanted, following.sink(raw=raw), attempt)
    if not follow:
        found.read()
        return
    with detached(wanted):
        found.follow()


@click.command(short_help="Wait for a task; end as it did.")
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=options.ids_of(OPEN))
@click.option("--wait-timeout", "until_s", type=Span(), help="Stay no longer (status 124).")
@options.lane
@options.as_json
@talks
def wait(
    server: Server, task_id: str | None, until_s: float | None, lane: str | None, as_json: bool
) -> None:
    """Wait for a task, or the running one, and end as it did."""
    from webapp.cli.follow import interruptible
    from webapp.cli.staying import stay

    wanted = task_id or active(server, lane)
    with interruptible():
        code = stay(server, wanted, until_s=until_s, as_json=as_json)
    raise SystemExit(int(code))


@click.command(short_help="Delete finished tasks.")
@click.argument(
    "task_ids", metavar="ID…", nargs=-1, required=True, shell_complete=options.ids_of(FINAL)
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@options.as_json
@talks
def delete(server: Server, task_ids: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete finished tasks with their attempts and output."""
    if not yes and sys.stdin.isatty():
        what = task_ids[0] if len(task_ids) == 1 else f"{len(task_ids)} tasks"
        click.confirm(f"Delete {what} with all output?", abort=True, err=True)
    for task_id in task_ids:
        answer = server.delete(task_path(task_id))
        if as_json:
            show_json(answer, line=True)
        else:
            notice(answer["message"])


def active(server: Server, lane: str | None) -> str:
    """The id of the lane's running or paused task; Ended if there is none."""
    found = server.get("/api/tasks/status", lane=lane)["active_task"]
    if found is None:
        where = f"in the lane {lane!r}" if lane else "now"
        raise Ended(Code.REFUSED, f"No task is running {where}; name one by its id.")
    return str(found["task_id"])
