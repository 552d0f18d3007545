"""What many commands take: the server to talk to, JSON instead of words, spans of time."""

from __future__ import annotations

import functools
import json
import math
import re
import sys
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import click

from webapp.cli import target
from webapp.cli.ending import Code, Declined, Ended

Function = TypeVar("Function", bound=Callable[..., Any])

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")

as_json = click.option("--json", "as_json", is_flag=True, help="Print the API's own answer.")
lane = click.option("--lane", metavar="NAME", help="The lane that is meant; main if none is.")


def talks(function: Function) -> Function:
    """A command that talks to a server, which it is given as its first argument."""

    @click.option("--url", metavar="URL", help="The server; LINEUP_URL, else this machine's.")
    @click.option(
        "--token-file", metavar="FILE", help="A file that holds the token; else LINEUP_TOKEN."
    )
    @click.option("--plain-http", is_flag=True, help="Send the token without https.")
    @functools.wraps(function)
    def run(*args: Any, url: str, token_file: str, plain_http: bool, **given: Any) -> Any:
        found = target.find(url, token_file, plain_http)
        from webapp.cli.client import Server

        with Server(found) as server:
            try:
                return function(server, *args, **given)
            except Declined as refusal:
                if given.get("as_json"):
                    show_json(refusal.body)
                raise

    return run  # type: ignore[return-value]


def show_json(answer: Any, *, line: bool = False) -> None:
    """Print JSON: readable for a person, one line for a program."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    indent = 2 if sys.stdout.isatty() and not line else None
    click.echo(json.dumps(answer, ensure_ascii=not utf8, indent=indent))


def notice(text: str) -> None:
    """Say something that is not the command's result."""
    from webapp.cli.terminal import safe

    click.echo(safe(text), err=True)


class Span(click.ParamType[float]):
    """A span of time: seconds, or with a unit as in 90s, 5m, 2h, 1d."""

    name = "span"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """How the help shows it."""
        return "TIME"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The span in seconds."""
        if isinstance(value, int | float):
            return float(value)
        found = SPAN.fullmatch(str(value).strip())
        seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
        if not 0 < seconds < math.inf:
            self.fail(f"{value!r} is no span of time such as 90, 90s, 5m or 2h.", param, ctx)
        return seconds


def task_path(task_id: str, rest: str = "") -> str:
    """The address of a task; Ended for what can be no id, for it would be another address."""
    if not TASK_ID.fullmatch(task_id):
        raise Ended(Code.REFUSED, f"There is no task {task_id!r}: that is no id.")
    return f"/api/tasks/{task_id}/{rest}".rstrip("/")


def text_of(value: str, what: str) -> str:
    """A text from the command line; ``-`` is what standard input holds."""
    if value == "-":
        try:
            value = sys.stdin.buffer.read().decode("utf-8").rstrip("\n")
        except UnicodeDecodeError:
            raise Ended(Code.USAGE, f"{what}: standard input is not UTF-8.") from None
    return utf8(value, what)


def utf8(value: str, what: str) -> str:
    """A word of the command line that JSON can carry."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Ended(Code.USAGE, f"{what} is not UTF-8.") from None
    return value


def ids_of(statuses: Collection[str] = ()) -> Callable[..., list[Any]]:
    """Completes the ids of tasks that stand so; where that is not quick, of none."""

    def complete(context: click.Context, _param: click.Parameter, typed: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        from webapp.cli.terminal import fit, one_line

        return [
            CompletionItem(row["task_id"], help=fit(one_line(row["task_description"]), 60))
            for row in _newest(context)
            if row["task_id"].startswith(typed) and (not statuses or row["status"] in statuses)
        ]

    return complete


def _newest(context: click.Context) -> list[dict[str, Any]]:
    from webapp.cli.client import Server

    given = context.params
    try:
        found = target.find(
            given.get("url"), given.get("token_file"), bool(given.get("plain_http")), mint=False
        )
        if not found.token:
            return []
        with Server(found, timeout_s=1.0) as server:
            tasks: list[dict[str, Any]] = server.get("/api/tasks", limit=50, patience_s=0)["tasks"]
            return tasks
    except (click.ClickException, SystemExit):
        return []
