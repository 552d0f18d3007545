"""The HTTP server under the application: how it listens, and what no client can take from it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from socket import SHUT_WR, socket
from typing import Any, cast

from apiflask import APIFlask
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import WSGITask

from webapp import clock
from webapp.cli.bodies import Leave, Parser, told
from webapp.cli.unreadable import Unreadable
from webapp.config import Settings

CONNECTIONS = 1_000
PATIENCE_S = 60
"""After how long without a byte either way a connection is closed."""
IN_ADVANCE = 4
"""How many requests a client may send before the first is answered."""
UNREAD = 1 << 30
"""Bytes of answers a client has not read, before a thread waits for it; they lie in a file."""
MIB = 1024 * 1024
RECEIVED = 64 * 1024
"""Bytes that are read at once."""
IGNORED = 64 * MIB
IGNORED_S = 30.0
"""How much, and for how long, a client may send on that was refused while it was sending."""


class Answer(WSGITask):
    """The answer to one request."""

    def set_close_on_finish(self) -> None:
        """Close the connection, unless there is merely no body, which ends by itself.

        A poll that finds nothing new is such an answer, and the next one comes in a moment.
        """
        request: Any = self.request
        asked = request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or asked or self.version == "1.0":
            super().set_close_on_finish()

    def execute(self) -> None:
        """Answer; it is the last one to whoever was still sending when it became too much."""
        request: Any = self.request
        if request.failure is not None:
            super().set_close_on_finish()
        super().execute()

    def get_environment(self) -> Any:
        """The request as the application sees it, and what became of its body."""
        request: Any = self.request
        return told(super().get_environment(), request)


class Channel(HTTPChannel):
    """A client's connection."""

    task_class = Answer
    error_task_class = Unreadable
    requests_lock: Any
    incoming: Path
    """Where bodies with files lie meanwhile."""
    _ignored: int | None = None
    """How many bytes more are thrown away, of a request that was refused before its end."""
    _ignored_since = 0.0
    _closing = _said_all = False

    def parser_class(self, adj: Any) -> Parser:  # type: ignore[override]
        """A request that begins."""
        return Parser(adj, self.incoming, self._ignore)

    def received(self, data: bytes) -> bool:
        """Take what the client sent; one that asks too much in advance is cut off."""
        if self._ignored is not None:
            self._ignored -= len(data)
            return False
        taken = super().received(data)
        if len(self.requests) > IN_ADVANCE:
            self.will_close = True
        self._ask()
        return taken

    def readable(self) -> bool:
        """Whether the client may send more; not while the application is asked for leave."""
        if self._waits() or (self._ignored is not None and not self._lingers()):
            return False
        return bool(super().readable())

    def service(self) -> None:
        """Answer a request; then it is the turn of one that waits for leave."""
        super().service()
        self._ask()

    def handle_close(self) -> None:
        """The connection is gone, and with it what came of a request that is not whole."""
        super().handle_close()
        request: Any = self.request
        if request is not None:
            request.close()

    def take_body(self, request: Parser, limit: int) -> None:
        """The body of this request may come."""
        if not self.connected:
            return
        with self.requests_lock:
            early, request.early = request.early, b""
            request.allow(limit)
            request.waiting = False
        if request.expect_continue and not early:
            self.send_continue()
        self.received(early)
        self.server.pull_trigger()

    def take_no_body(self, request: Parser) -> None:
        """This request was refused, and its body may be on its way."""
        with self.requests_lock:
            if request.early or not request.expect_continue:
                self._ignore(request.content_length or IGNORED)
            self.close_when_flushed = True
            request.close()
            self.request = None
        self.server.pull_trigger()

    @property
    def close_when_flushed(self) -> bool:
        """Whether the connection is closed as soon as all is said."""
        return self._closing and not self._lingers()

    @close_when_flushed.setter
    def close_when_flushed(self, closing: bool) -> None:
        self._closing = closing

    def _ignore(self, size: int = IGNORED) -> None:
        """Throw away what the client sends from now on, until it has read that it was refused.

        If the connection were closed while something is on its way, the answer would be lost.
        """
        self._ignored, self._ignored_since = size, clock.monotonic()

    def _lingers(self) -> bool:
        left = self._ignored is not None and self._ignored > 0
        return left and clock.monotonic() - self._ignored_since < IGNORED_S

    def _is_last_word(self) -> bool:
        """Whether the client should hear that nothing more comes, though it may still send."""
        return self._closing and self._lingers() and not (self._said_all or self.total_outbufs_len)

    def _waits(self) -> bool:
        request: Any = self.request
        return request is not None and request.waiting

    def _ask(self) -> None:
        request: Any = self.request
        if self._waits() and not request.asked and not self.requests:
            request.asked = True
            self.server.add_task(cast(Any, Leave(self, request)))

    def writable(self) -> bool:
        """Whether there is something to send. Who is to be cut off is cut off at once.

        Otherwise that waits until the client takes something, which it may never do.
        """
        if self.will_close:
            self.handle_close()
            return False
        return self._is_last_word() or bool(super().writable())

    def handle_write(self) -> None:
        """Send what there is to send."""
        super().handle_write()
        if self.connected and self._is_last_word():
            self._said_all = True
            with suppress(OSError):  # the client has gone
                cast(socket, self.socket).shutdown(SHUT_WR)

    def send_continue(self) -> None:
        """Have the body sent, unless it was refused already or is to be asked for."""
        if self.request is not None and self.request.error is None and not self._waits():
            super().send_continue()


def listen(app: APIFlask, settings: Settings) -> Any:
    """A server that has the port and waits to be run; raises OSError where it cannot have it."""
    sockets: dict[int, Any] = {}
    server = create_server(
        app,
        map=sockets,
        host=settings.host,
        port=settings.port,
        threads=settings.threads,
        connection_limit=CONNECTIONS,
        channel_timeout=PATIENCE_S,
        asyncore_use_poll=True,  # select() fails from descriptor 1024 on
        outbuf_high_watermark=UNREAD,
        recv_bytes=RECEIVED,
        # What is only a little too large, the application refuses in its own words.
        max_request_body_size=(settings.max_body_mb + 1) * MIB,
        clear_untrusted_proxy_headers=False,
        ident="lineup",
    )
    for one in sockets.values():  # a name such as localhost may have two addresses
        if isinstance(one, BaseWSGIServer):
            one.channel_class = type("OurChannel", (Channel,), {"incoming": settings.incoming})
    return server
