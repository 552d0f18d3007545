"""``lineup …`` as a shell runs it, beside a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tests.processes.server import ROOT, Server, environment
from webapp.cli import main

PROGRAM = [sys.executable, "-m", "webapp.cli"]


class Terminal:
    """Runs commands with the settings of a server and a token, as a script would."""

    def __init__(self, server: Server, **settings: str) -> None:
        given = {"data": str(server.home.data), "port": str(server.port), **settings}
        inherited = environment(**{n: v for n, v in given.items() if v})
        self.environment = {**inherited, "PYTHONPATH": str(ROOT), "TZ": "UTC"}
        self.directory: Path = server.home.data.parent

    def run(self, *words: str, stdin: bytes = b"", **variables: str) -> Ran:
        """Run a command to its end, in this process: its own would take most of the time."""
        given = {name: None for name in os.environ if name.startswith("LINEUP_")}
        runner = CliRunner(env={**given, **self.environment, **variables})
        with chdir(self.directory):
            done = runner.invoke(main, words, input=stdin)
        if not isinstance(done.exception, SystemExit | None):
            raise done.exception
        return Ran(int(done.exit_code), done.stdout_bytes, done.stderr)

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [*PROGRAM, *words],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def on_a_terminal(self, *words: str, **variables: str) -> str:
        """What a command shows a person: it runs with a terminal for standard output."""
        master, slave = os.openpty()
        process = subprocess.Popen(
            [*PROGRAM, *words],
            cwd=self.directory,
            env={**self.environment, "COLUMNS": "100", "TERM": "xterm", **variables},
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        shown = b""
        while piece := _read(master):
            shown += piece
        os.close(master)
        process.wait(90)
        return shown.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Linux's way of saying that the other end was closed
        return b""


class Ran:
    """A command that has ended."""

    def __init__(self, status: int, out: bytes, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def text(self) -> str:
        """What it printed, without the last newline."""
        return self.out.decode().removesuffix("\n")

    @property
    def json(self) -> Any:
        """What it printed, as the one JSON document it is."""
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"status {self.status}\n{self.out.decode(errors='replace')}\n{self.err}"
