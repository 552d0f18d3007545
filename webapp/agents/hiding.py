"""Keeps secrets out of what is stored of an answer: servers like to repeat what they were sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

HIDDEN = "•••"
SHORTEST = 6
"""Shorter texts stand in every second answer by chance."""


def secrets_of(params: Mapping[str, Any]) -> tuple[str, ...]:
    """What of an MCP server's parameters is for nobody's eyes."""
    named = [*(params.get("env") or {}).values(), *(params.get("headers") or {}).values()]
    return tuple(map(str, named))


class Hiding:
    """Replaces secrets, in whole texts and in a stream whose pieces may cut one in two."""

    def __init__(self, secrets: Iterable[str]) -> None:
        texts = {part for secret in secrets for part in _ways(secret)}
        self._texts = sorted(
            (text for text in texts if len(text) >= SHORTEST), key=len, reverse=True
        )
        self._bytes = [text.encode() for text in self._texts]
        self._held = b""

    def text(self, text: str) -> str:
        """A whole text."""
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text

    def feed(self, data: bytes) -> bytes:
        """The next piece of a stream; what may be the beginning of a secret is held back."""
        if not self._bytes:
            return data
        data = self._held + data
        for secret in self._bytes:
            data = data.replace(secret, HIDDEN.encode())
        held = max(_overlap(data, secret) for secret in self._bytes)
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    def finish(self) -> bytes:
        """What was held back, and was no secret."""
        held, self._held = self._held, b""
        return held


def _ways(secret: str) -> Iterable[str]:
    """How a server may repeat it: as it is, without its scheme, or as an address or JSON has it."""
    yield from (secret, secret.partition(" ")[2], quote(secret, safe=""), quote(secret))
    yield json.dumps(secret)[1:-1]


def _overlap(data: bytes, secret: bytes) -> int:
    """How many bytes at the end of ``data`` are the beginning of ``secret``."""
    most = min(len(secret) - 1, len(data))
    return next((size for size in range(most, 0, -1) if data.endswith(secret[:size])), 0)
