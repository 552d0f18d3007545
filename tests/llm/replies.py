"""What a pretended model says, and what goes wrong instead."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.agents.serving import Asked

LOOK_S = 0.02


@dataclass(frozen=True)
class Call:
    """A tool to be called; arguments that are text are sent as they are, broken or not."""

    tool: str
    args: dict[str, Any] | str
    id: str | None = None


@dataclass(frozen=True)
class Turn:
    """One proper answer of a model."""

    text: str = ""
    reasoning: str | None = None
    calls: tuple[Call, ...] = ()
    prompt_tokens: int = 12
    completion_tokens: int = 5
    ended: str | None = None
    """The reason of the end in the words of the protocol; without it, what fits the answer."""

    def with_usage(self, prompt_tokens: int, completion_tokens: int) -> Turn:
        """The same answer, for so many tokens."""
        return replace(self, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


@dataclass(frozen=True)
class Failed:
    """A refusal with a status, in the shape of the protocol."""

    status: int
    message: str
    code: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class BrokenJson:
    """An answer with status 200 that no parser can read."""


@dataclass(frozen=True)
class Cut:
    """The first half of an answer, and then the end of the connection."""

    turn: Turn


@dataclass(eq=False)
class Slow:
    """An answer that waits until it is released, and notices who does not wait for it."""

    reply: Reply
    release: threading.Event
    midway: bool = False
    """Send the first half at once, and wait before the second."""
    begun: threading.Event = field(default_factory=threading.Event)
    """Set when somebody asked and waits."""
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set when the client closed its connection instead of waiting."""

    def wait(self, connection: socket.socket, over: threading.Event) -> bool:
        """Wait for the release; False if nobody wants the answer any more."""
        self.begun.set()
        while not self.release.is_set():
            if over.is_set():
                return False
            readable, _, _ = select.select([connection], [], [], LOOK_S)
            if readable and _has_gone(connection):
                self.hung_up.set()
                return False
        return True


Reply = Turn | Failed | BrokenJson | Cut | Slow
Scripted = Reply | Callable[[Asked], Reply]
"""A reply, or a function that makes one when it sees the request."""


def say(text: str, reasoning: str | None = None, *, ended: str | None = None) -> Turn:
    """A final answer, with a thought before it or not."""
    return Turn(text, reasoning, ended=ended)


def call(
    tool: str,
    args: dict[str, Any] | str | None = None,
    id: str | None = None,  # noqa: A002 - what the protocols call it
) -> Turn:
    """A call of one tool; the server makes an id if none is given."""
    return Turn(calls=(Call(tool, {} if args is None else args, id),))


def calls(*turns: Turn, text: str = "", reasoning: str | None = None) -> Turn:
    """Several calls in one answer, with words before them or not."""
    return Turn(text, reasoning, tuple(call for turn in turns for call in turn.calls))


def fail(
    status: int, message: str, code: str | None = None, retry_after: float | None = None
) -> Failed:
    """An error of the provider: 401, 429, 500, whatever."""
    return Failed(status, message, code, retry_after)


def slow(reply: Reply, release: threading.Event | None = None, *, midway: bool = False) -> Slow:
    """Answer when the event is set; without one, only ``.release`` or the client ends it."""
    return Slow(reply, release or threading.Event(), midway)


def broken_json() -> BrokenJson:
    """Success, but not JSON."""
    return BrokenJson()


def cut(turn: Turn | None = None) -> Cut:
    """Close in the middle of the body."""
    return Cut(turn or say("This sentence was to be a good deal longer than it is."))


def read(described: dict[str, Any]) -> Reply:
    """A reply as a script file writes it: ``{"say": "hello"}``, ``{"fail": 429, "message": …}``."""
    rest = dict(described)
    tokens = rest.pop("usage", None)
    for name, make in MAKERS.items():
        if name in rest:
            reply = make(rest.pop(name), **rest)
            return reply.with_usage(*tokens) if tokens and isinstance(reply, Turn) else reply
    raise ValueError(f"{described} is none of {', '.join(MAKERS)}.")


MAKERS: dict[str, Callable[..., Reply]] = {
    "say": say,
    "call": call,
    "calls": lambda made, **rest: calls(*(call(*one) for one in made), **rest),
    "fail": fail,
    "slow": lambda inner, **rest: slow(read(inner), **rest),
    "broken_json": lambda _yes: broken_json(),
    "cut": lambda text: cut(say(text)),
}


def _has_gone(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
