"""The console a run gives its agent: collects what it says until the lane writes it down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog

from webapp.agents.protocol import Controls, Fate, Instruction, Stopped
from webapp.db import AWAY
from webapp.domain.errors import LostAttempt
from webapp.domain.messages import MESSAGES, sentence
from webapp.domain.receipts import Receipt
from webapp.output import OutputWriter
from webapp.runtime.context import Context
from webapp.services import records
from webapp.services.activity import SYSTEM, Entry
from webapp.services.claims import Assignment
from webapp.services.news import News

log = structlog.get_logger(__name__)

MAX_ENTRIES = 10_000
"""Activities one attempt may record; a flood of them would bury the session."""


class RunConsole:
    """One attempt's console. Output goes to its file at once; the rest waits to be taken."""

    def __init__(self, context: Context, assignment: Assignment, nudge: Callable[[], None]) -> None:
        self._context = context
        self._assignment = assignment
        self._nudge = nudge
        self._lock = threading.Lock()
        self._writer: OutputWriter | None = None
        self._entries: list[Entry] = []
        self._said = 0
        self._progress: dict[str, Any] | None = None
        self._receipts: dict[str, tuple[Receipt, str | None]] = {}
        self._trouble: str | None = None
        self._telling, self._states = threading.Lock(), threading.Lock()
        self._unwritten: Callable[..., None] | None = None
        """The latest pause or resumption, while the database does not take it."""
        self.controls: Controls | None = None
        self.patient = Checkpoints(self)
        self.lost = False
        """The attempt is not the task's own any more: nothing of it is written."""
        self.written = 0
        """Bytes of output so far: whether this grows tells silence from work."""

    def say(self, message: str, *, status: str = "working", **params: Any) -> None:
        """Record an activity of the agent."""
        self._add(self._assignment.agent, status, message, params)

    def write(self, data: bytes) -> None:
        """Append to the output, unless the attempt was lost."""
        with self._lock:
            if self.lost:
                return
            if self._writer is None:
                self._writer = self._context.output.writer(
                    self._assignment.task_id, self._assignment.attempt
                )
            self._writer.append(data)
            self.written += len(data)
            trouble = self._writer.trouble
        if trouble and trouble != self._trouble:
            self._add(SYSTEM, "working", "output_trouble", {"reason": trouble})
        self._trouble = trouble

    def progress(
        self,
        *,
        percent: float | None = None,
        step: int | None = None,
        steps: int | None = None,
        message: str | None = None,
    ) -> None:
        """Replace the progress that is shown."""
        given = {"percent": percent, "step": step, "steps": steps, "message": message}
        with self._lock:
            self._progress = {name: value for name, value in given.items() if value is not None}

    def receipt(self, instruction_id: str, state: Fate, step: str | None = None) -> None:
        """Note what became of an instruction; ValueError for a word that means nothing."""
        said = Receipt(state)
        with self._lock:
            self._receipts[instruction_id] = (said, step)
        self._nudge()

    def paused(self) -> None:
        """Make the task paused: the agent has really stopped working."""
        self._tell_state(records.paused)

    def resumed(self) -> None:
        """Make the task running again."""
        self._tell_state(records.resumed)

    def steer(self, controls: Controls) -> None:
        """Let the agent take its controls itself."""
        self.controls = controls
        self._nudge()

    def checkpoint(self) -> None:
        """Wait while paused; raise Stopped once stopped."""
        self.patient.checkpoint()

    def instructions(self) -> list[Instruction]:
        """The new instructions, delivered by being returned."""
        return self.patient.take()

    def take(self) -> News:
        """What is to be written down now; `put_back` returns it if that failed."""
        with self._lock:
            news = News(tuple(self._entries), self._progress, dict(self._receipts))
            self._entries, self._progress, self._receipts = [], None, {}
            return news

    def put_back(self, news: News) -> None:
        """Keep news that could not be written, before whatever came since."""
        with self._lock:
            self._entries = [*news.entries, *self._entries]
            self._progress = (
                self._progress
                if self._progress is not None
                else (None if news.progress is None else dict(news.progress))
            )
            self._receipts = {**news.receipts, **self._receipts}

    def close(self) -> None:
        """No more output comes."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()

    def lose(self) -> None:
        """From now on nothing of this run lands anywhere."""
        with self._lock:
            self.lost = True
            self._entries, self._progress, self._receipts = [], None, {}

    def _add(self, name: str, status: str, message: str, params: dict[str, Any]) -> None:
        code = message if message in MESSAGES else None
        with self._lock:
            if self.lost or self._said >= MAX_ENTRIES:
                return
            self._said += 1
            self._entries.append(
                Entry(
                    self._assignment.task_id,
                    self._assignment.attempt,
                    name,
                    # these two words open and close a task, and are not an agent's to say
                    "working" if status in ("done", "suggestion_tasks") else status,
                    code,
                    params if code else {},
                    None if code else sentence(message, params),
                )
            )

    def tell(self) -> None:
        """Write down what was said, in its order, if the database is there."""
        task = self._assignment
        with self._telling:
            if not (news := self.take()):
                return
            try:
                self._context.call(
                    records.record, task.task_id, task.attempt, news, self._context.now()
                )
            except LostAttempt:
                self.lose()
            except AWAY:
                self.put_back(news)
                log.exception("news kept for later", task_id=task.task_id)
            except Exception:  # it would fail again and again
                log.exception("news not storable", task_id=task.task_id)

    def catch_up(self) -> None:
        """Write the state that could not be written while the database was away."""
        with self._states:
            if self._unwritten is not None:
                self._write_state(self._unwritten)

    def _tell_state(self, verb: Callable[..., None]) -> None:
        with self._states:
            if self._unwritten is None:
                self._write_state(verb)
            elif self._unwritten is not verb:
                self._unwritten = None  # it went back to what the database still says
        self._nudge()

    def _write_state(self, verb: Callable[..., None]) -> None:
        task = self._assignment
        self.tell()  # what came before
        try:
            self._context.call(verb, task.task_id, task.attempt, self._context.now())
            self._unwritten = None
        except LostAttempt:
            self.lose()
        except AWAY:
            self._unwritten = verb
            log.exception("state not written yet", task_id=task.task_id)


class Checkpoints:
    """The controls of an agent that has none: it looks in now and then by ``checkpoint``."""

    def __init__(self, console: RunConsole) -> None:
        self._console = console
        self._changed = threading.Condition()
        self._wanted = "run"
        self._instructions: list[Instruction] = []

    def pause(self) -> None:
        """Hold the agent at its next checkpoint."""
        self._want("pause")

    def resume(self) -> None:
        """Let it go on."""
        self._want("run")

    def stop(self, grace_s: float) -> None:
        """Raise Stopped at its next checkpoint."""
        self._want("stop")

    def kill(self) -> None:
        """Nothing can end a thread by force: it is left behind."""
        self._want("stop")

    def instruct(self, instruction: Instruction) -> None:
        """Keep an instruction until the agent asks."""
        with self._changed:
            self._instructions.append(instruction)

    def checkpoint(self) -> None:
        """Called by the agent: wait while paused, raise Stopped once stopped."""
        with self._changed:
            if self._wanted == "pause":
                self._console.paused()
                self._changed.wait_for(lambda: self._wanted != "pause")
                if self._wanted == "run":
                    self._console.resumed()
            if self._wanted == "stop":
                raise Stopped

    def take(self) -> list[Instruction]:
        """Called by the agent: what came since it last asked."""
        with self._changed:
            taken, self._instructions = self._instructions, []
        for instruction in taken:
            self._console.receipt(instruction.instruction_id, "delivered")
        return taken

    def _want(self, what: str) -> None:
        with self._changed:
            if self._wanted != "stop":
                self._wanted = what
            self._changed.notify_all()
