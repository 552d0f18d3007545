"""The settings of an http task, and the refusals that name what is wrong with them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from webapp.agents.http import address, filling, headers, presets, statuses
from webapp.agents.protocol import InvalidSetting

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
REPEATABLE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""What may be asked twice without doing more than asking once."""
BODY_BYTES_LIMIT = 1024 * 1024
DEEPEST = 50
QUERY_LIMIT = 200
LONGEST_S = 24 * 3600.0
MOST_RETRIES = 20
MOST_MB = 1024


@dataclass(frozen=True)
class HttpSettings:
    """One request; ``body`` None: none, a text: as it is, anything else: as JSON."""

    url: str
    preset: str = presets.REQUEST
    method: str = "GET"
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = None
    expected_status: str = statuses.DEFAULT
    request_timeout_s: float = 300.0
    connect_timeout_s: float = 10.0
    read_timeout_s: float | None = None
    request_retries: int = 2
    request_retry_delay_s: float = 1.0
    retry_unsafe: bool = False
    follow_redirects: bool = True
    verify_tls: bool = True
    max_response_mb: int = 16
    langflow_flow: str | None = None
    input_value: str | None = None
    input_type: str | None = None
    output_type: str | None = None
    tweaks: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """What is stored: what was not given and has no default is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again although it may have been carried out."""
        return self.retry_unsafe or self.method in REPEATABLE


def check(settings: Mapping[str, Any]) -> HttpSettings:
    """Refuse, by field and reason, what no request can be made of."""
    for name in settings:
        if name not in CHECKS:
            raise InvalidSetting(name, f"is not a setting of http; those are {', '.join(CHECKS)}")
    given = {name: value for name, value in settings.items() if value is not None}
    if "url" not in given:
        raise InvalidSetting("url", "say which address is to be called")
    values = {name: _checked(name, value) for name, value in given.items()}
    preset = values.setdefault("preset", presets.REQUEST)
    values.setdefault("method", "POST" if preset != presets.REQUEST or "body" in given else "GET")
    presets.check(values)
    checked = HttpSettings(**values)
    headers.check_apart(checked.headers, checked.secret_headers)
    _check_body(checked)
    return checked


def _checked(name: str, value: Any) -> Any:
    try:
        return CHECKS[name](value)
    except ValueError as error:
        raise InvalidSetting(name, str(error)) from None


def _check_body(checked: HttpSettings) -> None:
    """A text that is sent as JSON must be JSON, or a parameter could break out of it."""
    if isinstance(checked.body, str) and headers.media_type(checked.headers).endswith("json"):
        raise InvalidSetting(
            "body", 'must be JSON itself where Content-Type says so; write "{{name}}" in quotes'
        )


def _one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        word = value.upper() if isinstance(value, str) and words is METHODS else value
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(word)

    return check


def _query(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object of names and values")
    if len(value) > QUERY_LIMIT:
        raise ValueError(f"holds more than {QUERY_LIMIT} names")
    for name, one in value.items():
        for each in one if isinstance(one, list) else [one]:
            if not isinstance(each, str | int | float | bool | None):
                raise ValueError(f"the value of {name} must be a text, a number or a list of them")
    return dict(_json(value))


def _json(value: Any) -> Any:
    if _deeper_than(value, DEEPEST):
        raise ValueError(f"is nested more than {DEEPEST} deep")
    try:
        written = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character") from None
    except (ValueError, TypeError, RecursionError):
        raise ValueError("cannot be sent as JSON") from None
    if len(written) > BODY_BYTES_LIMIT:
        raise ValueError(f"is longer than {BODY_BYTES_LIMIT} bytes")
    return value


def _deeper_than(value: Any, levels: int) -> bool:
    inner = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(inner, list):
        return False
    return levels == 0 or any(_deeper_than(one, levels - 1) for one in inner)


def _object(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object")
    return _json(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return str(_json(value))


def _number(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return check


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


CHECKS: dict[str, Callable[[Any], Any]] = {
    "preset": _one_of(presets.PRESETS),
    "method": _one_of(METHODS),
    "url": address.checked,
    "query": _query,
    "headers": headers.checked,
    "secret_headers": headers.checked_secret,
    "secret_params": filling.checked_secrets,
    "body": _json,
    "expected_status": statuses.checked,
    "request_timeout_s": _number(0.1, LONGEST_S),
    "connect_timeout_s": _number(0.1, 600.0),
    "read_timeout_s": _number(0.1, LONGEST_S),
    "request_retries": _whole(0, MOST_RETRIES),
    "request_retry_delay_s": _number(0.0, 600.0),
    "retry_unsafe": _flag,
    "follow_redirects": _flag,
    "verify_tls": _flag,
    "max_response_mb": _whole(1, MOST_MB),
    "langflow_flow": presets.flow_name,
    "input_value": _text,
    "input_type": _text,
    "output_type": _text,
    "tweaks": _object,
}
"""Every setting, and what it may be."""
