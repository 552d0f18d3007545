"""A real web server that takes notices, and can be told to refuse or to be silent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

WORDS = "the room is full"


class Receiver:
    """Takes what is posted to it; answers with ``status`` and some words of its own."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200
        self.silent = threading.Event()
        self.free = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def address(self, path: str = "") -> str:
        """Its address, as apprise knows web hooks."""
        return f"json://127.0.0.1:{self._server.server_port}/{path}"

    @property
    def titles(self) -> list[str]:
        """The titles of what was taken."""
        return [body["title"] for body in self.taken]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Take a notice, or do not."""
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.paths.append(request.path)
        if self.silent.is_set():
            self.free.wait(30)
            return
        if self.status == 200:
            self.taken.append(json.loads(body))
        request.send_response(self.status)
        request.end_headers()
        request.wfile.write(f"{WORDS} at {request.path}".encode())

    def stop(self) -> None:
        """Answer whoever still waits, and close."""
        self.free.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of the test's own."""
    made = Receiver()
    yield made
    made.stop()
