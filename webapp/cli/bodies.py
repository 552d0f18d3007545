"""Files on their way into the server: the head of a request is answered for before its body comes.

waitress takes in the whole body of a request before the application sees any of it. For a form
with files that is too late: anybody could fill the disk. So the application is asked by the head
alone, and only with its leave is the body written, to a file without a name in the data directory.
"""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

import structlog
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask
from waitress.utilities import RequestEntityTooLarge

from webapp.doors.receiving import AHEAD, FAILED, LIMIT, MULTIPART

log = structlog.get_logger(__name__)


class Spool:
    """A body as it comes. A disk that is full is remembered, and told to the application."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: IO[bytes] | None = None
        self._size = 0
        self.failed: OSError | None = None

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        """Write a piece, or give up."""
        if self.failed is not None:
            return
        try:
            if self._file is None:
                self._file = _nameless(self._directory)
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.failed = error
            self.close()
        self._size += len(data)

    def getfile(self) -> IO[bytes]:
        """What came, from its beginning."""
        if self._file is None:
            return BytesIO()
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """It is gone."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Parser(HTTPRequestParser):
    """Reads a request; one that announces files waits for leave after its head."""

    waiting = False
    asked = False
    failure: OSError | str | None = None
    """Why its body did not come to its end."""

    def __init__(self, adj: Any, incoming: Path, cut_short: Callable[[], None]) -> None:
        """``cut_short`` is called when it is refused before its end."""
        super().__init__(adj)
        self._cut_short = cut_short
        self.early = b""
        """What of the body came with the head."""
        self._spool = Spool(incoming)

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head, and find out what is announced."""
        super().parse_header(header_plus)
        kind = self.headers.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if self.body_rcv is not None and kind == MULTIPART:
            self.waiting = True
            self.body_rcv.buf = self._spool  # type: ignore[assignment]
            self.allow(sys.maxsize)  # until the application has said how much it takes

    def allow(self, limit: int) -> None:
        """Take a body of so many bytes."""
        self.adj = copy.copy(self.adj)
        self.adj.max_request_body_size = limit

    def received(self, data: bytes) -> int:
        """Take some of the request; returns how much of it that was."""
        if self.waiting:
            self.early += data
            return len(data)
        taken: int = super().received(data)
        if self._spool.failed is not None:
            self.failure, self.completed = self._spool.failed, True
        elif self.asked and isinstance(self.error, RequestEntityTooLarge):
            self.failure, self.error = "too_large", None
        if self.completed and (self.failure or self.error):
            self._cut_short()
            return len(data)  # what else comes belongs to it, and is of no use
        return taken


class Asking(WSGITask):
    """Asks the application, by the head of a request, whether its body may come."""

    granted: int | None = None

    def service(self) -> None:
        """Send a refusal, or find out how large the body may be."""
        self.start()
        self.set_close_on_finish()
        self.execute()
        if self.status.startswith("100"):
            self.granted = int(dict(self.response_headers)[LIMIT])
        else:
            self.finish()

    def get_environment(self) -> Any:
        """The request, marked as a question."""
        environ = super().get_environment()
        environ[AHEAD] = True
        return environ


class Leave:
    """The question as the threads of the server take it on."""

    def __init__(self, channel: Any, request: Parser) -> None:
        self._channel, self._request = channel, request

    def service(self) -> None:
        """Ask, and have the body sent or not."""
        asking = Asking(self._channel, cast(Any, self._request))
        try:
            asking.service()
        except Exception:
            log.exception("asked in vain")
        if asking.granted is not None:
            self._channel.take_body(self._request, asking.granted)
        else:
            self._channel.take_no_body(self._request)

    def cancel(self) -> None:
        """The server stops."""
        self._channel.cancel()


def _nameless(directory: Path) -> IO[bytes]:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return tempfile.TemporaryFile(dir=directory, buffering=0)


def told(environ: Any, request: Parser) -> Any:
    """A request as the application sees it, with what became of its body."""
    if request.failure is not None:
        environ[FAILED] = request.failure
    return environ
