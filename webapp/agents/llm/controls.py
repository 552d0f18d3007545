"""The controls of a conversation: a stop also ends its servers, an instruction joins the talk."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

from webapp.agents.process_table import TABLE, Process
from webapp.agents.processes import Scope
from webapp.agents.protocol import Console, Instruction
from webapp.agents.steering import LoopControls

if TYPE_CHECKING:
    from pydantic_ai.run import AgentRun


REAP_S = 1.0


class LlmControls(LoopControls):
    """A pause holds the run before its next step."""

    def __init__(self, console: Console, mark: str) -> None:
        super().__init__(console)
        self._mark = mark
        self._seen: set[Process] = set()
        self._run: AgentRun[Any, Any] | None = None
        self._closed = False
        self._waiting: list[Instruction] = []
        self._queued: dict[str, str] = {}
        """Instructions in the hands of the run, by the number it gave them."""

    def stop(self, grace_s: float) -> None:
        self.remember()
        super().stop(grace_s)
        Scope(self._mark).terminate()

    def kill(self) -> None:
        super().kill()
        Scope(self._mark).kill()

    def instruct(self, instruction: Instruction) -> None:
        with self._lock:
            self._waiting.append(instruction)
            if not self._closed:
                self._pass_on()
                return
            late = self._take_waiting()
        self._never_read(late)

    def join(self, run: AgentRun[Any, Any]) -> None:
        """The conversation has begun: what people said before is the first to be passed on."""
        with self._lock:
            self._run = run
            self._pass_on()

    def heard(self, step: str) -> None:
        """Tell which instructions reached the model in the request of this step."""
        with self._lock:
            run = self._run
            pending = {one.enqueue_id for one in run.pending_messages} if run is not None else set()
            heard = [number for number in self._queued if number not in pending]
            consumed = [self._queued.pop(number) for number in heard]
        for instruction_id in consumed:
            self._console.receipt(instruction_id, "consumed", step)

    def remember(self) -> None:
        """Note what runs while its servers do: what they leave behind is no child of theirs."""
        self._seen.update(seen.process for seen in Scope(self._mark).find())

    def close(self, grace_s: float) -> None:
        """Nothing reaches the model any more; what it left behind is ended."""
        with self._lock:
            self._closed, self._run = True, None
            late = self._take_waiting()
            unread = list(self._queued.values())
            self._queued.clear()
        self._never_read(late)
        for instruction_id in unread:
            self._console.receipt(instruction_id, "never_read")
        scope = Scope(self._mark)
        if scope.find():
            scope.end(grace_s)
        for process in self._seen | scope.ended:
            TABLE.send(process, SIGKILL)
            _reap(process.pid)

    def _pass_on(self) -> None:
        if self._run is None:
            return
        for instruction in self._take_waiting():
            number = self._run.enqueue(instruction.text)
            self._console.receipt(instruction.instruction_id, "delivered")
            if number is not None:
                self._queued[number] = instruction.instruction_id

    def _take_waiting(self) -> list[Instruction]:
        taken, self._waiting = self._waiting, []
        return taken

    def _never_read(self, late: list[Instruction]) -> None:
        for instruction in late:
            self._console.receipt(instruction.instruction_id, "never_read")


def _reap(pid: int) -> None:
    """Collect what has come down to us and was killed, or it stays on as a zombie."""
    give_up = time.monotonic() + REAP_S
    with suppress(ChildProcessError):  # it is another's to collect, or was collected
        while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < give_up:
            time.sleep(0.005)
