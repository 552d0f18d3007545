"""A real server that answers with whatever bytes a test says, however wrong they are."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

CRLF = b"\r\n"


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Script = Callable[[Asked, socket.socket], None]


def answer(
    status: str = "200 OK", body: bytes | str = b"", *, plain: bool = False, **headers: str
) -> Script:
    """Answer properly; ``_`` in a header's name stands for ``-``."""
    data = body.encode() if isinstance(body, str) else body
    given = {"Content-Length": str(len(data)), **({} if plain else {"Connection": "close"})}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return raw(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + data)


def raw(data: bytes) -> Script:
    """Send exactly these bytes and close."""
    return lambda _asked, connection: connection.sendall(data)


@dataclass
class Server:
    """Listens on a port of its own. Each path has its scripts: one after the other, the last stays.

    A script that is to be slow waits for ``over``, which is set when the test ends.
    """

    scripts: dict[str, list[Script]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    greeting: bytes = b""
    """What is said before anything was asked."""
    otherwise: Script | None = None
    """Answers where no path has scripts; without it, that is 404."""
    port: int = 0
    """A free one, unless said otherwise."""
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def on(self, path: str, *scripts: Script) -> str:
        """Have a path answered so; returns its address."""
        self.scripts[path] = list(scripts)
        return self.url + path

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def trickle(self, _asked: Asked, connection: socket.socket) -> None:
        """A script: a first line, and then nothing more for as long as the test lasts."""
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun\n")
        self.over.wait()

    def silent(self, _asked: Asked, _connection: socket.socket) -> None:
        """A script: no answer at all."""
        self.over.wait()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                connection.sendall(self.greeting)
                asked = _read(connection)
                with self._lock:
                    self.asked.append(asked)
                    scripts = self.scripts.get(asked.path.partition("?")[0], [])
                    last = scripts or [self.otherwise or _nothing]
                    script: Any = scripts.pop(0) if len(scripts) > 1 else last[0]
                script(asked, connection)
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)


def _nothing(_asked: Asked, connection: socket.socket) -> None:
    answer("404 Not Found", "there is nothing here")(_asked, connection)


def _read(connection: socket.socket) -> Asked:
    data = b""
    while CRLF + CRLF not in data:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError
        data += more
    head, _, body = data.partition(CRLF + CRLF)
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    length = int(headers.get("content-length", 0))
    while len(body) < length:
        body += connection.recv(65536)
    return Asked(method, path, headers, body)
