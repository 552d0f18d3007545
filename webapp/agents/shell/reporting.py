"""Passes on what marked lines report, so that a flood of them floods nothing else."""

from __future__ import annotations

import math

from webapp.agents.protocol import Console
from webapp.agents.shell.marked_lines import (
    LineFinder,
    Malformed,
    Mark,
    Progress,
    ResultLine,
    Step,
    parse,
)

STEPS_LIMIT = 1000
RESULT_LIMIT = 64 * 1024
TEXT_LIMIT = 500
PROGRESS_INTERVAL_S = 0.2


class Reporting:
    """Reads one command's output for marked lines and tells the console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._finder = LineFinder()
        self._progress: Progress | None = None
        self._next_progress = 0.0
        self._steps = 0
        self._complained = False
        self._result: bytearray | None = None
        self._result_cut = False

    @property
    def result(self) -> str | None:
        """The reported result, its lines joined; None when none was reported."""
        return None if self._result is None else self._result.decode(errors="ignore")

    def feed(self, data: bytes, now: float) -> None:
        for line in self._finder.feed(data):
            self._take(parse(line))
        self.tell_progress(now)

    def finish(self) -> None:
        for line in self._finder.finish():
            self._take(parse(line))
        self.tell_progress(self._next_progress)

    def tell_progress(self, now: float) -> None:
        """Tell the newest progress, unless one was told a moment ago."""
        newest = self._progress
        if newest is None or now < self._next_progress:
            return
        self._progress = None
        self._next_progress = now + PROGRESS_INTERVAL_S
        self._console.progress(
            percent=newest.percent, step=newest.step, steps=newest.steps, message=newest.message
        )

    @property
    def progress_due(self) -> float:
        """When ``tell_progress`` has something to tell; infinity for never."""
        return math.inf if self._progress is None else self._next_progress

    def _take(self, mark: Mark) -> None:
        match mark:
            case Progress(percent, step, steps, message):
                self._progress = Progress(percent, step, steps, message and message[:TEXT_LIMIT])
            case Step(text):
                self._take_step(text)
            case ResultLine(text):
                self._take_result(text)
            case Malformed(line, reason) if not self._complained:
                self._complained = True  # one is enough to find the mistake
                self._console.say(reason, line=line[:TEXT_LIMIT])

    def _take_step(self, text: str) -> None:
        self._steps += 1
        if self._steps <= STEPS_LIMIT:
            self._console.say("shell_step", text=text[:TEXT_LIMIT])
        elif self._steps == STEPS_LIMIT + 1:
            self._console.say("shell_steps_enough", limit=STEPS_LIMIT)

    def _take_result(self, text: str) -> None:
        if self._result is None:
            self._result = bytearray()
        elif not self._result_cut:
            self._result += b"\n"
        if self._result_cut:
            return
        self._result += text.encode()
        if len(self._result) > RESULT_LIMIT:
            del self._result[RESULT_LIMIT:]
            self._result_cut = True
            self._console.say("shell_result_cut", limit=RESULT_LIMIT)
