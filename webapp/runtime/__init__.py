"""What runs tasks: started exactly once per process, and stopped so that nothing is lost."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

import structlog
from flask import Flask

from webapp import __version__, clock
from webapp.agents import processes
from webapp.db import AWAY
from webapp.ports import KEY, Idle, Ports, Snapshot
from webapp.queries import lanes
from webapp.runtime.catalogue import Catalogue
from webapp.runtime.context import Context, identify
from webapp.runtime.firing import Firing
from webapp.runtime.rescue import rescue_the_dead
from webapp.runtime.starts import Starts
from webapp.runtime.ticker import Ticker
from webapp.runtime.worker import LaneWorker
from webapp.services import claims, runners

log = structlog.get_logger(__name__)

LOOK_S = 0.05
"""How long a second signal at shutdown may go unseen."""


class Runtime:
    """The runner of this process: a worker per lane, and the ticker."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._workers: dict[str, LaneWorker] = {}
        self._retired: list[LaneWorker] = []
        """Their lane was renamed or deleted; they end with what they have in their hands."""
        self._starts = Starts()
        self._opening = threading.Lock()
        self._ticker = Ticker(
            context, self.open_lanes, self.held, firing=Firing(context, self.lane, self.task)
        )
        self._leaving = False
        self._hurried = False

    def start(self) -> None:
        """Sign in, close what the dead left open, and take tasks."""
        context = self.context
        processes.become_subreaper()
        context.call(runners.sign_in, context.identity, __version__, context.now())
        rescue_the_dead(context)
        agents = frozenset(context.agents.names())
        context.call(claims.give_up_without_agent, agents, context.now())
        self.open_lanes()
        self._ticker.start()

    def open_lanes(self) -> None:
        """Have a worker for every lane there is, and none for those that are gone."""
        with self._opening:
            born = self.context.call(lanes.born)
            self._retire(born)
            for name, at in born.items():
                if name not in self._workers and not self._leaving:
                    worker = LaneWorker(self.context, name, born=at, starts=self._starts)
                    self._workers[name] = worker
                    worker.start()

    def held(self) -> set[tuple[str, int]]:
        """The tasks and attempts that the workers of this process have in their hands."""
        return {held for worker in self._everyone() if (held := worker.holds)}

    def lane(self, name: str) -> None:
        """Something in this lane may be ready to run."""
        worker = self._workers.get(name)
        if worker is not None:
            worker.wake()
        elif not self._leaving:
            self._open_new(name)

    def task(self, task_id: str) -> None:
        """Somebody wishes something of this task."""
        for worker in self._everyone():
            if worker.nudge(task_id):
                return

    def schedules(self) -> None:
        """A schedule may be due sooner than it was."""
        self._ticker.schedules()

    def snapshot(self) -> Snapshot:
        """How the runner of this process is doing."""
        return Snapshot(
            runner_id=self.context.identity.runner_id,
            lanes={name: worker.alive for name, worker in list(self._workers.items())},
            last_tick=self._ticker.last_tick,
            abandoned=tuple(self.context.abandoned),
        )

    def leave(self) -> bool:
        """Claim nothing more; asked again, false, and the grace of what runs is over.

        For signal handlers: they run within the main thread, which must hold no lock of ours then.
        """
        if self._leaving:
            self._hurried = True
            return False
        self._leaving = True
        self._ticker.leave()
        for worker in self._everyone():
            worker.stop_claiming()
        return True

    def stop(self) -> None:
        """Stop claiming, give what runs its grace, end the rest, and sign out."""
        context = self.context
        self._leaving = True
        self._ticker.stop()
        workers = self._everyone()
        for worker in workers:
            worker.stop_claiming()
        if not _joined(workers, context.settings.shutdown_grace_s, unless=lambda: self._hurried):
            for worker in workers:
                worker.interrupt()
            _joined(workers, context.settings.stop_grace_s + 6)
        try:
            context.call(runners.sign_out, context.identity.runner_id, context.now())
        except AWAY:
            log.exception("not signed out")

    def _everyone(self) -> list[LaneWorker]:
        return [*self._workers.values(), *self._retired]

    def _open_new(self, name: str) -> None:
        try:
            self.open_lanes()
        except AWAY:  # whoever woke it has done what they wanted; the ticker will open it
            log.exception("lane not opened yet", lane=name)

    def _retire(self, born: Mapping[str, datetime]) -> None:
        """Have those end whose lane is gone, even if there is another of its name."""
        for name, worker in list(self._workers.items()):
            if born.get(name) != worker.born:
                self._retired.append(worker)
                del self._workers[name]
                worker.stop_claiming()
        self._retired = [worker for worker in self._retired if worker.alive]


def start(app: Flask) -> Runtime:
    """Start the runtime of this process for ``app``; a second call returns the first one's.

    After a fork by the main thread the child starts one of its own: threads do not survive a fork.
    Whatever another thread forks, such as an agent's, is no server and runs nothing.
    """
    ports = cast(Ports, app.extensions[KEY])
    with ports.starting:
        if isinstance(ports.wake, Runtime):
            return ports.wake
        context = Context(
            app, ports.settings, cast(Catalogue, ports.agents), ports.output, identify()
        )
        runtime = Runtime(context)
        ports.wake = ports.health = runtime  # first, so that a signal in between can stop it
        runtime.start()
    main = threading.main_thread().ident
    os.register_at_fork(
        after_in_child=lambda: _forked(app, runtime, serves=threading.get_ident() == main)
    )
    return runtime


def leave(app: Flask) -> bool:
    """Have this process's runtime claim nothing more; false if it was told so before."""
    runtime = cast(Ports, app.extensions[KEY]).wake
    return runtime.leave() if isinstance(runtime, Runtime) else True


def stop(app: Flask) -> None:
    """Stop this process's runtime, if it has one."""
    ports = cast(Ports, app.extensions[KEY])
    if isinstance(ports.wake, Runtime):
        ports.wake.stop()
    ports.wake = ports.health = Idle()


def _forked(app: Flask, parents: Runtime, *, serves: bool) -> None:
    ports = cast(Ports, app.extensions[KEY])
    if ports.wake is not parents:
        return
    ports.starting = threading.Lock()  # the parent's may have been held at the fork
    ports.wake = ports.health = Idle()
    if serves:
        threading.Thread(target=start, args=(app,), name="runtime-start", daemon=True).start()


def _joined(
    workers: list[LaneWorker], timeout_s: float, *, unless: Callable[[], bool] = lambda: False
) -> bool:
    deadline = clock.monotonic() + timeout_s
    for worker in workers:
        while not worker.join(LOOK_S):
            if unless() or clock.monotonic() >= deadline:
                return False
    return True
