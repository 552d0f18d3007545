"""Agents for tests: real plug-ins of the agent protocol, whose work is a few lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from webapp.agents.protocol import Console, Instruction, InvalidSetting, Result, Work


class ScriptedAgent:
    """Does what its task's description names: a function given at construction."""

    name = "scripted"
    messages: Mapping[str, str] = {"scripted_hello": "Hello, %(who)s."}

    def __init__(self, scripts: Mapping[str, Callable[[Work, Console], Result | None]]) -> None:
        self.scripts = dict(scripts)

    def validate(self, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        """Knows one setting, ``colour``."""
        for name in settings:
            if name != "colour":
                raise InvalidSetting(name, "there is no such setting")
        return dict(settings)

    def refuses(self, verb: str, settings: Mapping[str, Any]) -> str | None:
        """Refuses nothing."""
        return None

    def run(self, work: Work, console: Console) -> Result:
        """Run the script of that name; without one the description is the result."""
        script = self.scripts.get(work.task_description)
        made = script(work, console) if script is not None else None
        return made or Result(work.task_description)


class Gate:
    """A script that waits until the test opens it, and tells the test that it has begun."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()

    def __call__(self, work: Work, console: Console) -> Result | None:
        """Wait deaf to every wish."""
        self.begun.set()
        if not self.open.wait(20):
            raise TimeoutError("the test did not open the gate")
        console.say("past the gate")
        console.write(b"past the gate\n")
        return Result("past the gate")


class Patient:
    """A script that looks in at its checkpoints until it is stopped or told to finish."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.finish = threading.Event()
        self.heard: list[Instruction] = []

    def __call__(self, work: Work, console: Console) -> Result | None:
        """Work in small steps."""
        self.begun.set()
        while not self.finish.wait(0.005):
            console.checkpoint()
            for instruction in console.instructions():
                self.heard.append(instruction)
                console.receipt(instruction.instruction_id, "consumed", "step 1")
        return Result("finished")
