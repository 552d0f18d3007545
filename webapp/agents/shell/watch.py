"""The loop over one command's pipes and clocks: never blocks, and ends once nothing is left."""

from __future__ import annotations

import math
import selectors
import time
from contextlib import closing
from io import FileIO

from webapp.agents.process_table import Seen
from webapp.agents.protocol import Console
from webapp.agents.shell.controls import ShellControls
from webapp.agents.shell.departure import LOOK_S, Departure, Status
from webapp.agents.shell.last_lines import LastLines
from webapp.agents.shell.launch import Launched
from webapp.agents.shell.outcome import Ending
from webapp.agents.shell.reporting import Reporting
from webapp.agents.shell.standard_input import StandardInput

CHUNK = 64 * 1024
DRAIN_LIMIT = 16 * 1024 * 1024
"""Of what a stranger that got hold of the pipe may still write after everything has ended."""
PAUSE_PATIENCE_S = 1.0
PIDS_NAMED = 10
CALL_S = 1.0
"""How long a command that stops its supervisor can hold up its own end."""


class Watch:
    """Reads what a command prints, feeds it, steers it, and sees it out."""

    def __init__(
        self, launched: Launched, controls: ShellControls, console: Console, grace_s: float
    ) -> None:
        self._launched, self._controls, self._console = launched, controls, console
        self._status = Status(launched.status)
        self._departure = Departure(self._status, controls, grace_s)
        self._input = StandardInput(launched.input, launched.input_counter, console.receipt)
        self._reporting = Reporting(console)
        self._attached = False
        self._next_call = 0.0
        self._pause_by: float | None = None
        """When a pause that does not reach everything is talked about."""
        self.printed = LastLines()

    @property
    def ending(self) -> Ending | None:
        """How the command ended; None when nobody could see it."""
        return self._status.ending

    @property
    def reported(self) -> str | None:
        """The result that the command reported in marked lines."""
        return self._reporting.result

    def until_nothing_is_left(self) -> None:
        with selectors.DefaultSelector() as self._selector, closing(self._input):
            for source in (self._launched.output, self._launched.status, self._controls.bell):
                self._selector.register(source, selectors.EVENT_READ)
            while not self._departure.over:
                self._turn()
            self._drain()
            self._reporting.finish()
        for late in self._controls.close():
            self._console.receipt(late.instruction_id, "never_read")
        self._tell_ended()

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._wait_s()):
            if key.fileobj is self._launched.output:
                self._read_output()
            elif key.fileobj is self._launched.status:
                self._read_status()
        now = time.monotonic()
        for instruction in self._controls.listen():
            self._input.add(instruction)
        self._input.attend()
        self._reporting.tell_progress(now)
        self._settle_pause(now)
        self._departure.advance(now)
        if now >= self._next_call:
            self._next_call = now + CALL_S
            self._launched.keep_awake()

    def _wait_s(self) -> float:
        now = time.monotonic()
        due = min(self._reporting.progress_due, self._next_call)
        wait = min(self._departure.wait_s(now), due - now)
        if self._input.busy or self._controls.unsettled:
            wait = min(wait, LOOK_S)
        return max(0.0, wait)

    def _read_output(self) -> bool:
        """Pass on what is there; false when there is nothing, or nothing more."""
        data = self._launched.output.read(CHUNK)
        if not data:
            if data is not None:
                self._selector.unregister(self._launched.output)
            return False
        now = time.monotonic()
        self._console.write(data)
        self.printed.feed(data)
        self._reporting.feed(data, now)
        self._departure.printed(now)
        return True

    def _read_status(self) -> None:
        self._status.read()
        if not self._attached and (self._status.started or self._status.closed):
            self._attached = True
            self._controls.attach(self._launched.scope)
        if self._status.lost:
            self._controls.adopt()
        if self._status.closed:
            self._selector.unregister(self._launched.status)

    def _drain(self) -> None:
        left = DRAIN_LIMIT
        while left > 0 and self._watches(self._launched.output) and self._read_output():
            left -= CHUNK

    def _watches(self, pipe: FileIO) -> bool:
        return pipe in self._selector.get_map()

    def _settle_pause(self, now: float) -> None:
        """Tell a pause that took effect, or, after a while, what does not let itself be paused."""
        running = self._controls.settle()
        if not running:
            self._pause_by = None
        elif self._pause_by is None:
            self._pause_by = now + PAUSE_PATIENCE_S
        elif now >= self._pause_by:
            self._pause_by = math.inf  # once per pause
            self._console.say("shell_not_paused", count=len(running), pids=_pids(running))

    def _tell_ended(self) -> None:
        scope = self._launched.scope
        scope.reap()
        if scope.ended:
            self._console.say(
                "shell_left_behind" if self._departure.left_behind else "shell_stopped",
                count=len(scope.ended),
                forced=len(scope.forced),
            )
        if not self._status.all_gone and (rest := scope.find()):
            self._console.say("shell_not_ended", count=len(rest), pids=_pids(rest))


def _pids(processes: list[Seen]) -> str:
    named = ", ".join(str(seen.process.pid) for seen in processes[:PIDS_NAMED])
    return named + (", …" if len(processes) > PIDS_NAMED else "")
