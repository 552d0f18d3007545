"""Staying with a task until it ends: its output as it comes, and what it ends with."""

from __future__ import annotations

import base64
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from webapp import clock
from webapp.cli.client import Server
from webapp.cli.ending import OF_STATUS, Code, Ended, Interrupted
from webapp.cli.options import notice, task_path
from webapp.cli.terminal import Colours, lasted, seconds_between

PATIENCE_S = 60.0
PIECE = 1024 * 1024
SHORTEST_LOOK_S, LONGEST_LOOK_S = 0.05, 1.0
LONGEST_LISTEN_S = 0.25

ENDS = {"completed": "completed", "failed": "failed", "stopped": "was stopped"}
Sink = Callable[[bytes, bool], None]


@contextmanager
def interruptible() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM raise Interrupted."""

    def interrupt(number: int, _frame: object) -> None:
        raise Interrupted(number)

    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and `&` have it
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Looks:
    """Rests between two looks: short ones while something happens, then longer ones."""

    def __init__(self, longest_s: float, until_s: float | None = None) -> None:
        self._rest_s, self._longest_s = SHORTEST_LOOK_S, longest_s
        self._end = None if until_s is None else clock.monotonic() + until_s

    def soon(self) -> None:
        """Something happened."""
        self._rest_s = SHORTEST_LOOK_S

    def rest(self) -> None:
        """Wait for the next look; Ended when there is no time for another."""
        left = self._longest_s if self._end is None else self._end - clock.monotonic()
        if left <= 0:
            raise Ended(Code.TOO_LONG, "The time to wait is over; the task goes on.")
        time.sleep(min(self._rest_s, left))
        self._rest_s = min(self._longest_s, self._rest_s * 1.5)


def to_end(server: Server, task_id: str, *, until_s: float | None = None) -> dict[str, Any]:
    """Wait until a task is over; returns it."""
    looks = Looks(LONGEST_LOOK_S, until_s)
    while True:
        task = show(server, task_id)
        if task["status"] in OF_STATUS:
            return task
        looks.rest()


def show(server: Server, task_id: str) -> dict[str, Any]:
    """A task as it is now."""
    found: dict[str, Any] = server.get(task_path(task_id), patience_s=PATIENCE_S)
    return found


class Output:
    """A task's output from its beginning on; it can be interrupted and gone on with."""

    def __init__(self, server: Server, task_id: str, sink: Sink, attempt: int | None) -> None:
        self._server, self._task_id, self._sink = server, task_id, sink
        self._only = attempt
        self._attempt = attempt
        self._offset = 0

    def read(self) -> None:
        """What there is at this moment, but for half a character at its end."""
        piece = self._piece()
        end = piece["size"]
        while self._take(piece) < end and piece["data"]:
            piece = self._piece()
        self._sink(b"", True)

    def follow(self, until_s: float | None = None) -> None:
        """All of it as it comes, attempt after attempt, until nothing more can come."""
        looks = Looks(LONGEST_LISTEN_S, until_s)
        while True:
            piece = self._piece()
            before = self._offset
            if self._take(piece) > before:
                looks.soon()
            if piece["final"] and not self._next_attempt():
                self._sink(b"", True)
                return
            if not piece["data"]:
                looks.rest()

    def _piece(self) -> dict[str, Any]:
        piece: dict[str, Any] = self._server.get(
            task_path(self._task_id, "output"),
            patience_s=PATIENCE_S,
            offset=self._offset,
            limit=PIECE,
            attempt=self._attempt,
        )
        if self._attempt is None and piece["attempt"]:
            self._attempt = int(piece["attempt"])
        return piece

    def _take(self, piece: dict[str, Any]) -> int:
        if gap := piece["gap"]:
            notice(f"[{gap['to'] - gap['from']} bytes of output were dropped here]")
        data = piece["data"]
        if data:
            decoded = base64.b64decode(data) if piece["encoding"] == "base64" else data.encode()
            self._sink(decoded, False)
        self._offset = int(piece["next_offset"])
        return self._offset

    def _next_attempt(self) -> bool:
        """Whether another attempt comes or came; it is read from now on."""
        if self._only is not None:
            return False
        task = show(self._server, self._task_id)
        if self._attempt is not None and task["attempt"] > self._attempt:
            self._attempt += 1
            self._offset = 0
            notice(f"[attempt {self._attempt} of the task]")
            return True
        return task["status"] not in OF_STATUS


def sink(*, raw: bool) -> Sink:
    """Writes bytes as they are to a file or pipe; to a terminal, text and colours alone."""
    if raw or not sys.stdout.isatty():
        return _write
    colours, in_line = Colours(), False

    def passed(data: bytes, last: bool) -> None:
        nonlocal in_line
        shown = colours.pass_on(data, last=last)
        in_line = not data.endswith(b"\n") if data else in_line
        click.echo(shown, nl=last and in_line)  # what is said next begins a line

    return passed


def _write(data: bytes, _last: bool) -> None:
    stream, left = sys.stdout.buffer, memoryview(data)
    while left:  # an unbuffered stream takes a part
        left = left[stream.write(left) :]
    stream.flush()


def outcome(task: dict[str, Any]) -> Code:
    """Say how a task ended; returns the status to exit with."""
    status = task["status"]
    took = seconds_between(task["started_at"], task["completed_at"])
    said = f"The task {ENDS[status]}" + (f" after {lasted(took)}" if took is not None else "")
    reason = {"failed": task["error_message"], "stopped": task["stop_reason"]}.get(status)
    notice(f"{said}: {reason}" if reason else f"{said}.")
    return OF_STATUS[status]
