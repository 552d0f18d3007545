"""Addresses that a request names: what of them is ours, and where a browser may be sent."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SITE = re.compile(r"^https?://[^/]*|#.*$")


def is_local_path(target: str) -> bool:
    """Whether a browser that is sent to ``target`` stays on this server."""
    if not target.startswith("/") or target.startswith("//") or "\\" in target:
        return False
    return target.isprintable() and not urlsplit(target).netloc


def without_site(address: str) -> str:
    """Path and query of the page that a browser says it shows; what is no address stays."""
    return _SITE.sub("", address)
