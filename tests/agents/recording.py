"""A console that remembers everything, a run in a thread, and patience without sleeping blindly."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from webapp.agents.protocol import Agent, Controls, Equipment, Instruction, Result

T = TypeVar("T")


def until(question: Callable[[], T], *, within_s: float = 60.0) -> T:
    """Ask again and again until the answer is true; fail once patience has ended."""
    give_up = time.monotonic() + within_s
    while not (answer := question()):
        assert time.monotonic() < give_up, f"not within {within_s} s: {question}"
        time.sleep(0.002)
    return answer


@dataclass(frozen=True)
class TaskWork:
    """The work of one attempt, made up for a test."""

    task_description: str
    workspace_dir: Path
    settings: Mapping[str, Any]
    task_id: str
    attempt: int = 1
    session_id: str = "session-1"
    upload_files: Sequence[Path] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    due_at: str | None = None
    equipment: Equipment | None = None


@dataclass
class RecordingConsole:
    """Remembers what a run said, in order; steers it as a lane does."""

    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    output: bytearray = field(default_factory=bytearray)
    progressed: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[tuple[str, str]] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    controls: Controls | None = None
    wish_before: Callable[[Controls], None] | None = None

    def say(self, message: str, *, status: str = "working", **params: Any) -> None:
        self.said.append((message, params))

    def write(self, data: bytes) -> None:
        self.output += data

    def progress(
        self,
        *,
        percent: float | None = None,
        step: int | None = None,
        steps: int | None = None,
        message: str | None = None,
    ) -> None:
        told = {"percent": percent, "step": step, "steps": steps, "message": message}
        self.progressed.append({name: value for name, value in told.items() if value is not None})

    def receipt(self, instruction_id: str, state: str, step: str | None = None) -> None:
        self.receipts.append((instruction_id, state))

    def paused(self) -> None:
        self.effects.append("paused")

    def resumed(self) -> None:
        self.effects.append("resumed")

    def steer(self, controls: Controls) -> None:
        self.controls = controls
        if self.wish_before:
            self.wish_before(controls)

    def checkpoint(self) -> None:
        raise NotImplementedError

    def instructions(self) -> list[Instruction]:
        raise NotImplementedError

    @property
    def text(self) -> str:
        return self.output.decode(errors="replace")

    def codes(self) -> list[str]:
        return [message for message, _ in self.said]

    def params(self, code: str) -> dict[str, Any]:
        return next(params for message, params in self.said if message == code)


class Run:
    """One run of an agent in a thread of its own, as the runtime does it."""

    def __init__(self, agent: Agent, work: TaskWork, console: RecordingConsole) -> None:
        self.work, self.console = work, console
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=[agent], daemon=True)
        self._thread.start()

    def _run(self, agent: Agent) -> None:
        try:
            self._result = agent.run(self.work, self.console)
        except Exception as error:  # noqa: BLE001 (handed on by result)
            self._error = error

    @property
    def controls(self) -> Controls:
        return until(lambda: self.console.controls)

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def printed(self, text: str) -> str:
        """Wait until the command has printed this; all that it has printed by then."""
        until(lambda: text in self.console.text or self.over)
        assert text in self.console.text, (self._error, self.console.text)
        return self.console.text

    def result(self, within_s: float = 20.0) -> Result:
        self._thread.join(within_s)
        assert self.over, "the run did not end"
        if self._error:
            raise self._error
        assert self._result is not None
        return self._result


def state_of(pid: int) -> str | None:
    """The state letter of a process; None when it is gone or a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0].decode()
    except OSError:
        return None
    return None if state in "ZX" else state


def gone(*pids: int) -> bool:
    return all(state_of(pid) is None for pid in pids)


def pids_in(text: str) -> list[int]:
    """The numbers of the lines ``pid N``."""
    lines = (line.split() for line in text.splitlines())
    return [int(words[1]) for words in lines if len(words) == 2 and words[0] == "pid"]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
