"""What runs tasks: started exactly once per process, and stopped so that nothing is lost."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, cast

import structlog
from flask import Flask

from webapp import __version__
from webapp.agents import processes
from webapp.db import dispose
from webapp.ports import KEY, Idle, Ports
from webapp.queries import runs
from webapp.runtime.catalogue import Catalogue
from webapp.runtime.context import Context, identify
from webapp.runtime.rescue import rescue_the_dead
from webapp.runtime.ticker import Ticker
from webapp.runtime.worker import LaneWorker
from webapp.services import claims, runners

log = structlog.get_logger(__name__)


class Runtime:
    """The runner of this process: a worker per lane, and the ticker."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._workers: dict[str, LaneWorker] = {}
        self._ticker = Ticker(context, self.open_lanes)

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
        """Have a worker for every lane there is."""
        for name in self.context.call(runs.lanes):
            if name not in self._workers:
                self._workers[name] = worker = LaneWorker(self.context, name)
                worker.start()

    def lane(self, name: str) -> None:
        """Something in this lane may be ready to run."""
        if (worker := self._workers.get(name)) is not None:
            worker.wake()

    def task(self, task_id: str) -> None:
        """Somebody wishes something of this task."""
        for worker in self._workers.values():
            if worker.nudge(task_id):
                return

    def snapshot(self) -> dict[str, Any]:
        """How the runner of this process is doing."""
        return {
            "runner_id": self.context.identity.runner_id,
            "lanes": {name: worker.alive for name, worker in self._workers.items()},
            "last_tick": self._ticker.last_tick,
            "abandoned": list(self.context.abandoned),
        }

    def stop(self) -> None:
        """Stop claiming, give what runs its grace, end the rest, and sign out."""
        context, workers = self.context, list(self._workers.values())
        self._ticker.stop()
        for worker in workers:
            worker.stop_claiming()
        if not _joined(workers, context.settings.shutdown_grace_s):
            for worker in workers:
                worker.interrupt()
            _joined(workers, context.settings.stop_grace_s + 6)
        context.call(runners.sign_out, context.identity.runner_id, context.now())


def start(app: Flask) -> Runtime:
    """Start the runtime of this process for ``app``; a second call returns the first one's.

    After a fork the child starts one of its own: threads do not survive a fork.
    """
    ports = cast(Ports, app.extensions[KEY])
    with ports.starting:
        if isinstance(ports.wake, Runtime):
            return ports.wake
        context = Context(
            app, ports.settings, cast(Catalogue, ports.agents), ports.output, identify()
        )
        runtime = Runtime(context)
        runtime.start()
        ports.wake = ports.health = runtime
    os.register_at_fork(after_in_child=lambda: _start_again(app, runtime))
    return runtime


def stop(app: Flask) -> None:
    """Stop this process's runtime, if it has one."""
    ports = cast(Ports, app.extensions[KEY])
    runtime, ports.wake = ports.wake, Idle()
    ports.health = Idle()
    if isinstance(runtime, Runtime):
        runtime.stop()


def _start_again(app: Flask, parents: Runtime) -> None:
    ports = cast(Ports, app.extensions[KEY])
    if ports.wake is not parents:
        return
    ports.starting = threading.Lock()  # the parent's may have been held at the fork
    ports.wake = ports.health = Idle()
    dispose(app, after_fork=True)
    threading.Thread(target=start, args=(app,), name="runtime-start", daemon=True).start()


def _joined(workers: list[LaneWorker], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    return all(worker.join(max(0.0, deadline - time.monotonic())) for worker in workers)
