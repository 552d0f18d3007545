"""From a command at work to nothing left of it: waits, asks, forces, and at last gives up."""

from __future__ import annotations

import math
from enum import Enum, auto
from io import FileIO

from webapp.agents.processes import KILL_PATIENCE_S
from webapp.agents.shell.controls import ShellControls
from webapp.agents.shell.outcome import Ending, NotStarted, read_ending

SETTLE_S = 0.2
"""What outlives its shell only to finish printing, as in ``> >(tee log)``, prints meanwhile."""
LOOK_S = 0.05


class Status:
    """What the supervisor has told so far."""

    def __init__(self, pipe: FileIO) -> None:
        self._pipe = pipe
        self._rest = b""
        self._adopts = self._gone = False
        self.started = False
        self.ending: Ending | None = None
        self.closed = False

    @property
    def all_gone(self) -> bool:
        """Nothing of the command can be left; false also means: not known here."""
        return (self._adopts and self._gone) or isinstance(self.ending, NotStarted)

    @property
    def lost(self) -> bool:
        """The supervisor died before its time, and its orphans have come down to us."""
        return self.closed and self._adopts and not self._gone

    def read(self) -> None:
        data = self._pipe.read(4096)
        if data is None:
            return
        self.closed = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            words = line.decode().split()
            if words[0] == "started":
                self.started, self._adopts = True, words[2] == "1"
            self._gone |= words == ["gone"]
            self.ending = read_ending(words) or self.ending


class Phase(Enum):
    RUNNING = auto()
    SETTLING = auto()
    """The command has ended; what it left behind gets a moment to end by itself."""
    ENDING = auto()
    KILLING = auto()
    OVER = auto()


class Departure:
    """Where a command stands on its way out, and what to do about it now."""

    def __init__(self, status: Status, controls: ShellControls, grace_s: float) -> None:
        self._status, self._controls, self._grace_s = status, controls, grace_s
        self._phase = Phase.RUNNING
        self._deadline = self._settle_by = math.inf
        self._next_look = 0.0
        self.left_behind = False
        """Whether the command left processes that had to be told to end."""

    @property
    def over(self) -> bool:
        return self._phase is Phase.OVER

    def wait_s(self, now: float) -> float:
        """How long nothing has to be done unless a pipe says something."""
        if self._phase is Phase.KILLING or (self._phase is not Phase.RUNNING and self._must_look):
            return LOOK_S
        kill_at = self._controls.kill_at if self._phase is Phase.ENDING else math.inf
        return max(0.0, min(self._deadline, kill_at) - now)

    def printed(self, now: float) -> None:
        """Something was printed: what is left behind still has something to say."""
        if self._phase is Phase.SETTLING:
            self._deadline = min(now + SETTLE_S, self._settle_by)

    def advance(self, now: float) -> None:
        if self._phase is Phase.RUNNING:
            self._leave(now)
        elif self._nothing_left(now):
            self._phase = Phase.OVER
        elif self._phase is Phase.SETTLING:
            self._settle(now)
        elif self._phase is Phase.ENDING:
            if now >= min(self._deadline, self._controls.kill_at):
                self._enter(Phase.KILLING, now + KILL_PATIENCE_S)
                self._controls.force()
        elif now >= self._deadline:
            self._phase = Phase.OVER
        else:
            self._controls.force()

    def _leave(self, now: float) -> None:
        if self._controls.stopping:  # the signal was sent with the wish
            self._enter(Phase.ENDING, math.inf)
        elif self._status.ending or self._status.closed:
            self._controls.leave()
            self._settle_by = now + self._grace_s
            self._enter(Phase.SETTLING, now if self._status.closed else now + SETTLE_S)
        else:
            return
        self.advance(now)

    def _settle(self, now: float) -> None:
        if self._controls.stopping:
            self._enter(Phase.ENDING, math.inf)
        elif now >= self._deadline:
            self.left_behind = True
            self._controls.terminate()
            self._enter(Phase.ENDING, now + self._grace_s)

    def _enter(self, phase: Phase, deadline: float) -> None:
        self._phase, self._deadline = phase, deadline

    @property
    def _must_look(self) -> bool:
        """Whether nobody will tell when everything is gone."""
        return self._status.closed and not self._status.all_gone

    def _nothing_left(self, now: float) -> bool:
        if self._status.all_gone:
            return True
        if not self._must_look or now < self._next_look:
            return False
        self._next_look = now + LOOK_S
        return not self._controls.living()
