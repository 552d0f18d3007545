"""What waiting commands do with Ctrl-C: leave the task alone and say how to stop it, or stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from webapp.cli import follow as following
from webapp.cli.client import Server
from webapp.cli.ending import Code, Declined, Interrupted
from webapp.cli.follow import Output, interruptible, outcome, sink
from webapp.cli.options import notice, show_json, task_path


def stay(
    server: Server,
    task_id: str,
    *,
    announce: Callable[[], None] | None = None,
    follow: bool = False,
    until_s: float | None = None,
    stop_on_interrupt: bool = False,
    as_json: bool = False,
) -> Code:
    """Stay with a task to its end; returns the status to exit with. To be made interruptible."""
    waiting = Waiting(server, task_id, follow=follow, until_s=until_s, as_json=as_json)
    try:
        if announce is not None:
            announce()
        return waiting.to_end()
    except Interrupted as first:
        if not stop_on_interrupt:
            return _leave(task_id, first)
    try:
        _stop(server, task_id)
        return waiting.to_end()
    except Interrupted as second:
        return _leave(task_id, second, stopping=True)


@contextmanager
def detached(task_id: str) -> Iterator[None]:
    """Have Ctrl-C leave the task alone and end the command."""
    with interruptible():
        try:
            yield
        except Interrupted as interrupted:
            raise SystemExit(int(_leave(task_id, interrupted))) from None


class Waiting:
    """A wait that can be interrupted and gone on with."""

    def __init__(
        self, server: Server, task_id: str, *, follow: bool, until_s: float | None, as_json: bool
    ) -> None:
        self._server, self._task_id = server, task_id
        self._until_s, self._as_json = until_s, as_json
        self._output = _output(server, task_id) if follow else None

    def to_end(self) -> Code:
        """Wait, say how it ended, and return the status to exit with."""
        if self._output is not None:
            self._output.follow(self._until_s)
        task = following.to_end(self._server, self._task_id, until_s=self._until_s)
        if self._as_json:
            show_json(task)
        return outcome(task)


def _output(server: Server, task_id: str) -> Output:
    return Output(server, task_id, sink(raw=False), None)


def _stop(server: Server, task_id: str) -> None:
    notice("Stopping the task. Ctrl-C again leaves it to end by itself.")
    try:
        server.post(task_path(task_id, "stop"), {"reason": "Interrupted at the command line."})
    except Declined as refusal:  # it has just ended
        if refusal.error != "already_final":
            raise


def _leave(task_id: str, interrupted: Interrupted, *, stopping: bool = False) -> Code:
    if stopping:
        notice(f"It was asked to stop. `lineup show {task_id}` tells what became of it.")
    else:
        notice(
            f"The task goes on. `lineup output -f {task_id}` follows it again, "
            f"`lineup stop {task_id}` stops it."
        )
    return interrupted.code
