"""``lineup submit`` and ``rerun``: hand a task in, and stay with it if that is wanted."""

from __future__ import annotations

import functools
import secrets
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from webapp import sources
from webapp.cli import options, own_settings
from webapp.cli.ending import Code, Declined, Ended, Interrupted
from webapp.cli.files import sent_along
from webapp.cli.options import Function, Span, notice, show_json, talks, task_path, text_of, utf8
from webapp.domain.policies import IDEMPOTENCY_KEY

if TYPE_CHECKING:
    from webapp.cli.client import Server

FIELDS: list[Callable[[Any], Any]] = [
    click.option("--agent", help="Who does it; shell if nobody is named, and no profile."),
    click.option("--profile", "llm_profile_name", metavar="NAME", help="For llm: who is asked."),
    click.option("--session", "session_id", metavar="ID", help="Tasks of one share a workspace."),
    click.option("--lane", metavar="NAME", help="The queue it waits in; main if none is."),
    click.option("--priority", type=int, help="Larger goes first; 0 is usual."),
    click.option("--timeout", "timeout_s", type=Span(), help="Longest run of an attempt."),
    click.option("--silence-timeout", "silence_timeout_s", type=Span(), help="… without output."),
    click.option("--waiting-timeout", "waiting_timeout_s", type=Span(), help="… in line."),
    click.option("--retries", "max_retries", type=int, help="How often a failure is tried again."),
    click.option("--retry-delay", "retry_delay_s", type=Span(), help="… after so long at first."),
    click.option(
        "--rerun-interrupted/--no-rerun-interrupted",
        default=None,
        help="Whether it is run again if its server dies meanwhile.",
    ),
    click.option(
        "--env",
        "env",
        multiple=True,
        metavar="NAME[=VALUE]",
        help="A variable for the command; without a value, yours (and not seen in `ps`).",
    ),
    click.option("--cwd", "working_dir", metavar="DIR", help="Where it runs; else its workspace."),
    click.option("--shell", metavar="PATH", help="What reads the command; /bin/sh if not said."),
    click.option("--stdin", type=click.Choice(["open", "none"]), help="Whether it can be told."),
    *own_settings.OPTIONS,
]
BUSY: list[Callable[[Any], Any]] = [
    click.option(
        "--queue/--reject",
        "queue",
        default=None,
        help="If the lane is busy: wait in line, or be refused (as if none was said).",
    )
]
STAYING: list[Callable[[Any], Any]] = [
    click.option("--wait", is_flag=True, help="Stay until it ends, and end as it did."),
    click.option("-f", "--follow", is_flag=True, help="The same, and print its output."),
    click.option("--wait-timeout", "until_s", type=Span(), help="Stay no longer (status 124)."),
    click.option("--stop-on-interrupt", is_flag=True, help="Ctrl-C stops the task as well."),
    click.option("--idempotency-key", metavar="KEY", help="Sent twice, it is run once."),
    options.as_json,
]


class Words(click.Command):
    """Takes a command of several words only after ``--``, where no word is an option of ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options, and see to it that the rest is not misread."""
        separated = "--" in args
        rest = super().parse_args(ctx, args)
        words = ctx.params.get("words") or ()
        if len(words) > 1 and not separated:
            example = f"{ctx.info_name} [OPTIONS] -- {shlex.join(words)}"
            raise click.UsageError(f"Put -- before a command of several words: {example}", ctx)
        return rest


def all_of(given: list[Callable[[Any], Any]]) -> Callable[[Function], Function]:
    """All these options for a command."""

    def add(function: Function) -> Function:
        return functools.reduce(lambda made, option: option(made), reversed(given), function)

    return add


@click.command(cls=Words)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND…")
@click.option("--file", "paths", multiple=True, metavar="FILE", help="A file it is to have.")
@all_of([*FIELDS, *BUSY])
@all_of(STAYING)
@talks
def submit(server: Server, words: tuple[str, ...], paths: tuple[str, ...], **given: Any) -> None:
    """Hand in a task, and print its id.

    Several words after -- are run exactly so: lineup submit -- grep 'a b' file. A single one is
    read by the shell: lineup submit 'make && make test'. A lone - reads it from standard input.
    """
    agent = given["agent"] or ("llm" if given["llm_profile_name"] else "shell")
    body = {"agent": agent, **fields(server, given)}
    body["task_description"] = description(words, body["agent"])
    if paths and given["idempotency_key"]:
        raise Ended(Code.USAGE, "--idempotency-key goes without --file: each sending is another.")
    hand_in(server, "/api/tasks/submit", body, given, paths)


@click.command(cls=Words, short_help="Run a task again as a new one.")
@click.argument("task_id", metavar="ID", shell_complete=options.ids_of())
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[[--] COMMAND…]")
@all_of([*FIELDS, *BUSY])
@all_of(STAYING)
@talks
def rerun(server: Server, task_id: str, words: tuple[str, ...], **given: Any) -> None:
    """Run a task again as a new one, changed where something is said, and print its id."""
    body = {"agent": given["agent"], **fields(server, given)}
    if words:
        body["task_description"] = description(words, body["agent"] or "shell")
    hand_in(server, task_path(task_id, "rerun"), body, given)


def fields(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a submission that were said."""
    names = (
        *("session_id", "lane", "priority", "max_retries", "rerun_interrupted"),
        *("shell", "stdin", "llm_profile_name"),
    )
    spans = ("timeout_s", "silence_timeout_s", "waiting_timeout_s", "retry_delay_s")
    body = {name: given[name] for name in (*names, *spans) if given[name] is not None}
    if given.get("queue") is not None:
        body["when_busy"] = "queue" if given["queue"] else "reject"
    if given["env"]:
        body["env"] = dict(_variable(said) for said in given["env"])
    for name, value in own_settings.said(given["settings"], given["secrets"]).items():
        if name in body:
            raise Ended(Code.USAGE, f"--setting: {name} is said twice.")
        body[name] = value
    if given["working_dir"] is not None:
        body["working_dir"] = _directory(server, given["working_dir"])
    return body


def description(words: tuple[str, ...], agent: str) -> str:
    """What several words of the command line say."""
    if len(words) == 1:
        return text_of(words[0], "The command")
    return utf8(shlex.join(words) if agent == "shell" else " ".join(words), "The command")


def _variable(said: str) -> tuple[str, str]:
    name, given, value = said.partition("=")
    found = value if given else sources.variable(name)
    if found is None:
        raise Ended(Code.USAGE, f"--env {name}: there is no such variable here to take it from.")
    return utf8(name, "--env"), utf8(found, f"--env {name}")


def _directory(server: Server, said: str) -> str:
    from webapp.cli.target import is_loopback

    path = Path(utf8(said, "--cwd"))
    if not path.is_absolute() and not is_loopback(str(urlsplit(server.target.url).hostname)):
        raise Ended(Code.USAGE, "--cwd: name the directory from / on; it is another machine's.")
    return str(path.absolute())


def hand_in(
    server: Server,
    path: str,
    body: dict[str, Any],
    given: dict[str, Any],
    paths: tuple[str, ...] = (),
) -> None:
    """Send what makes a task, say which it is, and stay with it if that is wanted."""
    stays = given["wait"] or given["follow"]
    if given["follow"] and given["as_json"]:
        raise Ended(Code.USAGE, "--follow prints the output: it goes without --json.")
    if not stays and (given["until_s"] is not None or given["stop_on_interrupt"]):
        raise Ended(Code.USAGE, "--wait-timeout and --stop-on-interrupt go with --wait or -f.")
    key = given["idempotency_key"] or secrets.token_hex(16)
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Ended(Code.USAGE, "--idempotency-key: must be 1 to 255 visible ASCII characters")
    sent = {name: value for name, value in body.items() if value is not None}
    if not stays:
        with sent_along(server, paths, sent) as whole:
            _announce(_submitted(server, path, whole, key), given)
        return
    from webapp.cli.follow import interruptible
    from webapp.cli.staying import stay

    with interruptible():
        with sent_along(server, paths, sent) as whole:
            answer = _submitted(server, path, whole, key)
        code = stay(
            server,
            answer["task_id"],
            announce=lambda: _announce(answer, given),
            follow=given["follow"],
            until_s=given["until_s"],
            stop_on_interrupt=given["stop_on_interrupt"],
            as_json=given["as_json"],
        )
    raise SystemExit(int(code))


def _announce(answer: dict[str, Any], given: dict[str, Any]) -> None:
    """Say which task it is: on standard output, unless something else comes there."""
    if given["follow"]:
        notice(f"{answer['task_id']}: {answer['message']}")
    elif not given["as_json"]:
        click.echo(answer["task_id"])
    elif not given["wait"]:
        show_json(answer)


def _submitted(server: Server, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = server.submit(path, body, key)
    except Declined as refusal:
        if refusal.error != "task_running":
            raise
        raise Declined(refusal.status, refusal.body, said=_busy(refusal.body)) from None
    except (KeyboardInterrupt, Interrupted):
        notice(
            "Whether the task was taken is not known: the same command with "
            f"--idempotency-key {key} runs it once, whichever it is."
        )
        raise
    return answer


def _busy(body: dict[str, Any]) -> str:
    active = body.get("active_task") or {}
    standing = f"{active.get('task_id')} is {active.get('status')}" if active else "it is taken"
    return f"The lane is busy: {standing}. With --queue the task waits in line."
