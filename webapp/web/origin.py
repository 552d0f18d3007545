"""Where a request that changes something may come from, and in which form its body."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request

from webapp.config import Settings
from webapp.domain.errors import Forbidden, WrongMediaType

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"same-origin", "none"})
JSON = "application/json"


class Origins:
    """The rule that keeps other sites from using a visitor's browser, whoever they log in as."""

    def __init__(self, settings: Settings) -> None:
        self._public = _origin(settings.public_url)
        self._allowed = {entry.lower().rstrip("/") for entry in settings.allowed_origins}

    def refuse_foreign(self, request: Request) -> None:
        """Raise if a browser says that another site is behind this request.

        Programs send neither header and pass; browsers send at least ``Origin`` with every
        request that changes something, and no script can take it away or change it.
        """
        origin = request.headers.get("Origin")
        if origin is not None:
            origin = origin.lower()
            if origin in self._allowed and origin != "null":
                return
            if origin not in (f"{request.scheme}://{request.host}".lower(), self._public):
                raise Forbidden("foreign_origin", origin=origin[:200])
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None and site not in OWN_SITES:
            raise Forbidden("foreign_origin", origin=origin or f"another site ({site[:20]})")


def refuse_other_bodies(request: Request, expected: str = JSON, *, any_json: bool = False) -> None:
    """Raise if a call of the API has a body that is not JSON, or not the form that files come in.

    A form on any site can send text/plain that reads as JSON; it cannot send application/json, nor
    application/…+json, which web hooks take as well: with ``any_json``.
    """
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    fits = request.mimetype == expected or (any_json and request.is_json)
    if (has_body or expected != JSON) and not fits:
        raise WrongMediaType(expected=expected)


def _origin(url: str) -> str | None:
    if not url:
        return None
    parts = urlsplit(url.lower())
    default = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
