"""The address of a request as it may be saved: a parameter can never change where it leads."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from webapp.agents.http.filling import PLACE

LONGEST = 8192
SCHEMES = ("http", "https")


def checked(value: Any) -> str:
    """The address; raises ValueError with the reason."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be an address that begins with http:// or https://")
    address = value.strip()
    if len(address) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if re.search(r"[\x00-\x20\x7f\\]", PLACE.sub("", address)):
        raise ValueError("must hold no blank, no backslash and no control character")
    parts = urlsplit(address)
    if "{{" in address.partition("://")[0] or parts.scheme not in SCHEMES:
        raise ValueError("must begin with http:// or https://")
    if "{" in parts.netloc or "}" in parts.netloc:
        raise ValueError("takes parameters only behind the server's name, in path and query")
    if "@" in parts.netloc:
        raise ValueError("must hold no user or password: send Authorization in secret_headers")
    if parts.fragment or "{{" in PLACE.sub("", address):
        raise ValueError(
            "must not have a part behind #"
            if parts.fragment
            else "holds {{ that begins no parameter: those are {{name}}"
        )
    _check_for_sending(PLACE.sub("x", address))
    return address


def _check_for_sending(address: str) -> None:
    """Have the library that will send it look at it."""
    import httpx  # takes a while to import

    try:
        found = httpx.URL(address)
        _ = urlsplit(address).port  # raises ValueError for one that is none
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError(f"is no address: {error}") from None
    if not found.host:
        raise ValueError("names no server")


def origin(address: Any) -> tuple[str, str, int | None]:
    """Scheme, host and port: what an httpx.URL leads to."""
    port = address.port or {"http": 80, "https": 443}.get(address.scheme)
    return address.scheme, address.host.lower(), port
