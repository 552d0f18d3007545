"""A small runner in a process of its own, to be killed: runs one command as one task.

``python -m tests.agents.runner WORKSPACE TASK_ID COMMAND`` prints what the command prints and, at
the end, one line of JSON about how it went.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.agents.recording import RecordingConsole, TaskWork
from webapp.agents import processes
from webapp.agents.protocol import AgentFailed, Limits
from webapp.agents.shell import ShellAgent


class PrintingConsole(RecordingConsole):
    """Also prints the output at once."""

    def write(self, data: bytes) -> None:
        super().write(data)
        os.write(1, data)


def main() -> None:
    workspace, task_id, command = sys.argv[1:]
    assert processes.become_subreaper()
    agent = ShellAgent(Limits(stop_grace_s=0.5, environment={"PATH": os.environ["PATH"]}))
    console = PrintingConsole()
    work = TaskWork(command, Path(workspace), agent.validate({}, by_hand=True), task_id)
    try:
        agent.run(work, console)
        failed = None
    except AgentFailed as error:
        failed = error.message
    try:
        os.waitpid(-1, os.WNOHANG)
        children = True
    except ChildProcessError:
        children = False
    report = {"failed": failed, "said": console.said, "children": children}
    os.write(1, json.dumps(report).encode() + b"\n")


if __name__ == "__main__":
    main()
