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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
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
    "deadlock_timeout": "50ms",
    "listen_addresses": "''",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "timezone": "Asia/Kathmandu",  # whatever the server's zone is, times are UTC
}
TEMPLATE = "lineup_template"
CUT_OFF = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
REMEMBER = """
CREATE SCHEMA pristine;
DO $$ DECLARE t name; BEGIN
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE pristine.%I AS TABLE public.%I', t, t);
    END LOOP;
END $$;
CREATE TABLE pristine." sequences" AS
    SELECT format('public.%I', sequencename) AS name, last_value FROM pg_sequences;
CREATE PROCEDURE pristine.restore() LANGUAGE plpgsql AS $$ DECLARE t name; filled boolean; BEGIN
    SET LOCAL session_replication_role = replica; -- foreign keys and triggers have nothing to add
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DELETE FROM public.%I', t);
        EXECUTE format('SELECT EXISTS (SELECT FROM pristine.%I)', t) INTO filled;
        IF filled THEN
            EXECUTE format('INSERT INTO public.%I SELECT * FROM pristine.%I', t, t);
        END IF;
    END LOOP;
    PERFORM setval(name, coalesce(last_value, 1), last_value IS NOT NULL)
        FROM pristine." sequences";
END $$;
"""
"""Keeps what the tables hold after the migrations, and how to bring them back to it."""

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

    def __init__(self, migrate: Callable[[str], None]) -> None:
        """``migrate`` brings the database at an address to the newest schema."""
        self._migrate = migrate
        self._directory = Path(os.environ[SHARED])
        self._free: dict[bool, list[str]] = {True: [], False: []}
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

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """The address of a database with the newest schema, or with nothing in it.

        Databases are used again: to copy one takes longer than most tests. Whoever is still
        connected to one in the end is cut off.
        """
        free = self._free[empty]
        name = free.pop() if free else self._copy(empty)
        yield self.url(name)
        with self.connect(name) as connection:
            connection.execute(CUT_OFF)
            connection.execute(EMPTY if empty else "CALL pristine.restore()")
        free.append(name)

    def _copy(self, empty: bool) -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self._create(name, "template0" if empty else self._template())
        return name

    def _template(self) -> str:
        """The database that others are copied from, made by the first who asks."""
        with self._alone():
            made = self._directory / "template-made"
            if not made.exists():
                self._create(TEMPLATE, "template0")
                self._migrate(self.url(TEMPLATE))
                with self.connect(TEMPLATE) as connection:
                    connection.execute(REMEMBER)
                made.touch()
        return TEMPLATE

    def _create(self, name: str, template: str) -> None:
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")

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


class Row(tuple[Any, ...]):
    """A row as sqlite3 gives it: values by position or by name."""

    names: list[str]

    def keys(self) -> list[str]:
        """The names of the columns."""
        return self.names

    def __getitem__(self, key: Any) -> Any:
        """A value."""
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)


def rows(url: str, sql: str, *values: Any) -> list[Row]:
    """Read a database past the program, with ? for each value."""
    with psycopg.connect(url.replace("+psycopg", ""), row_factory=_as_row) as connection:
        return connection.execute(sql.replace("%", "%%").replace("?", "%s"), values).fetchall()


def _as_row(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
    names = [column.name for column in cursor.description or ()]

    def make(values: Sequence[Any]) -> Row:
        row = Row(values)
        row.names = names
        return row

    return make


def _user() -> str | None:
    """As whom to run the server, which refuses to run as root; None as whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return "nobody"
