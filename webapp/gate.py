"""Keeps the database and a forking process apart: nobody is in it while the process forks."""

from __future__ import annotations

import os
import threading
import weakref

from sqlalchemy import Engine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

PATIENCE_S = 30.0
"""No transaction takes longer."""


class ForkGate:
    """Lets nobody use the database while the process forks, and waits until nobody does.

    SQLite keeps in memory which locks on a file the process has. A child that inherits open
    connections believes that it has its parent's locks, has none, and destroys what others write.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False
        self.engines: weakref.WeakSet[Engine] = weakref.WeakSet()

    def enter(self) -> None:
        """Before a connection is taken from its pool."""
        with self._changed:
            if self._closed:
                self._changed.wait_for(lambda: not self._closed)
            self._inside += 1

    def leave(self) -> None:
        """After it was given back."""
        with self._changed:
            self._inside -= 1
            if self._closed:
                self._changed.notify_all()

    def before_fork(self) -> None:
        """Close the gate and then every connection."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._inside == 0, PATIENCE_S)
        for engine in self.engines:
            engine.dispose()

    def after_in_parent(self) -> None:
        """Open it again."""
        with self._changed:
            self._closed = False
            self._changed.notify_all()

    def after_in_child(self) -> None:
        """Begin anew: a thread that is not here any more may have held the lock."""
        self._changed = threading.Condition()
        self._inside, self._closed = 0, False


gate = ForkGate()
os.register_at_fork(
    before=gate.before_fork,
    after_in_parent=gate.after_in_parent,
    after_in_child=gate.after_in_child,
)


class GatedPool(QueuePool):
    """A pool that nothing is taken from while the process forks."""

    def _do_get(self) -> ConnectionPoolEntry:
        gate.enter()
        try:
            return super()._do_get()
        except BaseException:
            gate.leave()
            raise

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        gate.leave()
