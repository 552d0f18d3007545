"""A real server in a process of its own, and the data directory that servers share."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import psycopg

from tests import postgresql
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).resolve().parent.parent.parent
FINAL = ("completed", "failed", "stopped")
ACTIVE = "status IN ('running', 'paused')"


class Home:
    """A data directory of its own, with a token that may do everything, or none.

    Its database is a file in it, or the one at ``database_url``.
    """

    def __init__(self, data: Path, token: str, database_url: str = "") -> None:
        self.data = data
        self.token = token
        self.database_url = database_url
        self.servers: list[Server] = []

    @property
    def settings(self) -> dict[str, str]:
        """What tells a server where it is."""
        address = {"database_url": self.database_url} if self.database_url else {}
        return {"data": str(self.data), **address}

    def server(self, **settings: str) -> Server:
        """A server on this directory, not started; settings by their name without LINEUP_."""
        made = Server(self, settings)
        self.servers.append(made)
        return made

    def query(self, sql: str, *values: Any) -> list[Any]:
        """Read the database past every server; rows give values by position and by name."""
        if self.database_url:
            return postgresql.rows(self.database_url, sql, *values)
        address = f"file:{self.data / 'lineup.db'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(sql, values).fetchall()

    def broken(self) -> list[str]:
        """What SQLite finds wrong with its file. PostgreSQL looks after its own."""
        if self.database_url:
            return []
        checks = ("PRAGMA integrity_check", "PRAGMA foreign_key_check")
        return [str(row[0]) for check in checks for row in self.query(check) if row[0] != "ok"]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep everybody else from writing meanwhile."""
        if self.database_url:
            with psycopg.connect(self.database_url.replace("+psycopg", "")) as locker:
                locker.execute("SELECT name FROM lanes FOR UPDATE")
                yield
            return
        with closing(
            sqlite3.connect(self.data / "lineup.db", timeout=30, isolation_level=None)
        ) as locker:
            locker.execute("BEGIN IMMEDIATE")
            yield

    def suspend(self, *pids: int) -> None:
        """Stop processes while none of them writes: others would wait for what it has locked."""
        with self.locked():
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
                until(lambda pid=pid: psutil.Process(pid).status() == psutil.STATUS_STOPPED)

    def task(self, task_id: str) -> Any:
        """A task's row."""
        [row] = self.query("SELECT * FROM tasks WHERE task_id = ?", task_id)
        return row

    def statuses(self, task_ids: list[str]) -> list[str]:
        """How these tasks stand."""
        return [self.task(task_id)["status"] for task_id in task_ids]

    def becomes(self, task_id: str, *statuses: str, patience_s: float = PATIENCE_S) -> Any:
        """Wait until a task has one of these statuses."""
        until(
            lambda: self.task(task_id)["status"] in statuses,
            lambda: f"it is {dict(self.task(task_id))}, not {statuses}\n{self.logs()}",
            patience_s=patience_s,
        )
        return self.task(task_id)

    def all_final(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until no task waits or runs."""
        sql = f"SELECT count(*) FROM tasks WHERE status NOT IN {FINAL}"
        until(lambda: self.query(sql)[0][0] == 0, self.logs, patience_s=patience_s)

    def left_behind(self) -> list[psutil.Process]:
        """The processes of commands that ran in a workspace here."""
        mark = f"LINEUP_TASK_WORKSPACE={self.data}"
        return [p for p in psutil.process_iter() if mark in _environment(p)]

    def logs(self) -> str:
        """What all servers said."""
        return "\n".join(server.said() for server in self.servers)

    def close(self) -> None:
        """End whatever still runs."""
        for server in self.servers:
            server.kill()
            server.http.close()
        for process in self.left_behind():
            with suppress(psutil.NoSuchProcess):
                process.kill()


class Server:
    """``lineup serve`` on a free port."""

    def __init__(self, home: Home, settings: dict[str, str]) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        given = {**home.settings, "port": str(self.port), **settings}
        self.environment = environment(**given)
        self.log = home.data.parent / f"server-{self.port}.log"
        self.program: Sequence[str] = ("-m", "webapp.cli")
        """What Python is to run; a test may have some constant of it turned first."""
        self.process: subprocess.Popen[bytes] | None = None
        headers = {"Authorization": f"Bearer {home.token}"} if home.token else {}
        self.http = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S)

    def start(self) -> Self:
        """Start it, and return once it answers."""
        self.launch()
        until(self.answers, self.said)
        return self

    def launch(self) -> None:
        """Start it, and do not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "serve"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The process."""
        assert self.process is not None
        return self.process.pid

    def answers(self) -> bool:
        """Whether it serves; fails if it has ended."""
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        with suppress(httpx.TransportError):
            return self.http.get("/health").status_code == 200
        return False

    def said(self) -> str:
        """Everything it printed and logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def submit(self, command: str, **fields: Any) -> str:
        """Hand in a shell command, queued unless said otherwise; returns its task id."""
        answer = self.post_task(command, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["task_id"])

    def post_task(self, command: str, **fields: Any) -> httpx.Response:
        """Hand in a shell command; returns the answer, whatever it is."""
        body = {"task_description": command, "agent": "shell", "when_busy": "queue", **fields}
        return self.http.post("/api/tasks/submit", json=body)

    def upload(self, session_id: str, name: str, content: bytes) -> str:
        """Send a file to a session; returns its id."""
        answer = self.http.post(
            "/api/files/upload", data={"session_id": session_id}, files={"files": (name, content)}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["files"][0]["file_id"])

    def ask(self, task_id: str, operation: str, **body: Any) -> httpx.Response:
        """Pause, resume, stop or instruct a task."""
        return self.http.post(f"/api/tasks/{task_id}/{operation}", json=body)

    def signal(self, number: int) -> None:
        """Send a signal to the server alone."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait until it has ended; returns its exit status."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """kill -9; does nothing to one that has ended."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; returns its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    inherited = {n: v for n, v in os.environ.items() if not n.startswith("LINEUP_")}
    return {**inherited, **{f"LINEUP_{name.upper()}": value for name, value in settings.items()}}


def free_port() -> int:
    """A port nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def copy_home(template: Path, data: Path) -> None:
    """A data directory like the template's."""
    data.mkdir(parents=True, exist_ok=True)
    for name in ("lineup.db", "secret_key"):
        shutil.copy(template / name, data / name)


def running(mark: str) -> list[int]:
    """The processes that have this text in their command line, zombies not counted."""
    found = psutil.process_iter(["cmdline", "status"])
    return [
        p.pid
        for p in found
        if mark in " ".join(p.info["cmdline"] or ()) and p.info["status"] != psutil.STATUS_ZOMBIE
    ]


def _environment(process: psutil.Process) -> str:
    try:
        return "\0".join(f"{n}={v}" for n, v in process.environ().items())
    except (psutil.Error, OSError):
        return ""
