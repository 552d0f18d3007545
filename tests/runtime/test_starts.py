"""Fair starts: a bounded number begins at once, in the order in which they came."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tests.conftest import FakeClock
from tests.fakes import Gate, ScriptedAgent
from tests.waiting import until
from webapp import clock, runtime
from webapp.runtime.context import Context
from webapp.runtime.starts import FRESH_S, Starts
from webapp.services import lanes


def take_in_threads(starts: Starts, count: int, begun: list[int]) -> list[threading.Thread]:
    """So many lanes ask for their turn, one after the other."""

    def ask(number: int) -> None:
        starts.take(number, leaving)
        begun.append(number)

    leaving = threading.Event()
    threads = []
    for number in range(count):
        threads.append(threading.Thread(target=ask, args=(number,), daemon=True))
        threads[-1].start()
        until(lambda: len(begun) + starts.waiting == number + 1)  # noqa: B023
    return threads


def test_who_comes_first_begins_first_and_never_more_than_some_at_once(
    fake_clock: FakeClock,
) -> None:
    starts, begun = Starts(2, fake_clock.monotonic), list[int]()
    threads = take_in_threads(starts, 5, begun)
    assert begun == [0, 1]

    starts.give_back(1)  # a short one is over
    until(lambda: begun == [0, 1, 2])
    fake_clock.forward(FRESH_S * 1.1)  # long ones are not new any more
    until(lambda: begun == [0, 1, 2, 3, 4])
    for thread in threads:
        thread.join(10)


def test_who_leaves_waits_for_no_turn(fake_clock: FakeClock) -> None:
    starts, leaving = Starts(1, fake_clock.monotonic), threading.Event()
    starts.take("first", leaving)
    leaving.set()

    starts.take("second", leaving)


def test_with_many_lanes_at_work_each_has_its_turn(
    context: Context, agent: ScriptedAgent, submit: Callable[..., Any], becomes: Any
) -> None:
    gate = agent.scripts["wait"] = Gate()
    names = [f"lane{number}" for number in range(6)]
    for name in names:
        context.call(lanes.create, name, by="ann", now=clock.now())
    tasks = [submit("wait", lane=name) for name in names]
    running = runtime.start(context.app)  # type: ignore[arg-type]
    try:
        for task in tasks:
            becomes(task.task_id, "running")
        gate.open.set()
        for task in tasks:
            becomes(task.task_id, "completed")
    finally:
        gate.open.set()
        runtime.stop(context.app)  # type: ignore[arg-type]
    assert not running.held()
