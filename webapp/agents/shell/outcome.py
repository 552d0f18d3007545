"""How a command ended, turned into what its task is told."""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass
from typing import Any, NoReturn

from webapp.agents.protocol import AgentFailed, Result
from webapp.agents.shell.last_lines import LastLines

RESULT_LINES, RESULT_CHARACTERS = 20, 4000
REASON_LINES, REASON_CHARACTERS = 10, 2000
SIGNALLED = 128
"""Shells give a command ended by signal n the exit code 128 + n."""
KNOWN_SIGNALS = {known.value for known in signal.Signals}


@dataclass(frozen=True)
class Exited:
    code: int


@dataclass(frozen=True)
class Signalled:
    number: int


@dataclass(frozen=True)
class NotStarted:
    """``stage`` is ``directory`` or ``command``."""

    stage: str
    errno: int


Ending = Exited | Signalled | NotStarted


def read_ending(words: list[str]) -> Ending | None:
    """What a status line of the supervisor says about the end, if it does."""
    match words:
        case ["exit", code]:
            return Exited(int(code))
        case ["signal", number]:
            return Signalled(int(number))
        case ["error", stage, number]:
            return NotStarted(stage, int(number))
    return None


def stopped_result(ending: Ending | None, reported: str | None, printed: LastLines) -> Result:
    """A stop is no failure, however the command took it."""
    code: int | None = None
    if isinstance(ending, Exited):
        code = ending.code
    elif isinstance(ending, Signalled):
        code = SIGNALLED + ending.number
    return Result(_text(reported, printed), code)


def conclude(
    ending: Ending | None, reported: str | None, printed: LastLines, *, shell: str, directory: str
) -> Result:
    """The result of a command that ended by itself with success; raises AgentFailed otherwise."""
    match ending:
        case Exited(0):
            return Result(_text(reported, printed), 0)
        case Exited(code):
            _fail_with_code(code, reported, _reason(printed))
        case Signalled(number):
            tail = _reason(printed)
            untold = {None: "shell_signal_binary", "": "shell_signal_silent"}
            raise AgentFailed(
                untold.get(tail, "shell_signal"),
                exit_code=SIGNALLED + number,
                text=reported,
                number=number,
                signal=_name(number),
                tail=tail or "",
            )
        case NotStarted(stage, number):
            _fail_to_start(stage, number, shell, directory)
    raise AgentFailed("shell_supervisor_lost", text=reported)


def _fail_with_code(code: int, reported: str | None, tail: str | None) -> NoReturn:
    named = {126: "shell_not_executable", 127: "shell_not_found"}.get(code, "shell_exit")
    params: dict[str, Any] = {"code": code, "tail": tail or ""}
    if tail is None:
        named = "shell_exit_binary"
    elif not tail:
        named = "shell_exit_silent"
    elif code > SIGNALLED and code - SIGNALLED in KNOWN_SIGNALS:
        named = "shell_signal_inside"
        params |= {"number": code - SIGNALLED, "signal": _name(code - SIGNALLED)}
    raise AgentFailed(named, exit_code=code, text=reported, **params)


def _fail_to_start(stage: str, number: int, shell: str, directory: str) -> NoReturn:
    reason = os.strerror(number)
    if stage == "directory":
        raise AgentFailed("shell_directory", directory=directory, reason=reason)
    if number == errno.E2BIG:
        raise AgentFailed("shell_too_long")
    raise AgentFailed("shell_missing", shell=shell, reason=reason)


def _text(reported: str | None, printed: LastLines) -> str | None:
    if reported is not None:
        return reported
    return printed.text(lines=RESULT_LINES, characters=RESULT_CHARACTERS) or None


def _reason(printed: LastLines) -> str | None:
    return printed.text(lines=REASON_LINES, characters=REASON_CHARACTERS)


def _name(number: int) -> str:
    return signal.Signals(number).name if number in KNOWN_SIGNALS else str(number)
