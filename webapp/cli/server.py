"""The HTTP server under the application: how it listens, and what no client can take from it."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import WSGITask

from webapp.config import Settings

CONNECTIONS = 1_000
PATIENCE_S = 60
"""After how long without a byte either way a connection is closed."""
IN_ADVANCE = 4
"""How many requests a client may send before the first is answered."""
UNREAD = 1 << 30
"""Bytes of answers a client has not read, before a thread waits for it; they lie in a file."""
MIB = 1024 * 1024


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


class Channel(HTTPChannel):
    """A client's connection."""

    task_class = Answer

    def received(self, data: bytes) -> bool:
        """Take what the client sent; one that asks too much in advance is cut off."""
        taken = super().received(data)
        if len(self.requests) > IN_ADVANCE:
            self.will_close = True
        return taken

    def writable(self) -> bool:
        """Whether there is something to send. Who is to be cut off is cut off at once.

        Otherwise that waits until the client takes something, which it may never do.
        """
        if self.will_close:
            self.handle_close()
            return False
        return bool(super().writable())

    def send_continue(self) -> None:
        """Have the body sent, unless its announced length was already refused."""
        if self.request is not None and self.request.error is None:
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
        # What is only a little too large, the application refuses in its own words.
        max_request_body_size=(settings.max_body_mb + 1) * MIB,
        clear_untrusted_proxy_headers=False,
        ident="lineup",
    )
    for one in sockets.values():  # a name such as localhost may have two addresses
        if isinstance(one, BaseWSGIServer):
            one.channel_class = Channel
    return server
