"""Which names this server answers to, and who counts as this machine."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from flask import Request

from webapp.config import Settings
from webapp.domain.errors import Forbidden, Refused

FORWARDING = ("Forwarded", "Via", "X-Real-IP")
FORWARDING_PREFIX = "x-forwarded-"


class HostNames:
    """The names a request may use for this server.

    A page of a foreign site whose name was re-bound to this machine's address sends that name:
    refusing unknown names is what keeps it out. The port is not compared, for it plays no part in
    that, and a tunnel (``ssh -L 8000:localhost:7420``) has a port of its own.
    """

    def __init__(self, settings: Settings) -> None:
        own = [settings.host, urlsplit(settings.public_url).hostname or ""]
        self._exact = {entry.lower() for entry in settings.allowed_hosts}
        self._names = {name.lower() for name in own if name}
        self._anywhere = _literal(settings.host) in (IPv4Address(0), IPv6Address(0))
        if not settings.on_loopback:
            self._names.add(socket.gethostname().lower())
        self.knows = functools.lru_cache(maxsize=256)(self._knows)

    def refuse_unknown(self, request: Request) -> None:
        """Raise unless the Host of the request is one of ours."""
        sent = request.environ.get("HTTP_HOST", "")
        if not self.knows(sent):
            raise Refused("host_unknown", host=sent[:200])

    def _knows(self, sent: str) -> bool:
        name = _name(sent)
        if name is None:
            return False
        if is_this_machine(name) or name in self._names or name in self._exact:
            return True
        # Only a name can be re-bound, an address cannot: it is where the browser really went.
        if self._anywhere and _literal(name) is not None:
            return True
        return sent.lower() in self._exact


def refuse_others(request: Request) -> None:
    """With LINEUP_AUTH=off: raise unless this very machine asks, by itself and by its own name."""
    name = _name(request.environ.get("HTTP_HOST", ""))
    if name is None or not is_this_machine(name) or not is_this_machine(request.remote_addr or ""):
        raise Forbidden("not_local")
    if any(name in request.headers for name in FORWARDING) or any(
        name.lower().startswith(FORWARDING_PREFIX) for name, _ in request.headers
    ):
        raise Forbidden("not_local")


def is_this_machine(name: str) -> bool:
    """Whether a host name or address is the loopback."""
    address = _literal(name)
    return name == "localhost" if address is None else address.is_loopback


def counted_address(request: Request) -> str:
    """The address that failures are counted under: for IPv6 the network its owner was given."""
    sent = request.remote_addr or "unknown"
    address = _literal(sent)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return sent[:64]


def within(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address lies in one of these networks."""
    found = _literal(address)
    return found is not None and any(found in network for network in networks)


def _name(host: str) -> str | None:
    """The name in a Host header, lower case and without port; None if it is not readable."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and "@" not in host else None


def _literal(name: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(name)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
