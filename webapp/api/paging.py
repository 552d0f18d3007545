"""Cursors of lists: opaque to clients, and of use only with the filters they were given for."""

from __future__ import annotations

import hashlib

from webapp.domain.errors import Invalid

MOST = 2**63 - 1


def cursor(seq: int | None, wanted: object) -> str | None:
    """What a client sends to go on below a number; None where there is nothing below."""
    return None if seq is None else f"{seq}-{_mark(wanted)}"


def below(sent: str | None, wanted: object) -> int | None:
    """The number to go on below. Raises Invalid for what was never given, or for other filters."""
    if sent is None:
        return None
    number, _, mark = sent.partition("-")
    if not (number.isascii() and number.isdecimal() and 0 < int(number[:20]) <= MOST):
        raise Invalid.field("cursor", "send the next_cursor of the page before, as it came")
    if mark != _mark(wanted):
        raise Invalid.field("cursor", "it belongs to a page with other filters")
    return int(number)


def _mark(wanted: object) -> str:
    said = "\0".join(f"{name}={value}" for name, value in sorted(vars(wanted).items()))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:8]
