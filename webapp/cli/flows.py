"""``lineup flows list|show|create|edit|clone|delete|run|hook``: tasks saved under a name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from webapp.cli import options, submit
from webapp.cli.ending import Code, Ended
from webapp.cli.options import notice, show_json, talks, text_of, utf8
from webapp.cli.terminal import local_time, on_terminal, one_line, safe
from webapp.domain import parameters

if TYPE_CHECKING:
    from webapp.cli.client import Server

MOST = 1000
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HEADS = ("id", "name", "lane", "hook", "description")
which = click.argument("flow", metavar="FLOW")
SHOWN = (
    *("flow_id", "name", "description", "agent", "task_description", "session_id", "lane"),
    *("priority", "timeout_s", "silence_timeout_s", "waiting_timeout_s"),
    *("max_retries", "retry_delay_s", "rerun_interrupted"),
)

FIELDS: list[Callable[[Any], Any]] = [
    click.option("--description", help="What it is good for."),
    click.option(
        "--param",
        "declared",
        multiple=True,
        metavar="NAME[:TYPE][!][=DEFAULT]",
        help="A parameter: text, or of this type, or one of A|B|…; with ! it must be given.",
    ),
    click.option("--parameters", metavar="JSON", help="All of them, as the API takes them."),
]


@click.group()
def flows() -> None:
    """Save tasks under a name, and run them.

    FLOW is a flow's name or its id.
    """


@flows.command("list")
@click.option("-q", "--text", "q", metavar="TEXT", help="Only those with this text in them.")
@click.option("--limit", type=click.IntRange(1, MOST), default=100, show_default=True)
@click.option("--cursor", help="Go on after a page: its next_cursor.")
@options.as_json
@talks
def list_flows(server: Server, as_json: bool, **query: Any) -> None:
    """List flows, newest first."""
    from webapp.cli import table

    page = server.get("/api/flows", **query)
    if as_json:
        show_json(page)
        return
    rows = []
    for flow in page["flows"]:
        hook = f"…{flow['hook_ending']}" if flow["has_hook"] else ""
        about = flow["description"] or flow["task_description"]
        rows.append((flow["flow_id"], safe(flow["name"]), flow["lane"], hook, one_line(about)))
    if rows:
        table.show(HEADS, rows)
    else:
        notice("There are no such flows." if query["q"] else "There are no flows yet.")
    if page["next_cursor"] and on_terminal():
        notice(f"There are more: --limit, or --cursor {page['next_cursor']}")


@flows.command()
@which
@options.as_json
@talks
def show(server: Server, flow: str, as_json: bool) -> None:
    """Show a flow: what it does, and what a run of it may be given."""
    from webapp.cli import table

    found = of_name(server, flow)
    if as_json:
        show_json(found)
        return
    settings = {n: v for n, v in found["agent_settings"].items() if v not in (None, {}, [])}
    table.facts(
        [
            *((name, _shown(found[name])) for name in SHOWN),
            *((name, _shown(value)) for name, value in settings.items()),
            ("parameters", "\n".join(map(_declaration, found["parameters"]))),
            ("web hook", f"…{found['hook_ending']}" if found["has_hook"] else ""),
            ("created", local_time(found["created_at"])),
            ("changed", local_time(found["updated_at"])),
        ]
    )


@flows.command(cls=submit.Words)
@click.argument("name")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[[--] COMMAND…]")
@click.option(
    "--from-task", "task_id", metavar="ID", help="Make it of this task, instead of a COMMAND."
)
@submit.all_of([*FIELDS, *submit.FIELDS])
@options.as_json
@talks
def create(
    server: Server, name: str, words: tuple[str, ...], task_id: str | None, **given: Any
) -> None:
    """Save a COMMAND, or what a task did, as the flow NAME, and print its id."""
    body = {"name": utf8(name, "The name"), **_body(server, words, given)}
    if task_id is not None:
        path = options.task_path(task_id, "make-flow")
    elif not words:
        raise click.UsageError("Say which command it is to run, or --from-task.")
    else:
        path, body["agent"] = "/api/flows", given["agent"] or "shell"
    _say(server.post(path, body), given)


@flows.command(cls=submit.Words)
@which
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[[--] COMMAND…]")
@click.option("--name", help="Call it otherwise.")
@submit.all_of([*FIELDS, *submit.FIELDS])
@options.as_json
@talks
def edit(server: Server, flow: str, words: tuple[str, ...], name: str | None, **given: Any) -> None:
    """Change what is said, and nothing else."""
    found = of_name(server, flow)
    body = {**({"name": name} if name is not None else {}), **_body(server, words, given)}
    if not body:
        raise click.UsageError("Say what is to be different.")
    _say(server.put(_path(found), {**body, "version": found["version"]}), given)


@flows.command()
@which
@click.argument("name", required=False)
@options.as_json
@talks
def clone(server: Server, flow: str, name: str | None, as_json: bool) -> None:
    """Copy a flow, without its schedule and web hook, and print the copy's id."""
    path = _path(of_name(server, flow), "clone")
    body = {"name": utf8(name, "The name")} if name is not None else {}
    _say(server.post(path, body), {"as_json": as_json})


@flows.command()
@which
@click.option("--cascade", is_flag=True, help="With its schedule, if it has one.")
@options.as_json
@talks
def delete(server: Server, flow: str, cascade: bool, as_json: bool) -> None:
    """Delete a flow; its tasks stay, and those that wait or run go on."""
    path = _path(of_name(server, flow))
    answer = server.delete(f"{path}?cascade=true" if cascade else path)
    if as_json:
        show_json(answer)
    else:
        notice(answer["message"])


@flows.command()
@which
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="What it is given.")
@click.option("--queue/--reject", "queue", default=True, help="If the lane is busy.")
@submit.all_of(submit.STAYING)
@talks
def run(server: Server, flow: str, params: tuple[str, ...], queue: bool, **given: Any) -> None:
    """Run a flow now, besides its schedule, and print the task's id.

    A VALUE of - is read from standard input. The status is the run's with --wait or -f.
    """
    found = of_name(server, flow)
    texts: dict[str, str] = {}
    for said in params:
        name, given_one, value = said.partition("=")
        if not given_one:
            raise Ended(Code.USAGE, f"--param {said}: say NAME=VALUE.")
        texts[utf8(name, "--param")] = text_of(value, f"--param {name}")
    values = parameters.read(found["parameters"], texts)
    body = {"params": values, "when_busy": "queue" if queue else "reject"}
    submit.hand_in(server, _path(found, "run"), body, given)


@flows.command()
@which
@click.option("--revoke", is_flag=True, help="Take it away.")
@options.as_json
@talks
def hook(server: Server, flow: str, revoke: bool, as_json: bool) -> None:
    """Give a flow a web hook, and print its address; one that it had ends."""
    path = _path(of_name(server, flow), "hook")
    answer = server.delete(path) if revoke else server.post(path)
    if as_json:
        show_json(answer)
        return
    if not revoke:
        click.echo(answer["url"])
    notice(answer["message"])


def of_name(server: Server, said: str) -> dict[str, Any]:
    """A flow by its id or its name."""
    said = utf8(said, "FLOW")
    if ID.fullmatch(said):
        flow: dict[str, Any] = server.get(f"/api/flows/{said}")
        return flow
    cursor = None
    while True:
        page = server.get("/api/flows", q=said[:200], limit=MOST, cursor=cursor)
        for one in page["flows"]:
            if one["name"] == said:
                found: dict[str, Any] = one
                return found
        if (cursor := page["next_cursor"]) is None:
            raise Ended(Code.REFUSED, f"There is no flow called {said!r}.")


def id_of(server: Server, said: str) -> str:
    """The id of a flow; one that is said is taken as it is: tasks outlive their flow."""
    return said if ID.fullmatch(said) else str(of_name(server, said)["flow_id"])


def _path(flow: dict[str, Any], verb: str = "") -> str:
    return f"/api/flows/{flow['flow_id']}/{verb}".rstrip("/")


def _body(server: Server, words: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    body = submit.fields(server, given)
    if given["agent"] is not None:
        body["agent"] = given["agent"]
    if given["description"] is not None:
        body["description"] = utf8(given["description"], "--description") or None
    if words:
        body["task_description"] = submit.description(words, given["agent"] or "shell")
    if given["parameters"] is not None and given["declared"]:
        raise click.UsageError("--param and --parameters do not go together.")
    if given["declared"]:
        body["parameters"] = [_declared(utf8(said, "--param")) for said in given["declared"]]
    elif given["parameters"] is not None:
        try:
            body["parameters"] = json.loads(given["parameters"])
        except (ValueError, RecursionError) as error:
            raise Ended(Code.USAGE, f"--parameters is not readable as JSON: {error}.") from None
    return body


def _declared(said: str) -> dict[str, Any]:
    head, has_default, default = said.partition("=")
    required = head.endswith("!")
    name, _, kind = head.removesuffix("!").partition(":")
    kind, _, choices = kind.partition("|")
    made: dict[str, Any] = {"name": name, "type": kind or "text"}
    if choices:
        made |= {"type": "choice", "choices": [kind, *choices.split("|")]}
    if required:
        made["required"] = True
    if has_default:
        made["default"] = parameters.read([made], {name: default}).get(name)
    return made


def _declaration(one: dict[str, Any]) -> str:
    kind = "|".join(one["choices"]) if one["type"] == "choice" else one["type"]
    default = f"={parameters.as_text(one['default'])}" if "default" in one else ""
    about = f"  {one['description']}" if one.get("description") else ""
    return safe(f"{one['name']}:{kind}{'!' if one.get('required') else ''}{default}{about}")


def _shown(value: Any) -> str:
    if value is None or value is False:
        return ""
    return safe(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _say(answer: dict[str, Any], given: dict[str, Any]) -> None:
    if given["as_json"]:
        show_json(answer)
    else:
        click.echo(answer["flow_id"])
