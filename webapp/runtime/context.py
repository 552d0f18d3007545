"""What every part of the runtime shares: the application, who it is, and its clock."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

import psutil
from flask import Flask
from uuid_utils import uuid7

from webapp import clock
from webapp.agents.process_table import TABLE
from webapp.config import Settings
from webapp.domain import spending
from webapp.domain.runner import Identity
from webapp.domain.spending import Allowance
from webapp.output import OutputStore
from webapp.runtime.catalogue import Catalogue

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Context:
    """Given to workers, runs and the ticker; tests hand in a clock of their own."""

    app: Flask
    settings: Settings
    agents: Catalogue
    output: OutputStore
    identity: Identity
    now: Callable[[], datetime] = clock.now
    monotonic: Callable[[], float] = clock.monotonic
    abandoned: list[str] = field(default_factory=list)
    """Tasks whose agent ignored its stop and may still be at work in this process."""

    def allowance(self, now: datetime) -> Allowance:
        """What the server allows on this day."""
        return spending.allowed(now, clock.machine_zone(), self.settings.day_limits)

    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a service or query in a fresh application context, as every thread must."""
        with self.app.app_context():
            return verb(*args, **kwargs)


def identify() -> Identity:
    """Who this process is."""
    return Identity(
        runner_id=str(uuid7()),
        host=socket.gethostname(),
        boot_id=_boot_id(),
        pid=os.getpid(),
        pid_started=_started(os.getpid()) or 0.0,
    )


def is_alive(runner: Identity, here: Identity) -> bool | None:
    """Whether a runner lives, as ``here`` can tell; None if only a lease can (another host)."""
    if runner.host != here.host:
        return None
    if runner.boot_id != here.boot_id:
        same_kernel = runner.boot_id.split(":")[0] == here.boot_id.split(":")[0]
        return None if same_kernel else False
    started = _started(runner.pid)
    return started is not None and abs(started - runner.pid_started) < 1.0


def _started(pid: int) -> float | None:
    """When a process began, for comparing; None if there is none, or it waits to be collected."""
    seen = TABLE.look(pid)
    return None if seen is None else float(seen.process.started)


def _boot_id() -> str:
    """The boot, and on Linux the pid namespace: a container's pid 7 is not its neighbour's."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}:{Path('/proc/self/ns/pid').readlink()}"
    return f"{platform.node()}-{int(psutil.boot_time())}:"
