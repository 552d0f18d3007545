"""The lane's worker: a thin loop around a step that claims, runs and concludes one task."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from webapp.db import AWAY
from webapp.domain.errors import LostAttempt, NoSuchTask
from webapp.domain.outcome import Outcome, crashed
from webapp.queries import runs
from webapp.runtime.context import Context
from webapp.runtime.hand import Hand
from webapp.runtime.run import Run
from webapp.runtime.starts import Starts
from webapp.services import claims, records
from webapp.services.activity import SYSTEM, Entry
from webapp.services.claims import Assignment
from webapp.services.news import News

log = structlog.get_logger(__name__)

SAFETY_S = 2.0
"""A missed wake-up, or a task queued by another process, costs at most this long."""
AGAIN_S = 1.0
"""Between tries to write down an outcome while the database is away."""


class LaneWorker:
    """Runs the tasks of one lane, one after the other."""

    def __init__(
        self,
        context: Context,
        lane: str,
        *,
        born: datetime | None = None,
        starts: Starts | None = None,
    ) -> None:
        self.lane, self.born = lane, born
        self._starts = starts or Starts()
        self._context = context
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._interrupted = False
        self._claimed: Assignment | None = None
        self._run: Run | None = None
        self._hand = Hand()
        self._thread = threading.Thread(target=self._loop, name=f"lane-{lane}", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the lane's thread works."""
        return self._thread.is_alive()

    @property
    def holds(self) -> tuple[str, int] | None:
        """The task and attempt this worker has in its hands."""
        run = self._run
        held = run.assignment if run is not None else self._claimed
        return (held.task_id, held.attempt) if held is not None else None

    def start(self) -> None:
        """Begin to take tasks."""
        self._thread.start()

    def wake(self) -> None:
        """Something in the lane may be ready."""
        self._wake.set()

    def nudge(self, task_id: str) -> bool:
        """Look at the run of this task now; False if it is not this worker's."""
        run = self._run
        if run is None or run.assignment.task_id != task_id:
            return False
        run.nudge()
        return True

    def stop_claiming(self) -> None:
        """Take no more tasks."""
        self._stopping.set()
        self._wake.set()

    def interrupt(self) -> None:
        """End what runs, because the server shuts down."""
        self._interrupted = True
        if (run := self._run) is not None:
            run.interrupt()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; False if it has not."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def run_one(self) -> bool:
        """Claim, run and conclude one task; False if there was nothing to do."""
        assignment, self._claimed = self._claimed or self._claim(), None
        if assignment is None:
            return False
        self._run = run = Run(self._context, assignment, self._hand)
        if self._interrupted:
            run.interrupt()
        try:
            ended = self._carry_out(run)
            if ended is not None:
                outcome, news = ended
                if run.abandoned:  # a second attempt would be at work beside the first
                    outcome = replace(outcome, may_retry=False)
                    news = self._abandon(assignment, news)
                self._claimed = self._conclude(assignment, outcome, news)
        finally:
            self._run = None
            self._starts.give_back(self)
            if not run.finished():
                self._hand = Hand()
        return True

    def _carry_out(self, run: Run) -> tuple[Outcome, News] | None:
        try:
            return run.carry_out()
        except Exception as error:  # such as an agent's own controls
            log.exception("run stumbled", task_id=run.assignment.task_id)
            return run.give_up(error)

    def _claim(self) -> Assignment | None:
        if self._stopping.is_set():
            return None
        context, assignment = self._context, None
        self._starts.take(self, self._stopping)
        try:
            now = context.now()
            assignment = context.call(
                claims.claim_next,
                self.lane,
                context.identity.runner_id,
                now,
                allowance=context.allowance(now),
            )
        finally:
            if assignment is None:
                self._starts.give_back(self)
        return assignment

    def _conclude(self, assignment: Assignment, outcome: Outcome, news: News) -> Assignment | None:
        """Write the outcome down, however long the database takes to come back.

        If that fails, it is tried without claiming the next task, whose fault it may be; then
        what the agent said cannot be stored at all, and its last news or the task itself fails.
        """
        context, alone = self._context, False
        while True:
            next_for = None if alone or self._stopping.is_set() else context.identity.runner_id
            now = context.now()
            try:
                return context.call(
                    claims.conclude,
                    assignment,
                    outcome,
                    news,
                    now,
                    next_for=next_for,
                    allowance=context.allowance(now),
                )
            except (LostAttempt, NoSuchTask):
                return None
            except AWAY:
                log.exception("outcome not written yet", task_id=assignment.task_id)
            except Exception as error:
                log.exception("outcome not storable", task_id=assignment.task_id, alone=alone)
                if alone:
                    outcome, news = (outcome if news else crashed(error)), News()
                alone = True
            if self._stopping.wait(AGAIN_S):
                time.sleep(AGAIN_S)

    def _abandon(self, assignment: Assignment, news: News) -> News:
        context = self._context
        context.abandoned.append(assignment.task_id)
        log.error("agent left behind", task_id=assignment.task_id, agent=assignment.agent)
        try:
            context.call(records.abandon, assignment.task_id, assignment.attempt, context.now())
        except (LostAttempt, SQLAlchemyError):
            log.exception("abandonment not noted", task_id=assignment.task_id)
        told = Entry(assignment.task_id, assignment.attempt, SYSTEM, "working", "abandoned", {})
        return News([*news.entries, told], news.progress, news.receipts)

    def _loop(self) -> None:
        while self._claimed is not None or not self._stopping.is_set():
            try:
                if not self.run_one():
                    self._wait()
            except Exception:
                log.exception("lane stumbled and goes on", lane=self.lane)
                self._stopping.wait(AGAIN_S)

    def _wait(self) -> None:
        context = self._context
        now = context.now()
        due = context.call(runs.next_due, self.lane, now)
        wait_s = SAFETY_S if due is None else min(SAFETY_S, (due - now).total_seconds())
        self._wake.wait(max(0.0, wait_s))
        self._wake.clear()
