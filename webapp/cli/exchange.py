"""``lineup import`` and ``lineup export``: flows with their schedules, from files and into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from webapp.cli import options
from webapp.cli.ending import Code, Declined, Ended
from webapp.cli.flows import of_name
from webapp.cli.options import notice, show_json, talks, text_of
from webapp.cli.schedule_fields import read_text
from webapp.cli.terminal import one_line

if TYPE_CHECKING:
    from webapp.cli.client import Server

HEADS = ("line", "flow", "lane", "rule", "zone", "what")


@click.command("import")
@click.argument("file", metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--format", type=click.Choice(["yaml", "crontab"]), help="Found out if not said.")
@click.option("--replace", is_flag=True, help="Flows whose names there are become these.")
@click.option("--rename", is_flag=True, help="Flows whose names there are get another.")
@click.option("--timezone", metavar="ZONE", help="Of rules that name none; else the server's.")
@click.option("--lane", metavar="NAME", help="The lane of all of them, made if there is none.")
@options.as_json
@talks
def bring_in(
    server: Server, file: str, dry_run: bool, replace: bool, rename: bool, **given: Any
) -> None:
    """Take in flows with their schedules, switched off: all of FILE, or nothing.

    FILE is one that `lineup export` wrote, or a crontab as `crontab -l` prints it; - is standard
    input. Jobs of a crontab have a lane each, as cron runs them side by side, unless --lane
    names one.
    """
    if replace and rename:
        raise click.UsageError("--replace and --rename contradict each other.")
    as_json = given.pop("as_json")
    body = {name: value for name, value in given.items() if value is not None}
    body["text"] = text_of("-", "FILE") + "\n" if file == "-" else read_text(file)
    body["existing"] = "replace" if replace else "rename" if rename else "refuse"
    try:
        answer = server.post("/api/import", {**body, "dry_run": dry_run})
    except Declined as refusal:
        if not as_json:  # the first is in the refusal itself
            _tell(refusal.body.get("problems", ())[1:])
        raise
    if as_json:
        show_json(answer)
    else:
        _show(answer)
    if answer["problems"]:
        raise Ended(Code.USAGE, answer["message"])


@click.command("export")
@click.argument("flows", metavar="[FLOW]…", nargs=-1)
@talks
def write_out(server: Server, flows: tuple[str, ...]) -> None:
    """Print flows with their schedules as a file that `lineup import` takes: all, or these.

    Secrets are not in it, only their names.
    """
    wanted = [of_name(server, flow)["flow_id"] for flow in flows]
    click.echo(server.text("/api/export", flow_id=wanted), nl=False)


def _show(answer: dict[str, Any]) -> None:
    from webapp.cli import table

    rows = [
        (
            str(flow["line"]),
            one_line(flow["name"]),
            flow["lane"],
            flow["cron_expression"] or "",
            flow["timezone"] or "",
            flow["action"],
        )
        for flow in answer["flows"]
    ]
    if rows:
        table.show(HEADS, rows)
    said = [
        {"line": flow["line"], "reason": note} for flow in answer["flows"] for note in flow["notes"]
    ]
    _tell(sorted([*answer["notes"], *said], key=lambda one: int(one["line"])))
    if answer["lanes"]:
        made = "would be made" if answer["dry_run"] else "are made"
        notice(f"Lanes that {made}: {', '.join(answer['lanes'])}.")
    _tell(answer["problems"])
    if not answer["problems"]:
        notice(answer["message"])


def _tell(said: Any) -> None:
    for one in said:
        blamed = f"{one['field']}: " if one.get("field") else ""
        notice(f"Line {one['line']}: {blamed}{one['reason']}")
