"""A real `lineup serve` on a data directory of its own, and a client that keeps its connection."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks import plugin

ROOT = Path(__file__).resolve().parent.parent
STARTED_IN_S = 30.0
LINEUP = [sys.executable, "-m", "webapp.cli"]


class Home:
    """A data directory with the no-op agent beside it, and the servers that were started on it."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.data = directory / "data"
        self.database = self.data / "lineup.db"
        self._site = directory / "site"
        self.settings = settings
        plugin.install(self._site)

    @property
    def environment(self) -> dict[str, str]:
        """What a command of ours is started with; settings of the caller do not leak in."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LINEUP_")}
        path = f"{self._site}{os.pathsep}{ROOT}"
        return {**inherited, "PYTHONPATH": path, "LINEUP_DATA": str(self.data), **self.settings}

    def command(self, *arguments: str) -> str:
        """Run a `lineup` command; returns what it printed."""
        done = subprocess.run(
            [*LINEUP, *arguments], env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def token(self) -> str:
        """A bearer token that may operate."""
        return self.command("token", "create", "benchmark")

    @contextmanager
    def serve(self, *command: str) -> Iterator[Server]:
        """A server that answers, until the block is left."""
        server = Server(self, command or (*LINEUP, "serve"))
        try:
            server.wait_for_answer()
            yield server
        finally:
            server.stop()

    def reader(self) -> closing[sqlite3.Connection]:
        """A connection that only reads."""
        uri = f"file:{self.database}?mode=ro"
        return closing(sqlite3.connect(uri, uri=True, isolation_level=None))


class Server:
    """A running `lineup serve`."""

    def __init__(self, home: Home, command: tuple[str, ...]) -> None:
        self.home = home
        self.port = _free_port()
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed in stop
        environment = {**home.environment, "LINEUP_PORT": str(self.port)}
        self.process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )

    @property
    def said(self) -> str:
        """What it has printed."""
        self._log.seek(0)
        return self._log.read()

    def processor_s(self) -> float:
        """Seconds of processor time that its threads have used, to the nanosecond."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def wait_for_answer(self, path: str = "/health") -> None:
        """Return as soon as a page is answered."""
        until(lambda: self._answers(path), STARTED_IN_S, lambda: f"no server:\n{self.said}", 0.002)

    def client(self, token: str | None = None) -> Client:
        """A client with a connection of its own."""
        return Client(self.port, {"Authorization": f"Bearer {token}"} if token else {})

    def log_in(self) -> Client:
        """A client that has clicked the printed login link, as a browser does."""
        found = re.search(r"(/login/link/\S+)", self.said)
        if found is None:
            raise RuntimeError(f"no login link was printed:\n{self.said}")
        client = self.client()
        page = client.get(found[1]).decode()
        field = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        if field is None:
            raise RuntimeError("the page of the login link has no form")
        client.post_form(found[1], {"csrf_token": field[1]})
        return client

    def stop(self) -> None:
        """End it as an init system would."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def _answers(self, path: str) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended:\n{self.said}")
        try:
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
                connection.request("GET", path)
                return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


class Client:
    """Requests over one connection that is kept open."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.port, self.headers = port, headers
        self.connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, expect: tuple[int, ...] = (200,)) -> bytes:
        """The body of a page."""
        self.connection.request("GET", path, headers=self.headers)
        return self._read(expect)[1]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send JSON, get JSON."""
        self.send(path, body)
        return self.receive()

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """Change something by JSON."""
        self.send(path, body, "PUT")
        return self.receive()

    def send(self, path: str, body: dict[str, Any], method: str = "POST") -> None:
        """Send JSON and do not wait for the answer."""
        headers = {**self.headers, "Content-Type": "application/json"}
        self.connection.request(method, path, json.dumps(body), headers)

    def receive(self) -> Any:
        """The answer to what was sent."""
        return json.loads(self._read((200,))[1])

    def post_form(self, path: str, fields: dict[str, str]) -> None:
        """Send a form and keep the cookies of the answer."""
        headers = {**self.headers, "Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", path, urlencode(fields), headers)
        self._read((200, 303))

    def _read(self, expect: tuple[int, ...]) -> tuple[HTTPResponse, bytes]:
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status not in expect:
            raise RuntimeError(f"{answer.status}: {body[:500]!r}")
        for value in answer.headers.get_all("Set-Cookie") or []:
            self.headers = {**self.headers, "Cookie": value.split(";")[0]}
        return answer, body


@contextmanager
def home(**settings: str) -> Iterator[Home]:
    """A data directory that is removed afterwards; on a disk, not in memory, as data are."""
    directory = Path(tempfile.mkdtemp(prefix="lineup-bench-", dir="/var/tmp"))
    try:
        yield Home(directory, **settings)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def until(
    reached: Callable[[], Any],
    timeout_s: float,
    otherwise: Callable[[], str] = lambda: "it did not happen",
    pause_s: float = 0.01,
) -> Any:
    """Look until the answer is true, and return it."""
    deadline = time.monotonic() + timeout_s
    while not (answer := reached()):
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise())
        time.sleep(pause_s)
    return answer


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
