"""The clockwork: APScheduler wakes what must happen although nobody asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from webapp.agents.adopted import Adopted
from webapp.files import incoming
from webapp.housekeeping import disposal, renaming, retention
from webapp.queries import files
from webapp.runtime.clockwatch import ClockWatch
from webapp.runtime.context import Context
from webapp.runtime.firing import Firing
from webapp.runtime.messenger import Messenger
from webapp.runtime.rescue import Dropped, rescue_the_dead
from webapp.services import claims, runners

log = structlog.get_logger(__name__)

LOOK_ROUND_S = 2
HEARTBEAT_S = 15
HOUSE_S = 600
HOUSE = timedelta(hours=1)
"""What any process did less than this ago is not done again; looked at more often than that, so
that what somebody left unfinished who was killed does not wait as long."""
FIRST_ROUND = timedelta(seconds=30)
COLLECT_S = 60
TIDY_S = 5
TIDYING_S = 4.0
"""How long one round of tidying may take: what is left waits for the next."""


class Ticker:
    """Looks round for dead runners and expired tasks, and shows that this runner lives."""

    def __init__(
        self,
        context: Context,
        open_lanes: Callable[[], None],
        held: Callable[[], set[tuple[str, int]]],
        *,
        firing: Firing,
    ) -> None:
        self._context = context
        self._open_lanes = open_lanes
        self._messenger = Messenger(context)
        self._dropped = Dropped(context, held)
        self._adopted = Adopted()
        self._firing = firing
        self._watch = ClockWatch(context, self.clock_jumped)
        self._last_round: datetime | None = None
        self._ending = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True}
        )

    def start(self) -> None:
        """Begin to tick; the start itself looked round."""
        self._last_round = self._context.now()
        self._firing.start(self._scheduler)
        self._scheduler.add_job(self.look_round, "interval", seconds=LOOK_ROUND_S)
        self._scheduler.add_job(self.beat, "interval", seconds=HEARTBEAT_S)
        self._scheduler.add_job(self.tidy, "interval", seconds=TIDY_S)
        self._scheduler.add_job(self._adopted.collect, "interval", seconds=COLLECT_S)
        soon = self._context.now() + FIRST_ROUND
        hours = {"next_run_time": soon, "max_instances": 1}
        self._scheduler.add_job(self.keep_house, "interval", seconds=HOUSE_S, **hours)
        self._scheduler.start()
        self._watch.start()

    @property
    def last_tick(self) -> datetime | None:
        """When it last looked round, or for what is due if that is longer ago."""
        looks = (self._last_round, self._firing.last_look)
        return min((look for look in looks if look is not None), default=None)

    def leave(self) -> None:
        """Fire nothing more."""
        self._firing.ending = True

    def stop(self) -> None:
        """Tick no more; what is being removed is left at the next breath."""
        self._watch.stop()
        self._ending.set()
        self._firing.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._messenger.stop()

    def schedules(self) -> None:
        """Look at once when the next schedule is due."""
        self._firing.look()

    def clock_jumped(self, seconds: float) -> None:
        """Tick anew: what waits for a time of day would wait too long by the jump."""
        now = self._context.now()
        for job in self._scheduler.get_jobs():
            if job.next_run_time is not None and job.next_run_time - now > job.trigger.interval:
                job.modify(next_run_time=now)
        self._firing.clock_jumped(seconds)
        self._scheduler.wakeup()

    def look_round(self) -> None:
        """Close what the dead left open, give up what waited too long, open lanes, send notices."""
        context = self._context
        try:
            rescue_the_dead(context)
            self._dropped.look()
            context.call(claims.give_up_waiting, context.now())
            self._open_lanes()
            self._last_round = context.now()
        except Exception:
            log.exception("tick stumbled and goes on")
        self._messenger.round()

    def beat(self) -> None:
        """Show that this runner lives."""
        context = self._context
        try:
            context.call(runners.beat, context.identity.runner_id, context.now())
        except Exception:
            log.exception("heartbeat not written")

    def tidy(self) -> None:
        """Go on removing what was deleted, and what was not sent to its end."""
        context = self._context
        self._sweep()
        until = context.monotonic() + TIDYING_S

        def enough() -> bool:
            return self._ending.is_set() or context.monotonic() >= until

        try:
            context.call(renaming.move_on, enough)
            context.call(disposal.remove_deleted, enough)
        except Exception:
            log.exception("not tidied to the end")

    def keep_house(self) -> None:
        """Remove what is older than it is to be kept, if no other process does."""
        context = self._context
        holder, settings = context.identity.runner_id, context.settings
        try:
            context.call(retention.run, holder, settings, self._ending.wait, every=HOUSE)
        except Exception:
            log.exception("retention stumbled")

    def _sweep(self) -> None:
        context = self._context
        young = context.now().timestamp() - incoming.YOUNG_S
        try:
            swept = incoming.sweep(
                context.settings.incoming,
                lambda file_id: context.call(files.is_stored, file_id),
                older_than=young,
            )
            if swept:
                log.warning("uploads swept that were not finished", count=swept)
        except Exception:
            log.exception("sweep stumbled")
