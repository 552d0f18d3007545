"""A throw-away PostgreSQL server from Debian's packages, started by the first test that needs it.

All processes of one test run share it: the first of them makes its directory and takes it away.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.waiting import until

SHARED = "TEST_POSTGRESQL"
"""The environment variable that names the directory of this run's server."""
PROGRAMS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), Path("/usr/bin")]
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "listen_addresses": "''",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "timezone": "Asia/Kathmandu",  # whatever the server's zone is, times are UTC
}
TEMPLATE = "lineup_template"

_numbers = itertools.count(1)


def announce() -> None:
    """Name the directory, for this process and those it starts."""
    os.environ[SHARED] = tempfile.mkdtemp(prefix="lineup-pg-")


def end() -> None:
    """Stop the server, if anybody started it, and remove its directory."""
    directory = Path(os.environ.pop(SHARED))
    with suppress(FileNotFoundError):
        pid = int((directory / "data/postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        until(lambda: not (directory / "data/postmaster.pid").exists())
    shutil.rmtree(directory, ignore_errors=True)


class PostgreSQL:
    """The server of this test run."""

    def __init__(self) -> None:
        self._directory = Path(os.environ[SHARED])
        with self._alone():
            if not (self._directory / "data").exists():
                self._start()

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql+psycopg://postgres@/{database}?host={quote(str(self._directory))}"

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """A connection past the program, each statement a transaction of its own."""
        return psycopg.connect(
            host=str(self._directory), user="postgres", dbname=database, autocommit=True
        )

    def create(self, template: str = "template0") -> str:
        """Make a database; returns its name."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def template(self, migrate: Callable[[str], None]) -> str:
        """The database that others are copied from, made by the first who asks."""
        with self._alone():
            made = self._directory / "template-made"
            if not made.exists():
                self._execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
                migrate(self.url(TEMPLATE))
                made.touch()
        return TEMPLATE

    def _execute(self, statement: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(statement)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else of this test run starts the server or makes the template meanwhile."""
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _start(self) -> None:
        directory = self._directory
        programs = next((p for p in reversed(PROGRAMS) if (p / "initdb").exists()), None)
        if programs is None:
            sys.exit("PostgreSQL is needed. Install it (Debian: sudo apt install postgresql).")
        user = _user()
        if user is not None:
            os.chown(directory, pwd.getpwnam(user).pw_uid, -1)
        data, log = directory / "data", directory / "log"
        given = {"user": user, "cwd": directory, "stdout": subprocess.DEVNULL}
        plain = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run([programs / "initdb", "-D", data, *plain], check=True, **given)
        options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
        start = ["-o", f"{options} -k {directory}", "-l", log, "--wait", "start"]
        subprocess.run([programs / "pg_ctl", "-D", data, *start], check=True, **given)


def _user() -> str | None:
    """As whom to run the server, which refuses to run as root; None as whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return "nobody"
