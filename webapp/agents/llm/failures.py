"""Why a provider or a server of tools failed, in words and with its own, never with a secret.

What the libraries raise is known by its names and its attributes: to look at an error imports none
of them.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from webapp.agents.hiding import Hiding

MESSAGES = {
    "llm_no_provider": "There is no provider “%(provider)s”.",
    "llm_extra_missing": "This provider needs an extra that is not installed: %(extra)s.",
    "llm_no_key": "“%(profile)s” has no API key, and its provider answers nobody without one.",
    "llm_aws": "Amazon Bedrock cannot be asked: %(words)s",
    "llm_key_refused": "The provider refused the API key (%(status)s): %(words)s",
    "llm_not_found": "The provider knows no such model or address (%(status)s): %(words)s",
    "llm_quota": "The account at the provider is used up (%(status)s): %(words)s",
    "llm_rate_limited": "The provider is being asked too often (%(status)s): %(words)s",
    "llm_too_long": "It is more than the model takes (%(status)s): %(words)s",
    "llm_server_error": "The provider failed (%(status)s): %(words)s",
    "llm_rejected": "The provider refused the request (%(status)s): %(words)s",
    "llm_timeout": "The provider did not answer in time.",
    "llm_timeout_s": "The provider did not answer within %(seconds)s s.",
    "llm_connection_refused": "%(host)s refused the connection.",
    "llm_unknown_host": "There is no host named %(host)s, as far as this machine knows.",
    "llm_tls": "No encrypted connection to %(host)s came about: %(words)s",
    "llm_cut": "%(host)s cut the connection: %(words)s",
    "llm_unreachable": "%(host)s cannot be reached: %(words)s",
    "llm_bad_answer": "The provider answered what cannot be read: %(words)s",
    "llm_failed": "%(words)s",
}
LONGEST = 1_000
DEEPEST = 8

_AUTHENTICATION = {"ModelAuthenticationError", "AuthenticationError", "PermissionDeniedError"}
_NOT_FOUND = {"ModelNotFoundError", "NotFoundError"}
_BUSY = {"ModelRateLimitError", "RateLimitError"}
_BROKEN = {"ModelUnavailableError", "ModelServerError", "InternalServerError"}
_TIMEOUTS = {
    *("ModelTimeoutError", "ModelRequestTimeout", "APITimeoutError", "TimeoutException"),
    *("TimeoutError", "ReadTimeoutError", "ConnectTimeoutError"),
}
_CONNECTIONS = {
    *("ModelConnectionError", "APIConnectionError", "TransportError", "ConnectionError"),
    *("EndpointConnectionError", "ConnectionClosedError"),
}
_UNREADABLE = {"UnexpectedModelBehavior", "JSONDecodeError", "APIResponseValidationError"}
_CUT = {"RemoteProtocolError", "ReadError", "WriteError", "ConnectionResetError", "BrokenPipeError"}


class Unusable(Exception):
    """A profile of which no model can be made: a code of the messages, with its parameters."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(MESSAGES[code] % params)
        self.code, self.params = code, params


def explained(error: BaseException, secrets: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The code of a message and its parameters; no secret is in them."""
    if isinstance(error, Unusable):
        code, params = error.code, dict(error.params)
    else:
        code, params = _explained(error)
    hiding = Hiding(secrets)
    return code, {n: hiding.text(v) if isinstance(v, str) else v for n, v in params.items()}


def may_repeat(error: BaseException) -> bool:
    """Whether the same request may fare better in a while."""
    names, status = _names(error), _status(error)
    if getattr(error, "provider_retry_hint", None) is False or "ModelQuotaExceededError" in names:
        return False
    if names & (_BUSY | _BROKEN):
        return True
    if status is not None:
        return status in (408, 425, 429) or status >= 500
    return bool(names & (_TIMEOUTS | _CONNECTIONS)) and _certificate(error) is None


def retry_after_s(error: BaseException) -> float | None:
    """How long the provider asked to be left alone; None if it did not."""
    said = getattr(error, "retry_after", None)
    if said is None:
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        try:
            said = float(headers.get("retry-after", ""))
        except (TypeError, ValueError, AttributeError):  # a date, or nothing
            return None
    return float(said) if said >= 0 else None


def _explained(error: BaseException) -> tuple[str, dict[str, Any]]:
    names, status = _names(error), _status(error)
    answered = {"status": status, "words": _words(error)}
    if status is not None or names & (_AUTHENTICATION | _NOT_FOUND | _BUSY | _BROKEN):
        return _by_status(names, status or 0), answered
    if names & _TIMEOUTS:
        seconds = getattr(error, "timeout", None)
        if isinstance(seconds, int | float):
            return "llm_timeout_s", {"seconds": f"{seconds:g}"}
        return "llm_timeout", {}
    if names & _CONNECTIONS:
        return _unreached(error)
    if any(_names(cause) & _UNREADABLE for cause in _causes(error)):
        return "llm_bad_answer", {"words": _words(error)}
    return "llm_failed", {"words": _words(error)}


def _by_status(names: set[str], status: int) -> str:
    for code, kinds, statuses in (
        ("llm_quota", {"ModelQuotaExceededError"}, (402,)),
        ("llm_too_long", {"ModelContextWindowExceededError"}, ()),
        ("llm_key_refused", _AUTHENTICATION, (401, 403)),
        ("llm_not_found", _NOT_FOUND, (404,)),
        ("llm_rate_limited", _BUSY, (429,)),
        ("llm_server_error", _BROKEN, range(500, 600)),
    ):
        if names & kinds or status in statuses:
            return code
    return "llm_rejected"


def _unreached(error: BaseException) -> tuple[str, dict[str, Any]]:
    host = _host(error)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", None) or cause.reason or str(cause)
            return "llm_tls", {"host": host, "words": reason}
        if isinstance(cause, socket.gaierror):
            return "llm_unknown_host", {"host": host}
        if isinstance(cause, ConnectionRefusedError):
            return "llm_connection_refused", {"host": host}
        if type(cause).__name__ in _CUT:
            return "llm_cut", {"host": host, "words": str(cause) or "it was not over yet"}
    if "All connection attempts failed" in str(list(_causes(error))):
        return "llm_connection_refused", {"host": host}
    return "llm_unreachable", {"host": host, "words": _words(error)}


def _certificate(error: BaseException) -> ssl.SSLError | None:
    return next((one for one in _causes(error) if isinstance(one, ssl.SSLError)), None)


def _host(error: BaseException) -> str:
    for cause in _causes(error):
        try:
            url: Any = cause.request.url  # type: ignore[attr-defined]
        except (AttributeError, RuntimeError):  # it has none, or was given none
            continue
        if host := getattr(url, "host", None):
            port = getattr(url, "port", None)
            return f"{host}:{port}" if port else str(host)
    return "the provider"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came of."""
    found: BaseException | None = error
    seen: list[BaseException] = []
    while found is not None and found not in seen and len(seen) < DEEPEST:
        seen.append(found)
        yield found
        if isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        else:
            found = found.__cause__ or found.__context__


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _status(error: BaseException) -> int | None:
    """The status of HTTP that it was answered with."""
    for found in (
        getattr(error, "status_code", None),
        getattr(getattr(error, "response", None), "status_code", None),
        getattr(error, "code", None),  # as Google's library calls it
    ):
        if isinstance(found, int) and 400 <= found < 600:
            return found
    return None


def _words(error: BaseException) -> str:
    """What the provider said, or the library where it said nothing."""
    body = getattr(error, "body", None)
    if body is None:
        body = getattr(error, "details", None)
    said = _said(body) or getattr(error, "message", None) or str(error)
    return " ".join(str(said).split())[:LONGEST] or type(error).__name__


def _said(body: Any, deep: int = DEEPEST) -> str:
    """The sentence in the body of an error, wherever it stands, and its code."""
    if isinstance(body, str):
        try:
            inner = json.loads(body)
        except ValueError:
            return body
        return _said(inner, deep - 1) if deep and not isinstance(inner, str) else body
    if isinstance(body, list) and body and deep:
        return _said(body[0], deep - 1)
    if not isinstance(body, Mapping) or not deep:
        return ""
    if (inner := body.get("error")) and isinstance(inner, Mapping | str):
        return _said(inner, deep - 1)
    text = body.get("message") or body.get("detail") or body.get("Message")
    if text is None:
        return json.dumps(dict(body), default=str, ensure_ascii=False) if body else ""
    words = text if isinstance(text, str) else json.dumps(text, default=str, ensure_ascii=False)
    code = body.get("code") or body.get("type") or body.get("status")
    return f"{words} ({code})" if isinstance(code, str) and code not in words else words
