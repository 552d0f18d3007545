"""Fires schedules: looks when the next one is due, at edits, and now and then to be safe."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.job import Job
from apscheduler.schedulers.base import BaseScheduler

from webapp.runtime.context import Context
from webapp.services.firing import realigning, rounds, writing
from webapp.services.firing.writing import Fired, Terms
from webapp.services.submissions import Bounds

log = structlog.get_logger(__name__)

SAFETY = timedelta(seconds=15)
"""What another process changed, or a wake-up that was missed, costs at most this long."""
AGAIN = timedelta(seconds=1)
"""Before what could not be written is tried again."""
PATIENCE_S = 5.0
"""For the piece that is being written when the server stops."""
TOGETHER_S = 1.0
"""So long lanes wait until all is in that is due: what runs slows down what is being written."""
AHEAD = timedelta(seconds=40)
"""So long before they are due, the times after them are worked out."""


class Firing:
    """A job of the ticker's that puts itself off until the next schedule is due."""

    def __init__(
        self, context: Context, lane: Callable[[str], None], task: Callable[[str], None]
    ) -> None:
        """``lane`` and ``task`` are told where something new waits, and what is to stop."""
        self._context = context
        self._lane, self._task = lane, task
        self._job: Job | None = None
        self._turn = threading.Lock()
        self._asked = threading.Event()
        self._worked_out: datetime | None = None
        self._misaligned = True
        self.last_look: datetime | None = None
        self.ending = False
        bounds = Bounds(context.settings.max_scheduled, context.settings.data / "workspaces")
        self._terms = Terms(bounds, frozenset(context.agents.names()))

    def start(self, scheduler: BaseScheduler) -> None:
        """Look at once, and from then on when something is due."""
        self.last_look = self._context.now()
        self._job = scheduler.add_job(
            self.tick,
            "interval",
            seconds=SAFETY.total_seconds(),
            next_run_time=self.last_look,
            max_instances=3,  # one that fires, and those that tell it to look again
        )

    def look(self) -> None:
        """Have it look at once: something may be due sooner than it was."""
        self._asked.set()
        if self._job is not None and not self.ending:
            self._job.modify(next_run_time=self._context.now())

    def stop(self) -> None:
        """Fire nothing more, and wait for what is being written."""
        self.ending = True
        if self._turn.acquire(timeout=PATIENCE_S):
            self._turn.release()

    def clock_jumped(self, seconds: float) -> None:
        """The clock was put forward or back: what waits for a time waits anew."""
        self._misaligned = self._misaligned or seconds < 0
        self._worked_out = None
        self.look()

    def tick(self) -> None:
        """Fire what is due, and put the next look off until the next is."""
        while not self.ending and self._turn.acquire(blocking=False):
            try:
                self._asked.clear()
                self._put_off(self._fire())
            except Exception:
                log.exception("firing stumbled and is tried again")
                self._put_off(self._context.now())
            finally:
                self._turn.release()
            if not self._asked.is_set():
                return

    def _fire(self) -> datetime | None:
        """Fire what is due; returns when the next is."""
        context = self._context
        with context.app.app_context():
            if self._misaligned:
                realigning.realign(context.now())
                writing.rehearse(context.now())
                self._misaligned = False
            self._write()
            following = rounds.next_fire_at()
            self.last_look = context.now()
            self._work_out()
        return following

    def _write(self) -> None:
        """Give what is due its fate; lanes and tasks hear of all that was written."""
        context = self._context
        written, since = Fired(), context.monotonic()
        try:
            for piece in rounds.pieces(context.now, self._terms):
                written.add(piece)
                self.last_look = context.now()
                if self.ending:
                    break
                if context.monotonic() - since > TOGETHER_S:
                    self._tell(written)
                    written, since = Fired(), context.monotonic()
        finally:
            self._tell(written)

    def _tell(self, piece: Fired) -> None:
        for lane in piece.lanes:
            self._lane(lane)
        for task_id in piece.stopped:
            self._task(task_id)

    def _work_out(self) -> None:
        """Work out what comes after the due times that are near, so that firing need not."""
        until = self._context.now() + AHEAD
        rounds.work_out(self._worked_out, until)
        self._worked_out = until

    def _put_off(self, until: datetime | None) -> None:
        now = self._context.now()
        if until is None or until > now + SAFETY:
            until = now + SAFETY
        elif until <= now:
            until = now + AGAIN  # it could not be fired, or somebody else is about to
        if self._job is not None and not self.ending:
            self._job.modify(next_run_time=until)
