"""What a command ends with: one table of exit statuses for all of them, and a sentence."""

from __future__ import annotations

import signal
import sys
from enum import IntEnum
from typing import Any

import click

from webapp.cli.terminal import safe


class Code(IntEnum):
    """The exit statuses."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    STOPPED = 3
    REFUSED = 4
    NOT_LET_IN = 5
    UNREACHABLE = 6
    TOO_LONG = 124
    INTERRUPTED = 130
    NOBODY_READS = 141
    TERMINATED = 143


MEANINGS = {
    Code.DONE: "done; where a command waits for a task: it completed",
    Code.FAILED: "the task failed, or the command could not do its work",
    Code.USAGE: "an option, a field or a setting cannot be used",
    Code.STOPPED: "the task was stopped",
    Code.REFUSED: "refused as things stand: lane busy, no such task, wrong state, queue full",
    Code.NOT_LET_IN: "no token, a revoked one, or one that may not do this",
    Code.UNREACHABLE: "the server does not answer, or could not",
    Code.TOO_LONG: "--wait-timeout ran out; the task goes on",
    Code.INTERRUPTED: "interrupted with Ctrl-C",
    Code.NOBODY_READS: "what read the output went away",
    Code.TERMINATED: "ended by SIGTERM",
}

OF_STATUS = {"completed": Code.DONE, "failed": Code.FAILED, "stopped": Code.STOPPED}
"""What waiting for a task ends with, by how the task ended."""


def away(error: Exception) -> str | None:
    """Why the database cannot be used, if that is what the error says."""
    if "webapp.db" not in sys.modules:  # the command has no database; to import it takes long
        return None
    from webapp.db import AWAY

    return " ".join(str(getattr(error, "orig", error)).split()) if isinstance(error, AWAY) else None


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM reached a command that waits."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = Code.INTERRUPTED if number == signal.SIGINT else Code.TERMINATED


class Ended(click.ClickException):
    """The command cannot go on; the sentence goes to standard error."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(safe(sentence))
        self.exit_code = code  # type: ignore[misc]


class Declined(Ended):
    """The server answered that it will not; ``body`` is its answer."""

    def __init__(
        self, status: int, body: dict[str, Any], *, said: str = "", hint: str = ""
    ) -> None:
        self.status, self.body = status, body
        self.error = str(body.get("error", ""))
        said = said or str(body.get("detail") or body.get("message") or f"HTTP status {status}")
        super().__init__(of_answer(status, self.error), f"{said} {hint}".strip())


def of_answer(status: int, error: str) -> Code:
    """The exit status for an HTTP status and its error code."""
    if status >= 500:
        return Code.UNREACHABLE
    if status in (401, 403):
        return Code.NOT_LET_IN
    if status in (404, 409, 410, 429) or error == "no_active_task":
        return Code.REFUSED
    return Code.USAGE


def told() -> str:
    """The table as the help shows it."""
    lines = "\n".join(f"{code:>5}  {meaning}" for code, meaning in MEANINGS.items())
    return f"\b\nExit status:\n{lines}"
