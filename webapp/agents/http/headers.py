"""Headers as they may be saved: well formed, not the transport's own, and secret ones apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from webapp.agents.protocol import InvalidSetting

MOST = 100
LONGEST = 16_384
OWN = {
    *("connection", "content-length", "expect", "host", "keep-alive", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
}
"""What the connection itself needs to be right."""
SECRET = {
    *("authorization", "cookie", "proxy-authorization", "x-api-key", "api-key"),
    *("x-auth-token", "private-token", "x-gitlab-token", "x-access-token"),
}
"""What is a secret by its name."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}", re.ASCII)


def checked(value: Any) -> dict[str, str]:
    """Headers that everybody may see; raises ValueError with the reason."""
    found = checked_secret(value)
    for name in found:
        if name.lower() in SECRET:
            raise ValueError(f"{name} is a secret: send it in secret_headers, which are encrypted")
    return found


def checked_secret(value: Any) -> dict[str, str]:
    """Headers; no reason shows a value."""
    if not isinstance(value, Mapping):
        raise ValueError("must be an object of names and texts")
    if len(value) > MOST:
        raise ValueError(f"holds more than {MOST} headers")
    for name, text in value.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{str(name)[:80]!r} is no name of a header")
        if name.lower() in OWN:
            raise ValueError(f"{name} is set by the connection itself")
        if not isinstance(text, str):
            raise ValueError(f"the value of {name} must be a text")
        if any(not " " <= letter <= "~" and letter != "\t" for letter in text):
            raise ValueError(f"the value of {name} must be plain ASCII characters on one line")
        if len(text) > LONGEST:
            raise ValueError(f"the value of {name} is longer than {LONGEST} characters")
    if len({name.lower() for name in value}) < len(value):
        raise ValueError("holds a header twice, for capitals make no difference")
    return {name: text.strip() for name, text in value.items()}


def check_apart(plain: Mapping[str, str], secret: Mapping[str, str]) -> None:
    """Refuse a header that is both; raises InvalidSetting."""
    both = {name.lower() for name in plain} & {name.lower() for name in secret}
    if both:
        raise InvalidSetting("secret_headers", f"{min(both)} stands in headers, too")


def media_type(headers: Mapping[str, str]) -> str:
    """The Content-Type in small letters, without its parameters; empty if there is none."""
    for name, text in headers.items():
        if name.lower() == "content-type":
            return text.partition(";")[0].strip().lower()
    return ""
