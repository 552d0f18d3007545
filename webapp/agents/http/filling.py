"""Fills ``{{name}}`` with parameters, each place in the way that it cannot be broken out of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from xml.sax.saxutils import escape

from webapp.agents.protocol import AgentFailed

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
PLACE = re.compile(rf"\{{\{{\s*({NAME.pattern})\s*\}}\}}", re.ASCII)
_WHOLE = re.compile(rf"\s*{PLACE.pattern}\s*", re.ASCII)


MOST_SECRETS = 50
LONGEST_SECRET = 16_384


def checked_secrets(value: Any) -> dict[str, str]:
    """Parameters that are secret; raises ValueError with a reason that shows no value."""
    if not isinstance(value, Mapping):
        raise ValueError("must be an object of names and texts")
    if len(value) > MOST_SECRETS:
        raise ValueError(f"holds more than {MOST_SECRETS} parameters")
    for name, text in value.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(f"{str(name)[:80]!r} is no name of a parameter")
        if not isinstance(text, str) or not text or len(text) > LONGEST_SECRET:
            raise ValueError(f"{name} must be a text of 1 to {LONGEST_SECRET} characters")
    return dict(value)


class Filling:
    """The parameters of one run; raises AgentFailed where one is missing or cannot be used."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params

    def url(self, template: str) -> str:
        """An address: values are percent-encoded, and none can lead out of its path."""
        parts = urlsplit(template)
        path = self._text(parts.path, "address", self._step)
        if _climbs(path) and not _climbs(PLACE.sub("x", parts.path)):
            name = PLACE.findall(parts.path)[0]
            raise self._bad(name, "address", "it would lead to another directory")
        query = self._text(parts.query, "address", lambda text: quote(text, safe=""))
        return urlunsplit((parts.scheme, parts.netloc, path, query, ""))

    def query(self, pairs: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The pairs of a query, not yet encoded; a list is a pair for each of its values."""
        found: list[tuple[str, str]] = []
        for name, value in pairs.items():
            filled = self._typed(value, "query")
            values = filled if isinstance(filled, list) else [filled]
            found += [(name, as_text(one)) for one in values if one is not None]
        return found

    def header(self, template: str) -> str:
        """The value of a header."""

        def visible(text: str) -> str:
            if any(not " " <= letter <= "~" and letter != "\t" for letter in text):
                raise ValueError("a header takes plain ASCII characters only")
            return text

        return self._text(template, "headers", visible)

    def json(self, template: Any) -> Any:
        """A JSON body: a text that is a placeholder alone becomes the value with its type."""
        return self._typed(template, "body")

    def text(self, template: str, media_type: str) -> str:
        """Any other body: values are written as its media type wants them."""
        encode: Callable[[str], str] = str
        if media_type == "application/x-www-form-urlencoded":
            encode = lambda text: quote(text, safe="")  # noqa: E731
        elif media_type.endswith(("/xml", "+xml", "/html")):
            encode = lambda text: escape(text, {'"': "&quot;", "'": "&apos;"})  # noqa: E731
        return self._text(template, "body", encode)

    def _typed(self, template: Any, place: str) -> Any:
        if isinstance(template, str):
            whole = _WHOLE.fullmatch(template)
            return self._value(whole[1], place) if whole else self._text(template, place, str)
        if isinstance(template, Mapping):
            return {name: self._typed(value, place) for name, value in template.items()}
        if isinstance(template, list):
            return [self._typed(value, place) for value in template]
        return template

    def _text(self, template: str, place: str, encode: Callable[[str], str]) -> str:
        def value(found: re.Match[str]) -> str:
            try:
                return encode(as_text(self._value(found[1], place)))
            except ValueError as error:
                raise self._bad(found[1], place, str(error)) from None

        return PLACE.sub(value, template)

    def _value(self, name: str, place: str) -> Any:
        if name not in self._params:
            raise AgentFailed("http_no_parameter", name=name, place=place)
        return self._params[name]

    @staticmethod
    def _step(text: str) -> str:
        """A value in a path: without one, another place would be meant."""
        if not text:
            raise ValueError("it is empty")
        return quote(text, safe="")

    @staticmethod
    def _bad(name: str, place: str, reason: str) -> AgentFailed:
        return AgentFailed("http_bad_parameter", name=name, place=place, reason=reason)


def asked_for(settings: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that settings speak of, each with the first setting that does.

    Those that the settings themselves give a secret value are not asked for.
    """
    found: dict[str, str] = {}
    given = settings.get("secret_params") or {}
    for place in ("url", "query", "headers", "body", "input_value", "tweaks"):
        for text in _texts(settings.get(place)):
            for name in PLACE.findall(text):
                if name not in given:
                    found.setdefault(name, place)
    return found


def as_text(value: Any) -> str:
    """A value where only text can stand: true and false in small letters, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for inner in template.values():
            yield from _texts(inner)
    elif isinstance(template, list):
        for inner in template:
            yield from _texts(inner)


def _climbs(path: str) -> bool:
    parts = unquote(unquote(path)).replace("\\", "/").split("/")
    return any(part in {".", ".."} for part in parts)
