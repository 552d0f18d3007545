"""Forwarding headers: believed only from the proxies that LINEUP_TRUSTED_PROXIES names."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from webapp.web.hosts import within

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class TrustedProxies:
    """Middleware: the client's address, scheme and host as told by a proxy that is trusted."""

    def __init__(self, app: WSGIApplication, trusted: Iterable[str]) -> None:
        self._networks = [ip_network(entry, strict=False) for entry in trusted]
        self._direct = app
        self._forwarded = ProxyFix(app, x_for=1, x_proto=1, x_host=1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, rewritten only if its peer is trusted."""
        trusted = within(environ.get("REMOTE_ADDR", ""), self._networks)
        return (self._forwarded if trusted else self._direct)(environ, start_response)
