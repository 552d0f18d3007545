"""One attempt: the agent at work in a thread of its own, and the lane that watches over it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from webapp.agents.processes import run_mark, under_way
from webapp.agents.protocol import AgentFailed, Controls, Instruction, Stopped
from webapp.db import AWAY
from webapp.domain import outcome as outcomes
from webapp.domain.errors import LostAttempt, Refused
from webapp.domain.outcome import Outcome
from webapp.domain.task_state import Status
from webapp.files import reports
from webapp.queries import runs
from webapp.queries.runs import Wishes
from webapp.runtime.console import RunConsole
from webapp.runtime.context import Context
from webapp.runtime.equipment import equip
from webapp.runtime.failing import failed, failure
from webapp.runtime.hand import Hand
from webapp.services import records
from webapp.services.claims import Assignment
from webapp.services.news import News

log = structlog.get_logger(__name__)

LOOK_S = 0.12
"""How long a wish that another process wrote may go unseen."""
AWAY_S = 1.0
"""Between two looks at a database that is away."""
MARGIN_S = 2.0
"""Beyond the grace, what an agent may take to tidy up before it is left behind."""


class Run:
    """Carries out one assignment. ``step`` is one look at it; tests call it with their own time."""

    def __init__(self, context: Context, assignment: Assignment, hand: Hand | None = None) -> None:
        self.assignment = assignment
        self._hand = hand or Hand()
        self._context = context
        self._nudge = threading.Event()
        self.console = RunConsole(context, assignment, self._nudge.set)
        self._finished = threading.Event()
        self._outcome: Outcome | None = None
        self._verdict: Outcome | None = None
        """Why the lane itself ends the run (a timeout, a shutdown), whatever the agent says."""
        self._seen_at = context.monotonic()
        self._worked_s = 0.0
        self._quiet_s = 0.0
        self._written = 0
        self._passed_on: str | None = None
        self._instructed = 0
        """The number of the latest instruction that was handed to the agent."""
        self._deadline: float | None = None
        self._steered: Controls = self.console.patient
        self._interruption = threading.Event()
        self.abandoned = False
        self._reports: list[dict[str, Any]] = []

    def carry_out(self) -> tuple[Outcome, News] | None:
        """Run the agent to its end and say what came of it; None if the attempt was lost."""
        self.begin()
        while not self._finished.is_set():
            self._nudge.wait(LOOK_S)
            self._nudge.clear()
            if not self._finished.is_set() and not self.step():
                break
        return self.end()

    def begin(self) -> None:
        """Set the agent to work."""
        self._hand.take(f"task-{self.assignment.task_id}", self._work)

    def nudge(self) -> None:
        """Look now: somebody wrote a wish in this process."""
        self._nudge.set()

    def interrupt(self) -> None:
        """End the run because the server shuts down."""
        self._interruption.set()
        self._nudge.set()

    def finished(self) -> bool:
        """Whether the agent has come back."""
        return self._finished.is_set()

    @property
    def being_ended(self) -> bool:
        """Whether the run has been told to end."""
        return self._deadline is not None

    def step(self) -> bool:
        """Write the news, grant the wishes, watch the time; False to wait no longer."""
        self.console.tell()
        self.console.catch_up()
        wishes = self._look()
        if self.console.lost:
            self._controls().kill()
            return False
        if wishes is not None:
            self._grant(wishes)
            self._watch_time(wishes.status)
        if self._interruption.is_set():
            self._end_by(outcomes.interrupted("interrupted_by_shutdown"))
        return not self._overdue()

    def end(self) -> tuple[Outcome, News] | None:
        """The outcome and the last news of a run that finished or was left behind."""
        self.console.close()
        if self.console.lost:
            return None
        news = self.console.take()
        if self.abandoned:
            self.console.lose()
            return self._verdict or outcomes.stopped(), news
        if self._outcome is None:
            raise RuntimeError("the run has not finished")
        if self._verdict is None:
            return replace(self._outcome, reports=self._reports), news
        kept, code = self._outcome.result, self._outcome.exit_code
        told = replace(self._verdict, result=kept, exit_code=code, reports=self._reports)
        return told, news

    def give_up(self, error: Exception) -> tuple[Outcome, News]:
        """End a run that could not be watched over; what its agent still does lands nowhere."""
        self.console.lose()
        with suppress(Exception):
            self._controls().kill()
        self.abandoned = not self._finished.wait(MARGIN_S)
        return outcomes.crashed(error), News()

    def _work(self) -> None:
        try:
            self._work_in(self.assignment.workspace_dir)
        except Exception as error:  # whatever a task left there: its run comes to an end
            log.exception("workspace not readable", task_id=self.assignment.task_id)
            self._outcome = self._outcome or outcomes.crashed(error)
        finally:
            self._finished.set()
            self._nudge.set()

    def _work_in(self, workspace: Path) -> None:
        try:
            workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
            before = reports.stamps(workspace)
        except OSError as error:
            self._outcome = failure("workspace_unusable", error=str(error))
        else:
            self._outcome = self._ask_agent()
            self._reports = reports.written(workspace, before)

    def _ask_agent(self) -> Outcome:
        try:
            agent = self._context.agents[self.assignment.agent]
            work = self._equipped()
        except AgentFailed as error:  # there is no profile to use
            return failed(error)
        except KeyError:
            return failure("agent_gone", agent=self.assignment.agent)
        except Refused as refusal:  # a secret that no key opens, or no keys at all
            return failure(refusal.code, **refusal.params)
        try:
            with under_way(run_mark(self.assignment.task_id, self.assignment.attempt)):
                result = agent.run(work, self.console)
        except Stopped:
            return outcomes.stopped()
        except AgentFailed as error:
            return failed(error)
        except BaseException as error:  # even SystemExit in a plug-in is only its task's failure
            log.exception("agent crashed", task_id=self.assignment.task_id)
            return outcomes.crashed(error)
        try:
            return outcomes.completed(result.text, result.exit_code)
        except AttributeError:  # a plug-in that forgot to return its Result
            return failure("crashed", error=f"it returned {type(result).__name__}, not a Result")

    def _equipped(self) -> Assignment:
        """The assignment with its secrets opened, and what its agent needs to talk to a model."""
        context, task = self._context, self.assignment
        work = replace(task, settings=context.agents.opened(task.settings))
        if not context.agents.uses_model(task.agent):
            return work
        while True:
            try:
                return replace(work, equipment=equip(context, task, work.settings, self.console))
            except AWAY:
                log.exception("equipment not gathered yet", task_id=task.task_id)
                if self.console.lost or self.being_ended:
                    raise
            time.sleep(AWAY_S)

    def _controls(self) -> Controls:
        return self.console.controls or self.console.patient

    def _look(self) -> Wishes | None:
        task = self.assignment
        try:
            wishes = self._context.call(
                runs.wishes, task.task_id, task.attempt, after=self._instructed
            )
        except Exception:
            log.exception("wishes not readable", task_id=task.task_id)
            return None
        if wishes is None:
            self.console.lose()
        return wishes

    def _grant(self, wishes: Wishes) -> None:
        if self._controls() is not self._steered:
            self._steered = self._controls()
            self._passed_on = None
            self._instructed = 0
            if self._deadline is not None:
                self._steered.stop(self._context.settings.stop_grace_s)
        for seq, instruction_id, text, kind in wishes.instructions:
            self._instructed = seq
            self._controls().instruct(Instruction(instruction_id, text, kind))
        if wishes.wish == self._passed_on:
            return
        self._passed_on = wishes.wish
        if wishes.wish == "pause":
            self._controls().pause()
        elif wishes.wish == "resume":
            self._controls().resume()
            if wishes.status is Status.RUNNING:
                self._withdraw("resume")
        elif wishes.wish == "stop":
            self._end_by(outcomes.stopped())

    def _withdraw(self, wish: str) -> None:
        task = self.assignment
        try:
            self._context.call(
                records.withdraw, task.task_id, task.attempt, wish, self._context.now()
            )
        except LostAttempt:
            self.console.lose()
        except AWAY:
            self._passed_on = None  # to be granted, and withdrawn, at the next look
            log.exception("wish not withdrawn yet", task_id=task.task_id)

    def _watch_time(self, status: Status) -> None:
        now = self._context.monotonic()
        passed, self._seen_at = now - self._seen_at, now
        if self.console.written != self._written:
            self._written, self._quiet_s = self.console.written, 0.0
        elif status is Status.RUNNING:
            self._quiet_s += passed
        if status is Status.RUNNING:
            self._worked_s += passed
        limit, silence = self.assignment.timeout_s, self.assignment.silence_timeout_s
        if limit is not None and self._worked_s >= limit:
            self._end_by(failure("timed_out", limit=f"{limit:g}"))
        elif silence is not None and self._quiet_s >= silence:
            self._end_by(failure("went_silent", limit=f"{silence:g}"))

    def _end_by(self, verdict: Outcome) -> None:
        if self._deadline is not None:
            return
        if verdict.move != "stop":
            self._verdict = verdict
        grace = self._context.settings.stop_grace_s
        self._deadline = self._context.monotonic() + grace + MARGIN_S
        self._controls().stop(grace)

    def _overdue(self) -> bool:
        if self._deadline is None or self._context.monotonic() < self._deadline:
            return False
        self._controls().kill()
        if self._finished.wait(MARGIN_S):
            return False
        self.abandoned = True
        return True
