"""``lineup pause|resume|stop|instruct|end-input|freeze|thaw``: to steer what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from webapp.cli import options
from webapp.cli.ending import Code, Declined, Ended
from webapp.cli.options import Span, notice, show_json, talks, task_path, text_of
from webapp.cli.tasks import active
from webapp.domain.messages import sentence
from webapp.domain.task_state import OPEN

if TYPE_CHECKING:
    from webapp.cli.client import Server

EFFECTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "pause": lambda task: task["status"] != "running",
    "resume": lambda task: task["status"] != "paused",
    "stop": lambda task: task["status"] not in OPEN,
}


def _steers(function: Callable[..., Any]) -> Any:
    """The command pause, resume or stop: they take the same."""
    made: Any = function
    for add in (
        talks,
        options.as_json,
        options.lane,
        click.option("--wait-timeout", "until_s", type=Span(), help="Wait no longer."),
        click.option("--wait", is_flag=True, help="Return when it has really happened."),
        click.option("--reason", help="Why, for the record."),
        click.argument("task_ids", metavar="[ID…]", nargs=-1, shell_complete=options.ids_of(OPEN)),
        click.command(),
    ):
        made = add(made)
    return made


@_steers
def pause(server: Server, **given: Any) -> None:
    """Pause the running task, or those that are named."""
    _steer(server, "pause", **given)


@_steers
def resume(server: Server, **given: Any) -> None:
    """Let a paused task go on."""
    _steer(server, "resume", **given)


@_steers
def stop(server: Server, **given: Any) -> None:
    """Stop the running task, or those that are named."""
    _steer(server, "stop", **given)


def _steer(
    server: Server,
    operation: str,
    *,
    task_ids: tuple[str, ...],
    reason: str | None,
    wait: bool,
    until_s: float | None,
    lane: str | None,
    as_json: bool,
) -> None:
    body = {"reason": reason} if reason else {}
    refused: Declined | None = None
    for task_id in task_ids or (active(server, lane),):
        try:
            answer = server.post(task_path(task_id, operation), body)
        except Declined as refusal:
            if len(task_ids) < 2:
                raise
            refused = refused or refusal
            notice(f"{task_id}: {refusal.message}")
            continue
        if wait:
            _await(server, operation, task_id, until_s)
        if as_json:
            show_json(answer, line=len(task_ids) > 1)
        else:
            _say(operation, answer, task_id if len(task_ids) > 1 else "", done=wait)
    if refused is not None:
        raise SystemExit(refused.exit_code)


def _await(server: Server, operation: str, task_id: str, until_s: float | None) -> None:
    from webapp.cli.follow import LONGEST_LISTEN_S, Looks, show

    looks = Looks(LONGEST_LISTEN_S, until_s)
    try:
        while not EFFECTS[operation](task := show(server, task_id)):
            looks.rest()
        if operation == "pause" and task["status"] != "paused":
            raise Ended(Code.REFUSED, f"It is {task['status']}: {sentence('ended_unpaused', {})}")
    except Declined as refusal:
        if refusal.status != 404:  # deleted right after it stopped
            raise


def _say(operation: str, answer: dict[str, Any], task_id: str, *, done: bool) -> None:
    effects = {"pause": "is paused", "resume": "goes on", "stop": "is stopped"}
    said = f"The task {effects[operation]}." if done and answer["control"] else answer["message"]
    notice(f"{task_id}: {said}" if task_id else said)


@click.command(short_help="Give a running task a line of text.")
@click.argument("words", metavar="[ID] TEXT", nargs=-1, required=True)
@options.lane
@options.as_json
@talks
def instruct(server: Server, words: tuple[str, ...], lane: str | None, as_json: bool) -> None:
    """Give a running task a line of text; - reads the text from standard input."""
    if len(words) > 2:
        raise Ended(Code.USAGE, "Quote the text: lineup instruct [ID] 'several words'.")
    task_id = words[0] if len(words) == 2 else active(server, lane)
    body = {"instruction": text_of(words[-1], "The text")}
    answer = server.post(task_path(task_id, "instructions"), body)
    if as_json:
        show_json(answer)
    else:
        notice("The instruction is on its way to the task.")


@click.command("end-input")
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=options.ids_of(OPEN))
@options.lane
@options.as_json
@talks
def end_input(server: Server, task_id: str | None, lane: str | None, as_json: bool) -> None:
    """Close the standard input of a running task."""
    _done(server.post(task_path(task_id or active(server, lane), "end-input")), as_json)


@click.command(short_help="Let nothing new begin.")
@click.argument("reason")
@options.as_json
@talks
def freeze(server: Server, reason: str, as_json: bool) -> None:
    """Let nothing new begin, for a REASON; what runs goes on."""
    _done(server.post("/api/freeze", {"reason": reason}), as_json)


@click.command()
@options.as_json
@talks
def thaw(server: Server, as_json: bool) -> None:
    """End the freeze."""
    _done(server.delete("/api/freeze"), as_json)


def _done(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(answer)
    else:
        notice(answer["message"])
