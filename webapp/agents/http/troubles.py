"""Why a try failed, in words, and whether another one may follow."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httpx

LONGEST_REASON = 300


class Again(Enum):
    """Whether a failed request may be sent again."""

    ALWAYS = "it never reached anybody, or was turned away unread"
    IF_REPEATABLE = "it may have been carried out"
    NEVER = "it would fail in the same way"


class Trouble(Exception):
    """A try that failed: a code of the agent's messages with its parameters."""

    def __init__(self, code: str, again: Again, **params: Any) -> None:
        super().__init__(code)
        self.code, self.again, self.params = code, again, params
        self.after_s: float | None = None
        """How long the server asked to be left alone."""
        self.result: str | None = None
        """What it answered all the same."""


@dataclass
class Received:
    """How far the answer had come when it failed."""

    host: str
    encoding: str = ""
    size: int = 0
    begun: bool = False
    limits: dict[str, float] = field(default_factory=dict)


def of(error: BaseException, received: Received) -> Trouble:
    """What an exception of httpx means."""
    host = received.host
    chain = list(_chain(error))
    found = _of_connection(error, chain, received)
    if found is not None:
        return found
    match error:
        case httpx.ReadTimeout() | httpx.WriteTimeout():
            seconds = f"{received.limits['read']:g}"
            return Trouble("http_silent", Again.IF_REPEATABLE, host=host, seconds=seconds)
        case httpx.RemoteProtocolError():
            return _of_protocol(error, received)
        case httpx.ReadError() | httpx.WriteError() | httpx.CloseError():
            return _broke_off(received)
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return Trouble("http_bad_redirect", Again.NEVER, url=str(error)[:LONGEST_REASON])
    return Trouble("http_failed", Again.NEVER, reason=_reason(error))


def _of_connection(
    error: BaseException, chain: list[BaseException], received: Received
) -> Trouble | None:
    """What kept the connection from coming about; None if it did come about."""
    host = received.host
    if isinstance(error, httpx.ProxyError):
        return Trouble("http_proxy", Again.ALWAYS, reason=_reason(error))
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        seconds = f"{received.limits['connect']:g}"
        return Trouble("http_connect_timeout", Again.ALWAYS, host=host, seconds=seconds)
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Trouble("http_certificate", Again.NEVER, host=host, reason=cause.verify_message)
        if isinstance(cause, socket.gaierror | UnicodeError):
            return Trouble("http_unknown_host", Again.ALWAYS, host=host)
    if not isinstance(error, httpx.ConnectError):
        return None
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            reason = (cause.reason or "it speaks no TLS").replace("_", " ").lower()
            return Trouble("http_no_tls", Again.NEVER, host=host, reason=reason)
        if isinstance(cause, ConnectionRefusedError):
            return Trouble("http_refused", Again.ALWAYS, host=host)
    said = (cause.strerror for cause in chain if isinstance(cause, OSError))
    system = next(filter(None, said), None)
    return Trouble("http_unreachable", Again.ALWAYS, host=host, reason=system or _reason(error))


def _of_protocol(error: BaseException, received: Received) -> Trouble:
    said = str(error)
    if "without sending complete" in said or "peer closed connection" in said:
        return _broke_off(received)
    if "disconnected without sending" in said and not received.begun:
        return Trouble("http_no_answer", Again.IF_REPEATABLE, host=received.host)
    reason = _reason(error)
    return Trouble("http_not_http", Again.IF_REPEATABLE, host=received.host, reason=reason)


def _broke_off(received: Received) -> Trouble:
    if not received.begun:
        return Trouble("http_no_answer", Again.IF_REPEATABLE, host=received.host)
    return Trouble(
        "http_broke_off", Again.IF_REPEATABLE, host=received.host, received=f"{received.size:,}"
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it came from, groups as well."""
    seen: set[int] = set()
    left = [error]
    while left:
        one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions


def _reason(error: BaseException) -> str:
    return (str(error) or type(error).__name__).rstrip(".")[:LONGEST_REASON]
