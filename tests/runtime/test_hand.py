"""The thread that agents work in."""

from __future__ import annotations

import gc
import threading
from contextvars import ContextVar
from queue import SimpleQueue

from tests.waiting import until
from webapp.runtime.hand import Hand

seen: ContextVar[str] = ContextVar("seen", default="nothing")


def test_a_thread_ends_after_its_last_work_once_nobody_holds_its_hand() -> None:
    hand, gate, threads = Hand(), threading.Event(), SimpleQueue[threading.Thread]()

    def stuck() -> None:
        threads.put(threading.current_thread())
        gate.wait(20)

    hand.take("stuck", stuck)
    thread = threads.get(timeout=60)

    del hand
    gc.collect()
    assert thread.is_alive()
    gate.set()

    until(lambda: not thread.is_alive(), lambda: "the thread lives on")


def test_one_work_follows_the_other_in_the_same_thread_and_inherits_nothing() -> None:
    hand, told = Hand(), SimpleQueue[tuple[threading.Thread, str, str]]()

    def work() -> None:
        told.put((threading.current_thread(), threading.current_thread().name, seen.get()))
        seen.set("the work before")

    for name in ("task-1", "task-2"):
        hand.take(name, work)
    first, second = told.get(timeout=60), told.get(timeout=60)

    assert first[0] is second[0]
    assert [first[1:], second[1:]] == [("task-1", "nothing"), ("task-2", "nothing")]
