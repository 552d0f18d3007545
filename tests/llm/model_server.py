"""A local server that pretends to be a provider of models; the protocols are beside it."""

from __future__ import annotations

import json
import socket
import sys
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

from tests.agents.serving import Asked, Server
from tests.llm.replies import BrokenJson, Cut, Failed, Reply, Scripted, Slow, Turn, read, say

MODELS = ("tiny-1", "large-2")


class ModelServer(ABC):
    """Answers questions one after the other as its script says; the last reply stays.

    What a real provider would refuse (a tool call without its result, a tool name it does not take)
    is refused as it would, and takes no reply from the script.
    """

    endpoint = ""
    """What the path of a question ends with."""

    def __init__(
        self,
        *replies: Scripted,
        key: str | None = None,
        models: tuple[str, ...] | Failed = MODELS,
        port: int = 0,
    ) -> None:
        self.key = key
        """The only key that is let in, or None for any."""
        self.models = models
        self.questions: list[Asked] = []
        """Every question that was let in, oldest first."""
        self.refused: list[Failed] = []
        """What was refused without the script saying so."""
        self._replies = list(replies)
        self._lock = threading.Lock()
        self._server = Server(otherwise=self._answer, port=port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, and answer nobody who still waits."""
        self._server.close()

    def script(self, *replies: Scripted) -> None:
        """Forget what was to come, and go on with these."""
        with self._lock:
            self._replies = list(replies)

    @property
    def url(self) -> str:
        """The base address as an SDK wants it."""
        return self._server.url

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    @property
    def asked(self) -> list[Asked]:
        """Every request, lists of models and refused ones too."""
        return self._server.asked

    def body(self, index: int = -1) -> dict[str, Any]:
        """What a question said; the newest, or by its number."""
        return dict(self.questions[index].json)

    def messages(self, index: int = -1) -> list[dict[str, Any]]:
        """The conversation that a question brought along."""
        return list(self.body(index)["messages"])

    @abstractmethod
    def tools(self, index: int = -1) -> list[str]:
        """The names of the tools that a question offered."""

    @abstractmethod
    def shown_key(self, asked: Asked) -> str:
        """The key in a request; empty without one."""

    @abstractmethod
    def wrong_key(self, shown: str) -> Failed:
        """What the provider says to a key it does not know."""

    @abstractmethod
    def complaint(self, body: dict[str, Any]) -> str | None:
        """What the provider would not take about a question."""

    @abstractmethod
    def plain(self, turn: Turn, asked: dict[str, Any], number: int) -> dict[str, Any]:
        """An answer in one piece."""

    @abstractmethod
    def events(self, turn: Turn, asked: dict[str, Any], number: int) -> list[bytes]:
        """An answer as a stream."""

    @abstractmethod
    def error(self, failed: Failed) -> dict[str, Any]:
        """A refusal in the provider's shape."""

    @abstractmethod
    def listing(self, models: tuple[str, ...]) -> dict[str, Any]:
        """The list of models."""

    def _answer(self, asked: Asked, connection: socket.socket) -> None:
        path = asked.path.partition("?")[0]
        shown = self.shown_key(asked)
        if self.key is not None and shown != self.key:
            self._refuse(self.wrong_key(shown), connection)
        elif asked.method == "GET" and path.endswith("/models"):
            if isinstance(self.models, Failed):
                connection.sendall(b"".join(self._failure(self.models)))
            else:
                connection.sendall(b"".join(_json(self.listing(self.models))))
        elif asked.method != "POST" or not path.endswith(self.endpoint):
            self._refuse(Failed(404, f"Unknown request URL: {asked.method} {path}."), connection)
        elif complaint := self.complaint(asked.json):
            self._refuse(Failed(400, complaint), connection)
        else:
            self._reply(asked, connection)

    def _refuse(self, failed: Failed, connection: socket.socket) -> None:
        self.refused.append(failed)
        connection.sendall(b"".join(self._failure(failed)))

    def _reply(self, asked: Asked, connection: socket.socket) -> None:
        with self._lock:
            self.questions.append(asked)
            number = len(self.questions)
            reply = self._replies[0] if self._replies else say("ok")
            if len(self._replies) > 1:
                self._replies.pop(0)
        if callable(reply):
            reply = reply(asked)
        if not isinstance(reply, Slow):
            connection.sendall(b"".join(self._halves(reply, asked.json, number)))
            return
        first, second = self._halves(reply.reply, asked.json, number)
        if reply.midway:
            connection.sendall(first)
        if reply.wait(connection, self._server.over):
            connection.sendall(second if reply.midway else first + second)

    def _halves(self, reply: Reply, asked: dict[str, Any], number: int) -> tuple[bytes, bytes]:
        """The bytes of an answer, parted in the middle of the body."""
        streamed = bool(asked.get("stream"))
        if isinstance(reply, Failed):
            return self._failure(reply)
        if isinstance(reply, Cut):
            return self._halves(reply.turn, asked, number)[0], b""
        if isinstance(reply, BrokenJson):
            broken = b'{"id": "broken", "choices": [{'
            event = b"event: message_start\ndata: %b\n\n" % broken
            return _stream([event]) if streamed else _whole(broken)
        if isinstance(reply, Slow):
            raise TypeError("A slow reply holds another one that is slow.")
        if streamed:
            return _stream(self.events(reply, asked, number))
        return _json(self.plain(reply, asked, number))

    def _failure(self, failed: Failed) -> tuple[bytes, bytes]:
        wait = "" if failed.retry_after is None else f"Retry-After: {failed.retry_after:g}\r\n"
        return _json(self.error(failed), f"{failed.status} Error", wait)


def serve(kind: type[ModelServer]) -> None:
    """``python -m … PORT SCRIPT.json``: a list of replies; prints its address."""
    port, script = sys.argv[1:3]
    replies = [read(one) for one in json.loads(Path(script).read_text("utf-8"))]
    with kind(*replies, port=int(port)) as server:
        print(server.url, flush=True)  # noqa: T201 - the answer of a command
        threading.Event().wait()


def _json(body: dict[str, Any], status: str = "200 OK", more: str = "") -> tuple[bytes, bytes]:
    return _whole(json.dumps(body).encode(), status, more)


def _whole(body: bytes, status: str = "200 OK", more: str = "") -> tuple[bytes, bytes]:
    length = f"Content-Length: {len(body)}\r\n{more}"
    return _parted(_head(status, "application/json", length), body)


def _stream(events: list[bytes]) -> tuple[bytes, bytes]:
    chunks = [b"%x\r\n%b\r\n" % (len(event), event) for event in [*events, b""]]
    head = _head("200 OK", "text/event-stream; charset=utf-8", "Transfer-Encoding: chunked\r\n")
    return _parted(head, b"".join(chunks))


def _head(status: str, kind: str, more: str) -> bytes:
    lines = f"Content-Type: {kind}\r\nConnection: close\r\nX-Request-Id: req_1\r\n{more}"
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode()


def _parted(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    middle = len(body) // 2
    return head + body[:middle], body[middle:]
