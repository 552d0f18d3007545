"""The fields of profiles, one by one: each check returns what is stored, or raises ValueError."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from webapp.domain import names
from webapp.domain.errors import Invalid
from webapp.domain.mcp import check_url
from webapp.domain.providers import PROVIDERS
from webapp.doors.intake import check_text, whole

Check = Callable[[Any], Any]

MAX_NAME = 100
MAX_MODEL = 200
MAX_TEXT = 10_000
MAX_KEY = 4_096
MAX_CONFIG = 20_000
MAX_DEPTH = 10
MAX_WAIT_S = 3_600.0
MAX_TOOLS = 2_000
LARGEST = 2**53
"""Numbers above this are not the same in every language that reads them."""

_SECRET_NAME = re.compile(
    r"(?i)(api[-_]?key|secret|password|passwd|authorization|credential|(^|[-_])token)"
)


def checked(raw: Mapping[str, Any], checks: Mapping[str, Check]) -> dict[str, Any]:
    """Every field that was sent, as it is stored; raises Invalid with all that are wrong."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, given in raw.items():
        try:
            values[name] = checks[name](given)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise Invalid.of(problems)
    return values


def optional(check: Check) -> Check:
    """Null, and a text that says nothing, are null."""

    def checked_or_null(value: Any) -> Any:
        empty = value is None or (isinstance(value, str) and not value.strip())
        return None if empty else check(value)

    return checked_or_null


def line(most: int) -> Check:
    """One line of text that people can see."""

    def check(value: Any) -> str:
        text = check_text(value, most).strip()
        if names.shown(text) != text:
            raise ValueError("must be one line, without characters that cannot be seen")
        return text

    return check


def profile_name(value: Any) -> str:
    """A name that can stand in an address."""
    text = str(line(MAX_NAME)(value))
    if "/" in text or text in (".", ".."):
        raise ValueError("must not contain a slash, nor be . or .., for it stands in addresses")
    return text


def text(value: Any) -> str:
    """A text of several lines."""
    return check_text(value, MAX_TEXT)


def provider(value: Any) -> str:
    """One of the providers there are."""
    if value not in PROVIDERS:
        known = ", ".join(PROVIDERS)
        raise ValueError(f"there is no provider {str(value)[:80]!r}; there is {known}")
    return str(value)


def base_url(value: Any) -> str:
    """Where a provider is asked, as the part that all its addresses have in common."""
    address = check_url(check_text(value, MAX_KEY)).rstrip("/")
    if "?" in address or "#" in address:
        raise ValueError("must have nothing behind ? or #")
    for ending in ("/chat/completions", "/completions", "/responses", "/messages"):
        if address.endswith(ending):
            raise ValueError(f"leave out {ending}: it is added")
    return address


def api_key(value: Any) -> str:
    """A key, never shown in a refusal."""
    key = check_text(value, MAX_KEY).strip()
    if any(not "!" <= letter <= "~" for letter in key):
        raise ValueError("must be one word of plain ASCII characters")
    return key


def number(low: float, high: float, *, above: bool = False) -> Check:
    """A number between two bounds; ``above``: more than the lower one."""
    from_low = f"above {low:g}" if above else f"from {low:g}"

    def check(value: Any) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not math.isfinite(value) or not low <= value <= high:
            raise ValueError(f"must be a number {from_low} to {high:g}")
        if above and value == low:
            raise ValueError(f"must be a number {from_low} to {high:g}")
        return float(value)

    return check


def seconds(value: Any) -> float:
    """How long something may take."""
    return float(number(0, MAX_WAIT_S, above=True)(value))


def flag(value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def config(value: Any) -> dict[str, Any]:
    """An object for the provider alone; keys and passwords are refused, for it is not encrypted."""
    if not isinstance(value, Mapping):
        raise ValueError("must be an object")
    for name in _names(value):
        if _SECRET_NAME.search(name):
            raise ValueError(f"{name[:80]} looks like a secret: those belong into api_key")
    try:
        written = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        raise ValueError("must be plain JSON, of valid Unicode and finite numbers") from None
    if len(written) > MAX_CONFIG or b"\\u0000" in written:
        raise ValueError(f"must be at most {MAX_CONFIG:,} bytes long, without a NUL character")
    return dict(value)


def _names(value: Any) -> Iterator[str]:
    """Every name in it; raises ValueError where it is nested too deeply."""
    level = [value]
    for _ in range(MAX_DEPTH):
        for part in level:
            if isinstance(part, Mapping):
                yield from map(str, part)
        inner = [list(p.values()) if isinstance(p, Mapping) else p for p in level]
        level = [one for part in inner if isinstance(part, list) for one in part]
        if not level:
            return
    raise ValueError(f"must not be nested more than {MAX_DEPTH} levels deep")


def tools(value: Any) -> dict[str, bool]:
    """Which tools of a server a task may use."""
    if not isinstance(value, Mapping) or not all(isinstance(on, bool) for on in value.values()):
        raise ValueError("must be an object of names of tools, each true or false")
    if len(value) > MAX_TOOLS:
        raise ValueError(f"holds more than {MAX_TOOLS} tools")
    return {check_text(name, 200): on for name, on in value.items()}


count = whole(1, LARGEST)
seed = whole(-LARGEST, LARGEST)
max_tokens = whole(1, 100_000_000)
