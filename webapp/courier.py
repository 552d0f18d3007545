"""Carries notices out of the house, by apprise: which addresses may be, how long it may take.

apprise is imported late: it is heavy, and most of what the program does needs none of it.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from webapp import clock
from webapp.domain.errors import Invalid
from webapp.domain.secrets import MASK

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

Kind = Literal["info", "success", "warning", "failure"]

SEND_S = 20.0
"""How long a service may take before it counts as silent. What was asked of it may go on."""
LONGEST = 4_096
"""Characters of an address."""
LONGEST_SAID = 500
LOCAL = {"macosx", "windows", "gnome", "dbus", "glib", "syslog", "blink1"}
"""Modules of apprise that run programs of the server's own machine, or talk to its desktop, its
log or its devices."""
REACHES_NOBODY = (
    "this service reaches nobody elsewhere: it would run a program of the server's own machine, "
    "or talk to its desktop, log or devices"
)
PLAIN = {"http": "json", "https": "jsons"}
"""What somebody means who gives a web hook's own address."""
SECRET_FROM = 4
"""Parts of an address that are shorter give nothing away."""
ENDING_FROM = 16
"""So long must the last part of an address be for its last four characters to be shown."""
LONGEST_PLACE = 150

_SCHEME = re.compile(r"([a-z0-9]{1,32})://(.*)", re.DOTALL | re.IGNORECASE)
_CAUSE = re.compile(r"\(Caused by \w+\((?:.*?: )?(?P<why>.+?)\)+$")
_here = threading.local()


@dataclass(frozen=True)
class Address:
    """What may be known of an address that can be used."""

    service: str
    """The scheme by which apprise knows the service: ``tgram``, ``mailtos``, ``json``."""
    shown: str
    """The address without what may be secret in it."""


@dataclass(frozen=True)
class Sent:
    """Whether a service took a notice, what it said, and how long that took."""

    ok: bool
    said: str
    took_ms: int


class Courier:
    """Checks addresses, and sends to them; knows nothing else of the program."""

    def __init__(self, *, patience_s: float = SEND_S) -> None:
        self._patience_s = patience_s

    def ready(self) -> None:
        """Have at hand what sending needs, before anything is taken to be sent."""
        import apprise  # noqa: F401

    def check(self, address: str) -> Address:
        """What may be known of an address; raises Invalid for ``url``."""
        match = _SCHEME.fullmatch(address)
        if match is None:
            raise _wrong("it begins with the name of a service and ://, as in mailto:// or json://")
        if len(address) > LONGEST or not address.isprintable():
            raise _wrong(f"it is one line of at most {LONGEST} characters")
        scheme = match[1].lower()
        plugin, said = _made(address)
        if plugin is None:
            if scheme in PLAIN:
                raise _wrong(f"for a web hook of your own begin it with {PLAIN[scheme]}://")
            raise _wrong(said or f"“{scheme}” needs more than this")
        service = scheme if scheme not in PLAIN else _scheme_of(plugin)
        return Address(service, _shown(service, match[2], plugin))

    def send(self, address: str, title: str, text: str, kind: Kind = "info") -> Sent:
        """Send one notice, and wait no longer than is decent."""
        answer: list[tuple[bool, str]] = []
        done = threading.Event()

        def send() -> None:
            try:
                answer.append(_sent(address, title, text, kind))
            except Exception as error:  # noqa: BLE001 - a plug-in of apprise may raise anything
                said = f"{type(error).__name__}: {error}"
                answer.append((False, _without_secrets(said, address, None)))
            finally:
                done.set()

        began = clock.monotonic()
        threading.Thread(target=send, name="courier", daemon=True).start()
        done.wait(self._patience_s)
        took_ms = round((clock.monotonic() - began) * 1000)
        ok, said = answer[0] if answer else (False, f"no answer within {self._patience_s:g} s")
        return Sent(ok, said, took_ms)


def _sent(address: str, title: str, text: str, kind: Kind) -> tuple[bool, str]:
    plugin, said = _made(address)
    if plugin is None:
        return False, said or "this address cannot be used any more"
    with _listening() as heard:
        ok = bool(plugin.notify(body=text, title=title, notify_type=kind))
    level = logging.INFO if ok else logging.WARNING
    words = [line for at, line in heard if at >= level]
    return ok, _without_secrets(_joined(words), address, plugin)


def _made(address: str) -> tuple[NotifyBase | None, str]:
    """The service of an address, or None and why."""
    from apprise import Apprise, AppriseAsset
    from apprise.manager_plugins import NotificationManager

    scheme = address.partition("://")[0].lower()
    known: Any = NotificationManager()  # type: ignore[no-untyped-call]
    if scheme not in PLAIN and scheme not in known:
        return None, f"there is no service “{scheme}”"
    if scheme not in PLAIN and _module(known[scheme]) in LOCAL:
        return None, REACHES_NOBODY
    asset = AppriseAsset(async_mode=False, storage_mode="memory", app_id="Lineup")
    with _listening() as heard:
        try:
            plugin = Apprise.instantiate(address, asset=asset, suppress_exceptions=False)
        except Exception as error:  # noqa: BLE001 - the same
            heard.append((logging.WARNING, str(error)))
            plugin = None
    if plugin is None:
        words = _joined([line for at, line in heard if at >= logging.WARNING])
        return None, _without_secrets(words, address, None)
    return plugin, ""


def _module(service: type[NotifyBase]) -> str:
    return service.__module__.removeprefix("apprise.plugins.").partition(".")[0]


def _scheme_of(plugin: Any) -> str:
    known: Any = plugin.secure_protocol or plugin.protocol
    return str(known if isinstance(known, str) else known[0])


def _shown(service: str, rest: str, plugin: NotifyBase) -> str:
    """Where it leads if that is a host, and how it ends if that gives little away."""
    last = re.split(r"[/:@?&=#]", rest.rstrip("/"))[-1]
    ending = last[-4:] if len(last) >= ENDING_FROM else ""
    place = ""
    if _has_host(plugin) and plugin.host:
        place = f"{plugin.host}:{plugin.port}/" if plugin.port else f"{plugin.host}/"
    return f"{service}://{place[:LONGEST_PLACE]}{MASK}{ending}"


def _has_host(plugin: NotifyBase) -> bool:
    """Whether what stands first in its address is a host, and no part of a secret."""
    return "host" in type(plugin).template_tokens


class _Ear(logging.Handler):
    """Hears what apprise says in each thread: it tells its callers no more than yes or no."""

    def emit(self, record: logging.LogRecord) -> None:
        heard = getattr(_here, "heard", None)
        if heard is None:
            return
        message = record.getMessage()
        if record.levelno >= logging.INFO:
            heard.append((record.levelno, message))
        elif message.startswith("Response Details") and record.args:
            heard.append((logging.WARNING, _body(record.args)))
        elif message.startswith("Socket Exception"):
            heard.append((logging.WARNING, _reason(message.partition(": ")[2])))


@contextmanager
def _listening() -> Iterator[list[tuple[int, str]]]:
    logger = logging.getLogger("apprise")
    if not any(isinstance(handler, _Ear) for handler in logger.handlers):
        logger.addHandler(_Ear())
        logger.propagate = False  # what it says may hold an address, and is for us alone
        logger.setLevel(logging.DEBUG)
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings name whole addresses
    heard: list[tuple[int, str]] = []
    _here.heard = heard
    try:
        yield heard
    finally:
        _here.heard = None


def _body(arguments: Any) -> str:
    (body,) = arguments if isinstance(arguments, tuple) else (b"",)
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _reason(said: str) -> str:
    """The cause that a library of HTTP wraps in three layers of itself."""
    found = _CAUSE.search(said)
    return found["why"].strip("\"'") if found else said


def _joined(lines: list[str]) -> str:
    text = " ".join(dict.fromkeys(line.strip() for line in lines if line.strip()))
    return text if len(text) <= LONGEST_SAID else f"{text[:LONGEST_SAID]}…"


def _without_secrets(text: str, address: str, plugin: NotifyBase | None) -> str:
    """What was said, without any part of the address; its host is none where it is one."""
    rest = address.partition("://")[2]
    parts = {part for one in (rest, unquote(rest)) for part in re.split(r"[/:@?&=#,;+ ]", one)}
    parts |= {rest, *re.findall(r"(?<=[=:/@])[^/@?&#]+", rest)}
    if plugin is not None and _has_host(plugin):
        parts.discard(urlsplit(address).hostname or "")
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= SECRET_FROM:
            text = text.replace(part, "…")
    return text


def _wrong(reason: str) -> Invalid:
    return Invalid.field("url", reason)
